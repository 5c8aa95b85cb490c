"""What somebody looks for in the log."""

from datetime import date, datetime, time, timedelta, tzinfo

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.audit.sources import is_public, sources
from accounts.audit.wording import kind_name
from accounts.models import Account, AuditNote, User
from accounts.models.audit import AuditEntryQuerySet
from tracking.actor import ActorKind

NOTES = "notes"  # What is no change of a row: access and security.
# A day before or after these has no beginning or no end in every time zone.
DAYS = [MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(2999, 12, 31))]
PEOPLE_FOUND = 50  # At most so many that a name may mean.


def kinds() -> list[tuple[str, str | Promise]]:
    """The kinds of things whose changes a customer may see, and access and security."""
    tracked = [model.pgh_tracked_model._meta for model in sources().values() if hasattr(model, "pgh_tracked_model")]
    names = sorted((meta.label_lower, kind_name(meta.label_lower)) for meta in tracked if is_public(meta.db_table))
    return [("", _("Everything")), (NOTES, _("Access and security")), *names]


class AuditFilter(forms.Form):
    """Every field may be left out. Days are days of `zone`, both of them included."""

    from_date = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}), validators=DAYS
    )
    to_date = forms.DateField(
        label=_("Up to"), required=False, widget=forms.DateInput(attrs={"type": "date"}), validators=DAYS
    )
    person = forms.CharField(label=_("Person"), required=False, max_length=150)
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=kinds)
    action = forms.ChoiceField(
        label=_("What happened"),
        required=False,
        choices=[
            ("", _("Everything")),
            ("created", _("Created")),
            ("changed", _("Changed")),
            ("removed", _("Removed")),
        ],
    )
    by_staff = forms.BooleanField(label=_("Only what our contacts at the vendor did"), required=False)

    def narrow(self, entries: AuditEntryQuerySet, *, people: QuerySet[User], zone: tzinfo) -> AuditEntryQuerySet:
        """The entries looked for; `people` are those whom a name may mean. None while the form has errors."""
        if not self.is_valid():
            return entries.none()
        asked = self.cleaned_data
        if asked["from_date"]:
            entries = entries.filter(occurred_at__gte=_start(asked["from_date"], zone))
        if asked["to_date"]:
            entries = entries.filter(occurred_at__lt=_start(asked["to_date"] + timedelta(days=1), zone))
        if asked["person"]:
            entries = entries.filter(_by_or_about(asked["person"], people))
        if asked["kind"]:
            note = Q(source=AuditNote._meta.db_table)
            entries = entries.filter(note if asked["kind"] == NOTES else Q(object_type=asked["kind"]) & ~note)
        if asked["action"]:
            entries = entries.filter(action__endswith=f".{asked['action']}")
        if asked["by_staff"]:
            entries = entries.filter(actor_kind=ActorKind.STAFF)
        return entries


def members_of(account: Account) -> QuerySet[User]:
    """Whom a name may mean in a company's log."""
    return User.objects.filter(memberships__account=account)


def _start(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


def _by_or_about(text: str, people: QuerySet[User]) -> Q:
    """What somebody of that name or e-mail address did, also through staff, and what was done to them."""
    named = people.filter(Q(email__iexact=text) | Q(name__icontains=text))
    ids = list(named.values_list("pk", flat=True)[:PEOPLE_FOUND])
    return Q(actor_id__in=ids) | Q(on_behalf_of__in=ids) | Q(subject_id__in=ids)
