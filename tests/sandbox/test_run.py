"""`make run` as a process: it starts the whole portal, and leaves nothing behind however it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sandbox import watchdog, web
from sandbox.processes import free_port
from sandbox.variables import is_setting

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


class Run:
    """One `python -m sandbox run` over a folder, up and ready."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if not is_setting(name)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "run"],
            env={**kept, "DATA_DIR": str(folder), "PORT": str(self.port), "PORTAL_DEMO": "0"},
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.said: list[str] = []
        for line in self.process.stdout:
            self.said.append(line)
            if "Ctrl-C stops everything" in line:
                return
        raise AssertionError("".join(self.said))

    def family(self) -> list[psutil.Process]:
        """All its processes, but for the watchdog, which ends by itself."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def ended(self) -> tuple[int, str]:
        said, _ = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def run(folder: Path) -> Iterator[Run]:
    started = Run(folder)
    yield started
    started.process.kill()
    started.process.wait()


def test_the_whole_portal_answers_and_every_part_is_well(run):
    health = web.request(f"http://127.0.0.1:{run.port}/healthz")
    assert health.status == 200
    assert health.json() == {
        "healthy": True,
        "parts": {"web": "ok", "database": "ok", "cache": "ok", "worker": "ok", "beat": "ok"},
    }
    assert f"http://portal.localhost:{run.port}" in "".join(run.said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_being_asked_to_stop_stops_everything(run, number):
    processes = run.family()
    assert len(processes) > 12
    run.process.send_signal(number)
    assert run.ended()[0] == 0
    assert watchdog.wait_until_ended(processes, seconds=15) == []


def test_a_crash_of_a_part_stops_everything_and_is_named(run):
    processes = run.family()
    beat = next(process for process in processes if "beat" in process.cmdline())
    beat.kill()
    code, said = run.ended()
    assert code == 1
    assert "Stopped: beat stopped (exit code -9)." in said
    assert "beat.log" in said
    assert watchdog.wait_until_ended(processes, seconds=15) == []


def test_kill_9_takes_everything_along_and_the_next_start_recovers(run, folder):
    processes = run.family()
    run.process.kill()
    run.process.wait()
    assert watchdog.wait_until_ended(processes, seconds=30) == []
    again = Run(folder)
    assert web.request(f"http://127.0.0.1:{again.port}/healthz").status == 200
    again.process.terminate()
    assert again.ended()[0] == 0


def test_a_second_run_over_the_same_data_says_so(run, folder):
    second = subprocess.run(
        [sys.executable, "-m", "sandbox", "run"],
        env={**os.environ, "DATA_DIR": str(folder), "PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert second.returncode == 1
    assert second.stdout.startswith("Stopped: A portal already runs over")
    assert second.stderr == ""
    assert web.request(f"http://127.0.0.1:{run.port}/livez").status == 200
