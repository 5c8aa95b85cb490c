"""What people type about configurations that they keep, and about quotes that they ask us for."""

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Membership
from accounts.permissions import Permission


class SaveForm(forms.Form):
    """The name of a saved configuration."""

    save_as = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=40,
        error_messages={"required": gettext_lazy("Give it a name, to find it again.")},
    )


class UnshareForm(forms.Form):
    """A colleague by their address: a company may have thousands."""

    colleague = forms.EmailField(
        label=gettext_lazy("E-mail of your colleague"),
        error_messages={"required": gettext_lazy("Enter the e-mail address of your colleague.")},
    )


class ShareForm(UnshareForm):
    """A colleague who may see prices."""

    def __init__(self, membership: Membership, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.membership = membership

    def clean_colleague(self) -> Membership:
        found = (
            Membership.objects.for_account(self.membership.account)
            .active()
            .with_permission(Permission.VIEW_PRICES)
            .exclude(user=self.membership.user_id)
            .select_related("user")
            .filter(user__email__iexact=self.cleaned_data["colleague"])
            .first()
        )
        if found is None:
            raise forms.ValidationError(_("No colleague of yours with this address may see prices."))
        return found


class AskForm(forms.Form):
    """A wish that the portal can't sell."""

    message = forms.CharField(
        label=gettext_lazy("What do you need?"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=gettext_lazy("Anything that helps us to make you a good offer: when, for how long, for whom."),
    )
