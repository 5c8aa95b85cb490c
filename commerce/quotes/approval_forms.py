"""What people type about purchase limits and approvals."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account
from accounts.permissions import CUSTOMER_TABLE, Permission, Role
from commerce.models import PurchaseLimit
from commerce.models.approvals import SPENDING_ROLES
from commerce.pricing.money import exponent_of, from_minor, to_minor
from commerce.quotes.approvals import LONGEST_NOTE

LARGEST = Decimal("999999999")  # Major units; nobody means more.


class LimitsForm(forms.Form):
    """A limit per role, in major units of the account's currency. Empty: no limit."""

    def __init__(self, account: Account, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        places = exponent_of(account.currency)
        set_before = {row.role: row for row in PurchaseLimit.objects.for_account(account)}
        for role in SPENDING_ROLES:
            row = set_before.get(role)
            is_set = row is not None and row.limit_minor is not None and row.currency == account.currency
            self.fields[role.value] = forms.DecimalField(
                label=_("%(role)s (%(currency)s)") % {"role": role.label, "currency": account.currency},
                required=False,
                min_value=0,
                max_value=LARGEST,
                decimal_places=places,
                help_text=_what_it_limits(role),
                initial=from_minor(row.limit_minor, account.currency) if is_set and row and row.limit_minor else None,
            )
            if is_set and row and row.limit_minor == 0:
                self.fields[role.value].initial = Decimal(0)

    @property
    def limits(self) -> dict[str, int | None]:
        """A valid form's answer, in minor units."""
        return {
            role: None if amount is None else to_minor(amount, self.account.currency)
            for role, amount in self.cleaned_data.items()
        }


def _what_it_limits(role: Role) -> str:
    buys = role in CUSTOMER_TABLE[Permission.BUY]
    approves = role in CUSTOMER_TABLE[Permission.APPROVE_PURCHASES]
    if buys and approves:
        return _("How much they buy without an approval, and approve for colleagues. Leave it empty for no limit.")
    if buys:
        return _("How much they buy without an approval. Leave it empty for no limit.")
    return _("How much they approve for colleagues. Leave it empty for no limit.")


class DecisionForm(forms.Form):
    """An approver's words. Whoever refuses says why."""

    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=LONGEST_NOTE,
        help_text=gettext_lazy("Your colleague reads it. To refuse, say why."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, needs_note: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.needs_note = needs_note

    def clean_note(self) -> str:
        note: str = self.cleaned_data["note"].strip()
        if self.needs_note and not note:
            raise forms.ValidationError(_("Say why you refuse it."))
        return note
