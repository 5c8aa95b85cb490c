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
    parser.add_argument("--idp-oidc", help="address of the identity provider of Globex")
    parser.add_argument("--idp-saml", help="address of the identity provider of Harrow & Finch")
    options = parser.parse_args(arguments)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    from django.conf import settings

    from sandbox.demo.load import DatabaseInUse, seed
    from sandbox.demo.sso import connect

    if not settings.PORTAL_DEMO:
        print("Stopped: demo people may exist only while PORTAL_DEMO=1.")
        return 1
    since = time.monotonic()
    try:
        world = seed(seed=options.seed, today=options.today)
    except DatabaseInUse as refusal:
        if not options.if_empty:
            print(f"Stopped: {refusal}")
            return 1
    else:
        rows = sum(len(world.rows(model)) for model in world.models())
        print(f"The demo company is loaded: {rows:,} rows in {time.monotonic() - since:.1f} s.")
    if options.idp_oidc and options.idp_saml:
        connect(oidc_url=options.idp_oidc, saml_url=options.idp_saml, now=datetime.now(UTC))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
