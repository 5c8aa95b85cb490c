"""Whether the audit log is what was written."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.audit.checking import verify
from accounts.audit.sealing import NoPublicKey, public_key


class Command(BaseCommand):
    help = (
        "Recompute the audit log's chain and signatures, and hold its entries against the rows they were read from. "
        "Ends with 1 where something was changed, removed or inserted, and names the first of each."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="from_date", type=date.fromisoformat, help="first day (UTC), as 2026-11-18")
        parser.add_argument("--to", dest="to_date", type=date.fromisoformat, help="last day (UTC)")
        parser.add_argument("--public-key", default="", help="PEM file; AUDIT_PUBLIC_KEY_FILE by default")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = public_key(options["public_key"])
        except NoPublicKey as error:
            raise CommandError(str(error)) from error
        report = verify(key=key, now=timezone.now(), from_date=options["from_date"], to_date=options["to_date"])
        if not report.is_whole:
            raise CommandError("\n".join(report.lines()))
        self.stdout.write(f"The audit log is whole: {report.entries} entries, {report.seals} sealed days.")
