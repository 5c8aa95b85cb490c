"""`python -m sandbox.demo`: load the demo company into the database of the environment."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--if-empty", action="store_true", help="do nothing when there are customers already")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes another history")
    parser.add_argument(
        "--today", type=date.fromisoformat, default=datetime.now(UTC).date(), help="the day it is, as 2026-11-18"
    )
    options = parser.parse_args(arguments)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    from django.conf import settings

    from sandbox.demo.load import DatabaseInUse, seed

    if not settings.PORTAL_DEMO:
        print("Stopped: demo people may exist only while PORTAL_DEMO=1.")
        return 1
    since = time.monotonic()
    try:
        world = seed(seed=options.seed, today=options.today)
    except DatabaseInUse as refusal:
        if options.if_empty:
            return 0
        print(f"Stopped: {refusal}")
        return 1
    rows = sum(len(world.rows(model)) for model in world.models())
    print(f"The demo company is loaded: {rows:,} rows in {time.monotonic() - since:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
