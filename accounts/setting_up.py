"""Operations on the setup checklist: what people decide and tick off."""

from datetime import datetime

from accounts.models import SetupTick, User
from accounts.notifications import notify
from accounts.notifications.team import SetupTest


def tick(*, code: str, note: str, ticked_by: User, now: datetime) -> None:
    """A part is done, somebody says; saying it again replaces what was said."""
    SetupTick.objects.update_or_create(code=code, defaults={"note": note, "ticked_by": ticked_by, "ticked_at": now})


def untick(*, code: str) -> None:
    """A part is not done after all."""
    SetupTick.objects.filter(code=code).delete()


def send_test_mail(*, to: User) -> None:
    """Queue a mail to oneself: it takes the way of every other."""
    notify(kind=SetupTest, to=[to], account=None, context={})
