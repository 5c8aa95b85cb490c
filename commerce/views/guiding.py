"""The configurator's two ways: three steps for small companies, everything on one page for large ones."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.http import AccountRequest
from commerce.configuring.configurations import Typed
from commerce.configuring.forms import ConfigurationForm
from commerce.models import ConfigurationSource, ConfiguratorStep

GUIDED, FULL = "guided", "full"
SMALL_TIERS = frozenset({"essential", "growth"})  # Whose people are led, until they choose otherwise.
_CHOICE = "configurator"  # In the session.
STEPS = (ConfiguratorStep.PLAN, ConfiguratorStep.ADDONS, ConfiguratorStep.REVIEW)
# What goes along from page to page and is no product.
_CARRIED = ("source", "saved")


@dataclass(frozen=True)
class Guide:
    """Where somebody stands in the three steps."""

    step: ConfiguratorStep

    @property
    def next(self) -> ConfiguratorStep | None:
        at = STEPS.index(self.step)
        return STEPS[at + 1] if at + 1 < len(STEPS) else None

    @property
    def previous(self) -> ConfiguratorStep | None:
        at = STEPS.index(self.step)
        return STEPS[at - 1] if at else None

    @property
    def steps(self) -> list[dict[str, str]]:
        """For the line of steps above the form."""
        at = STEPS.index(self.step)
        states = ["done" if i < at else "current" if i == at else "todo" for i in range(len(STEPS))]
        return [
            {"label": str(step.label), "state": state, "url": ""} for step, state in zip(STEPS, states, strict=True)
        ]


def guide_of(data: QueryDict) -> Guide | None:
    """The step that a form of the guided configurator asks for; None for the full one."""
    step = data.getlist("step")[-1:]
    return Guide(ConfiguratorStep(step[0])) if step and step[0] in STEPS else None


def is_guided(request: AccountRequest) -> bool:
    """What the person chose, kept for the session; else by the size of the company."""
    chosen, remembered = request.GET.get("view", ""), request.session.get(_CHOICE)
    if chosen in (GUIDED, FULL):
        if chosen != remembered:
            request.session[_CHOICE] = chosen
        return chosen == GUIDED
    if guide_of(request.GET) is not None:
        return True
    if remembered is not None:
        return bool(remembered == GUIDED)
    return request.account.tier.code in SMALL_TIERS


def reached(request: AccountRequest, form: ConfigurationForm) -> Guide | None:
    """The step to show: the one asked for, or that of the first mistake. None for the full configurator."""
    if not is_guided(request):
        return None
    asked = guide_of(request.GET) or Guide(ConfiguratorStep.PLAN)
    if not form.is_bound or form.is_valid() or form.is_understood:
        return asked
    if {"plan", "seats"} & form.errors.keys() or asked.step is ConfiguratorStep.PLAN:
        return Guide(ConfiguratorStep.PLAN)
    return Guide(ConfiguratorStep.ADDONS)


def typed_in(form: ConfigurationForm, data: QueryDict) -> Typed | None:
    """What somebody has put together with a form; None while it can't be read, or changes nothing."""
    form.is_valid()
    if not form.is_understood or form.nothing_changes:
        return None
    guide, source = guide_of(data), data.get("source", "")
    return Typed(
        configuration=form.configuration,
        priced=form.priced,
        source=ConfigurationSource(source) if source in ConfigurationSource.values else ConfigurationSource.SCRATCH,
        step=guide.step if guide else ConfiguratorStep.ALL,
    )


def carried_by(data: QueryDict | None) -> list[tuple[str, str]]:
    """What a form passes on unseen."""
    return [(name, str(data[name])[:40]) for name in _CARRIED if data and name in data]


def other_view(form: ConfigurationForm, guide: Guide | None, carried: list[tuple[str, str]]) -> dict[str, str]:
    """The link to the configurator's other way, with what was typed so far."""
    typed = {name: str(value) for name, value in form.initial.items() if name in form.fields}
    query = urlencode({"view": FULL if guide else GUIDED, **dict(carried), **typed})
    label = _("Show everything on one page") if guide else _("Go step by step")
    return {"url": f"{reverse('commerce:configure')}?{query}", "label": label}
