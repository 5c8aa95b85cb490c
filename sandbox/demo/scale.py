"""`python -m sandbox.demo.scale`: many customers beside those that are there, for benchmarks.

The rows come from the generator of the demo company: companies with people, a contract in force and its entitlements,
the deal behind it, and visits over a year, shared out so that few companies make most of them.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.demo.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, count in (("accounts", 1_000), ("users", 5_000), ("events", 100_000)):
        parser.add_argument(f"--{name}", type=int, default=count, metavar="N", help=f"how many; {count:,} if not given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--today", type=date.fromisoformat, default=datetime.now(UTC).date())
    options = parser.parse_args(arguments)
    if options.users < options.accounts or options.accounts < 1 or options.events < 0:
        parser.error("every account needs a user, and there is at least one account")

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    from django.conf import settings

    from sandbox.demo.crowd import NotSeeded, add_crowd

    if not settings.PORTAL_DEMO:
        print("Stopped: invented customers may exist only while PORTAL_DEMO=1.")
        return 1
    since = time.monotonic()
    try:
        add_crowd(
            accounts=options.accounts, users=options.users, events=options.events, seed=options.seed,
            today=options.today,
        )  # fmt: skip
    except NotSeeded as refusal:
        print(f"Stopped: {refusal}")
        return 1
    print(
        f"{options.accounts:,} accounts, {options.users:,} users and {options.events:,} events"
        f" in {time.monotonic() - since:.1f} s."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
