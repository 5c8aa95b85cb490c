"""A migrated database, made once and copied for each worker: Django renders its models anew for each step of each
migration, which takes most of a minute. As migrations are added, the one from before is taken further.
"""

import hashlib
import json
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
    sources = _sources()
    name = f"template_{_digest(json.dumps(sources).encode())}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        known = _known(connection)
        if name in known:
            return name
        # It gets its name as it is done: one whose making was interrupted is never copied.
        unfinished = "unfinished_template"
        _drop(connection, unfinished)
        before = (old for old, made_of in known.items() if made_of and made_of.items() <= sources.items())
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(unfinished), sql.Identifier(next(before, "template1"))
            )
        )
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity=0"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": f"{server}/{unfinished}"},
            check=True,
        )
        for old in known:
            _drop(connection, old)
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(unfinished), json.dumps(sources))
        )
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(unfinished), sql.Identifier(name))
        )
    return name


def _known(connection: psycopg.Connection) -> dict[str, dict[str, str]]:
    """The templates there are, and what each was made of."""
    rows = connection.execute(
        "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname LIKE 'template\\_%'"
    )
    return {name: json.loads(made_of or "{}") for name, made_of in rows}


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _sources() -> dict[str, str]:
    """What a template is made of: each migration and the libraries, with a digest of what it says."""
    paths = [*sorted(ROOT.glob("*/migrations/*.py")), ROOT / "requirements-dev.lock"]
    return {str(path.relative_to(ROOT)): _digest(path.read_bytes()) for path in paths}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
