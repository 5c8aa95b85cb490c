"""What the accounts app asks of a company's data."""

from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.measures import Measure
from accounts.models import Domain, Membership
from accounts.permissions import Role

_ADMINISTRATORS = Membership.objects.filter(
    account=OuterRef("pk"), is_active=True, user__is_active=True, roles__contains=[Role.ADMINISTRATOR.value]
)
_ADDRESS = ~Q(billing_street="") & ~Q(billing_postal_code="") & ~Q(billing_city="") & ~Q(billing_country="")
# There is an address, and nothing came back from it.
_ARRIVES = ~Q(billing_email="") & (Q(unreachable_reason="") | ~Q(unreachable_email=F("billing_email")))

MEASURES = [
    Measure("tier", _("Tier"), _("Prices and service follow from it."), lambda today: Q(tier__isnull=False)),
    Measure("industry", _("Industry"), _("Home shows what fits the industry."), lambda today: ~Q(industry="")),
    Measure(
        "owner", _("Customer success manager"), _("Nobody looks after it."), lambda today: Q(owner__is_active=True)
    ),
    Measure(
        "sales-contact",
        _("Sales contact"),
        _("Quotes have nobody to turn to."),
        lambda today: Q(sales_contact__is_active=True),
    ),
    Measure("address", _("Billing address"), _("Invoices need one by law."), lambda today: _ADDRESS),
    Measure("vat", _("VAT id"), _("Taxes may be charged that are not owed."), lambda today: ~Q(vat_id="")),
    Measure("billing-email", _("Billing e-mail"), _("Invoices and reminders reach nobody."), lambda today: _ARRIVES),
    Measure(
        "administrator",
        _("Active administrator"),
        _("Nobody there can invite colleagues."),
        lambda today: Exists(_ADMINISTRATORS),
    ),
    Measure(
        "domain",
        _("Verified domain"),
        _("Colleagues can't join by their e-mail address."),
        lambda today: Exists(Domain.objects.filter(account=OuterRef("pk"), verified_at__isnull=False)),
    ),
]
