"""`manage.py remove_demo_people`: nobody with the public demo password may sign in any more."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from accounts.models import Membership, User


class Command(BaseCommand):
    help = "Takes the demo people's passwords, sessions and memberships. Their names stay on what they did."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            people = User.objects.filter(is_demo=True)
            Membership.objects.filter(user__in=people).update(is_active=False)
            for user in people:
                user.set_unusable_password()  # Signs out every session too: the session's hash no longer fits.
                user.is_active = False
                user.is_staff = False
                user.is_demo = False
                user.save(update_fields=["password", "is_active", "is_staff", "is_demo"])
        self.stdout.write(f"{len(people)} demo people can no longer sign in.")
