"""What `make test` runs and what it says: here over a small project whose tests are known."""

import os
import re
from pathlib import Path

import pytest

from sandbox import testing

PROJECT = {
    "pytest.ini": "[pytest]\nmarkers =\n    slow: takes long\n",
    "tests/test_quick.py": "def test_quick(): pass\n",
    "tests/test_slow.py": "import pytest\n\n@pytest.mark.slow\ndef test_slow(): pass\n",
    "tests/e2e/test_page.py": "import os\n\ndef test_page(): assert os.environ['CHROMIUM']\n",
}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    for name, content in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(testing, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def no_browser(monkeypatch, tmp_path):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def a_browser(monkeypatch, tmp_path):
    program = tmp_path / "chromium"
    program.touch(mode=0o700)
    monkeypatch.setenv("CHROMIUM", str(program))


def run(capfd, *arguments: str, **environ: str) -> tuple[int, int, str]:
    """The exit code, how many tests passed, and what was said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    # In one process and without the plugins of this project, of which the tests above need none: ten times as fast.
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "E2E": "", "TEST_ALL": ""}
    code = testing.run(["-p", "no:xdist", *arguments], {**kept, **alone, **environ})
    said = capfd.readouterr().out
    passed = re.search(r"(\d+) passed", said)
    return code, int(passed[1]) if passed else 0, said


@pytest.mark.usefixtures("a_browser")
def test_everything_but_what_is_slow_runs_where_there_is_a_browser(capfd):
    code, passed, said = run(capfd)
    assert (code, passed) == (0, 2)
    assert "NOT RUN" not in said


@pytest.mark.usefixtures("a_browser")
def test_test_all_adds_what_is_slow(capfd):
    assert run(capfd, TEST_ALL="1")[:2] == (0, 3)


@pytest.mark.usefixtures("no_browser")
def test_without_a_browser_its_tests_are_reported_as_not_run(capfd):
    code, passed, said = run(capfd)
    assert (code, passed) == (0, 1)
    assert "Browser tests: NOT RUN (no Chromium" in said


@pytest.mark.usefixtures("no_browser")
def test_without_a_browser_continuous_integration_fails(capfd):
    code, passed, said = run(capfd, E2E="require")
    assert (code, passed) == (1, 1)
    assert "NOT RUN" in said


@pytest.mark.usefixtures("a_browser")
def test_browser_tests_can_be_left_out_on_purpose(capfd):
    code, passed, said = run(capfd, E2E="skip")
    assert (code, passed) == (0, 1)
    assert "NOT RUN (E2E=skip)" in said


@pytest.mark.usefixtures("no_browser")
def test_arguments_reach_pytest(capfd):
    code, passed, said = run(capfd, "tests/test_quick.py", "-k", "quick")
    assert (code, passed) == (0, 1)
    assert "NOT RUN" not in said


@pytest.mark.usefixtures("a_browser")
def test_a_failing_test_fails_the_command(capfd, project: Path):
    (project / "tests" / "test_wrong.py").write_text("def test_wrong(): assert False\n")
    assert run(capfd)[0] == 1
