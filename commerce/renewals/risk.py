"""How likely a contract is lost, as somebody or something upstairs works it out, and writes it down here."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.scope import staff_scope
from commerce.models import Contract
from tracking.actor import Actor

MEDIUM_FROM, HIGH_FROM = 34, 67
CERTAIN_LOSS = 100


class RiskBand(models.TextChoices):
    UNKNOWN = "unknown", _("Not known yet")
    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")

    @property
    def tone(self) -> str:
        return {"low": "success", "medium": "warning", "high": "error"}.get(self.value, "neutral")


def band_of(score: int | None) -> RiskBand:
    """The band that a score of 0 to 100 belongs to."""
    if score is None:
        return RiskBand.UNKNOWN
    return RiskBand.HIGH if score >= HIGH_FROM else RiskBand.MEDIUM if score >= MEDIUM_FROM else RiskBand.LOW


def set_risk(*, contract: Contract, score: int | None, actor: Actor) -> None:
    """Write down how likely the contract is lost: 0 not at all, 100 certainly; None where nobody knows any more.

    Raises ValueError for other scores. The same score again writes nothing.
    """
    if score is not None and not 0 <= score <= CERTAIN_LOSS:
        raise ValueError(f"{score} is no risk between 0 and 100")
    with staff_scope(actor):
        Contract.objects.filter(pk=contract.pk).exclude(risk_score=score).update(risk_score=score)
    contract.risk_score = score
