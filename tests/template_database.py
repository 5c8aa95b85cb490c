"""A migrated database, made once and copied for each worker: Django renders its models anew for each step of each
migration, which takes most of a minute.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
LOCK = 4_206_900  # Any number, the same for all who might make it at once.


def make_template(database_url: str) -> str:
    """The name of a database that all migrations have run in.

    Whoever comes first makes it. It is kept until a migration, or a library that may bring some, changes.
    """
    server = database_url.rsplit("/", 1)[0]
    name = f"template_{_digest()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        known = [row[0] for row in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^template_'")]
        if name in known:
            return name
        for old in known:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(old)))
        # It gets its name as it is done: one whose making was interrupted is never copied.
        unfinished = f"template_{_digest()}_unfinished"
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity=0"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": f"{server}/{unfinished}"},
            check=True,
        )
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(unfinished), sql.Identifier(name))
        )
    return name


def _digest() -> str:
    sources = [*sorted(ROOT.glob("*/migrations/*.py")), ROOT / "requirements-dev.lock"]
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]
