"""PostgreSQL and Valkey as `make run` and the tests start them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from sandbox import watchdog
from sandbox.postgres import Postgres
from sandbox.processes import AlreadyRunning
from sandbox.servers import Servers
from sandbox.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = ("pg_trgm", "unaccent", "btree_gin", "citext")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory):
    with Postgres(tmp_path_factory.mktemp("postgres"), throwaway=True) as server:
        yield server


@pytest.fixture
def connection(postgres):
    with psycopg.connect(postgres.url, autocommit=True) as opened:
        yield opened


def listening(process: psutil.Process) -> set[str]:
    return {found.laddr.ip for found in process.net_connections() if found.status == psutil.CONN_LISTEN}


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def test_the_application_connects_as_an_ordinary_role_that_owns_its_database(connection):
    user, superuser, owner = connection.execute(
        "SELECT current_user, rolsuper, pg_get_userbyid(datdba) FROM pg_roles, pg_database "
        "WHERE rolname = current_user AND datname = current_database()"
    ).fetchone()
    assert (user, superuser, owner) == ("portal", False, "portal")


def test_the_application_can_become_the_customers_role_but_does_not_inherit_from_it(connection):
    connection.execute("CREATE TABLE note (body text)")
    connection.execute("SET ROLE portal_customer")
    assert connection.execute("SELECT current_user").fetchone() == ("portal_customer",)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM note")
    connection.execute("RESET ROLE")
    assert connection.execute(
        "SELECT inherit_option, set_option, admin_option FROM pg_auth_members "
        "WHERE roleid = 'portal_customer'::regrole AND member = 'portal'::regrole"
    ).fetchone() == (False, True, False)


def test_the_application_can_create_its_extensions_in_its_database_and_in_a_test_database(postgres, connection):
    connection.execute("CREATE DATABASE test_portal")
    for url in (postgres.url, postgres.url_for("test_portal")):
        with psycopg.connect(url, autocommit=True) as opened:
            for extension in EXTENSIONS:
                opened.execute(f"CREATE EXTENSION {extension}")


def test_letters_beyond_ascii_are_letters(connection):
    assert connection.execute("SELECT lower('GRÖẞE'), to_tsvector('simple', 'Über')::text").fetchone() == (
        "größe",
        "'über':1",
    )


def test_a_wrong_password_is_refused(postgres):
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.url.replace("portal:", "portal:x", 1))


def test_both_servers_listen_on_loopback_alone(postgres, tmp_path):
    assert listening(psutil.Process(postgres.child.pid)) == {"127.0.0.1"}
    with Valkey(tmp_path) as valkey:
        assert listening(psutil.Process(valkey.child.pid)) == {"127.0.0.1"}


def test_data_is_kept_between_runs_and_after_a_crash(tmp_path):
    with Postgres(tmp_path / "postgres") as postgres, Valkey(tmp_path / "valkey") as valkey:
        with psycopg.connect(postgres.url) as opened:
            opened.execute("CREATE TABLE note AS SELECT 'kept' AS body")
        redis.from_url(valkey.url).set("note", "kept")
        postgres.kill()
        valkey.kill()
    for _ in range(2):
        with Postgres(tmp_path / "postgres") as postgres, Valkey(tmp_path / "valkey") as valkey:
            with psycopg.connect(postgres.url) as opened:
                assert opened.execute("SELECT body FROM note").fetchone() == ("kept",)
            assert redis.from_url(valkey.url).get("note") == b"kept"


def test_valkey_refuses_to_forget_a_queue_when_memory_is_full(tmp_path):
    with Valkey(tmp_path) as valkey:
        assert redis.from_url(valkey.url).config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_second_server_over_one_folder_is_refused_and_leaves_the_first_alone(postgres, tmp_path):
    with pytest.raises(AlreadyRunning):
        Postgres(postgres.folder).start()
    with psycopg.connect(postgres.url) as opened:
        assert opened.execute("SELECT 1").fetchone() == (1,)
    with Valkey(tmp_path) as valkey:
        with pytest.raises(AlreadyRunning):
            Valkey(tmp_path).start()
        assert redis.from_url(valkey.url).ping()


def test_servers_stop_with_all_their_processes(tmp_path):
    with Postgres(tmp_path / "postgres") as postgres, Valkey(tmp_path / "valkey") as valkey:
        processes = family(postgres.child.pid) + family(valkey.child.pid)
        # A client that stays does not hold it up.
        with psycopg.connect(postgres.url):
            postgres.stop()
    assert watchdog.wait_until_ended(processes, seconds=5) == []


PARENT = """
import sys
from pathlib import Path
from sandbox.postgres import Postgres
from sandbox.valkey import Valkey
folder = Path(sys.argv[1])
postgres, valkey = Postgres(folder / "postgres").start(), Valkey(folder / "valkey").start()
print(postgres.child.pid, valkey.child.pid, flush=True)
sys.stdin.read()
"""


def parent_over(folder: Path) -> tuple[subprocess.Popen, list[psutil.Process]]:
    """A process that has started both servers, and the processes of the servers."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    pids = process.stdout.readline().split()
    return process, [member for pid in pids for member in family(int(pid))]


def test_no_server_outlives_a_parent_that_was_killed(tmp_path):
    parent, processes = parent_over(tmp_path)
    assert len(processes) > 2
    parent.kill()
    parent.communicate()
    assert watchdog.wait_until_ended(processes, seconds=20) == []


def test_a_start_recovers_from_a_parent_killed_together_with_its_watchdog(tmp_path):
    parent, processes = parent_over(tmp_path)
    for child in psutil.Process(parent.pid).children():
        if any(part.endswith("watchdog.py") for part in child.cmdline()):
            os.kill(child.pid, signal.SIGKILL)
    parent.kill()
    parent.communicate()
    with Postgres(tmp_path / "postgres") as postgres, Valkey(tmp_path / "valkey") as valkey:
        assert watchdog.wait_until_ended(processes, seconds=20) == []
        with psycopg.connect(postgres.url) as opened:
            assert opened.execute("SELECT 1").fetchone() == (1,)
        assert redis.from_url(valkey.url).ping()


def test_two_test_sessions_get_servers_of_their_own_and_later_ones_use_them_again(tmp_path):
    with Servers(tmp_path).start({}) as first, Servers(tmp_path).start({}) as second:
        assert not set(first.env.values()) & set(second.env.values())
        used = first.env
    with Servers(tmp_path).start({}) as third:
        assert third.env == used


def test_a_server_named_in_the_environment_is_used_instead(tmp_path, postgres):
    with Servers(tmp_path).start({"DATABASE_URL": postgres.url}) as servers:
        assert set(servers.env) == {"REDIS_URL"}
    assert not (tmp_path / "1" / "postgres").exists()
