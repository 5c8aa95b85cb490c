"""`manage.py crm_backfill`: queue everything the portal has for Salesforce, once, at go-live."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone

from crm.backfill import backfill
from crm.models import SyncedObject


class Command(BaseCommand):
    help = "Queue all records that Salesforce is not known to have. The workers send them within their usual limits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", choices=SyncedObject.values, help="one object instead of all")
        parser.add_argument("--again", action="store_true", help="also records that Salesforce already has")

    def handle(self, *args: object, only: str | None, again: bool, **options: object) -> None:
        def tell(crm_object: str, count: int) -> None:
            self.stdout.write(f"{crm_object}: {count} queued")

        counts = backfill(now=timezone.now(), only=only, again=again, progress=tell)
        self.stdout.write(self.style.SUCCESS(f"{sum(counts.values())} records queued."))
