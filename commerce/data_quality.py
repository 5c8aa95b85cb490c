"""What selling asks of a company's data."""

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from accounts.measures import Measure
from commerce.models import Contract

MEASURES = [
    Measure(
        "end-date",
        _("Running contract with its end date"),
        _("Nobody knows when it renews."),
        lambda today: Exists(Contract.objects.current(today).filter(account=OuterRef("pk"))),
    ),
]
