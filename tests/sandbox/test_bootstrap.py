"""What a person reads when the installation meets trouble, and where packages come from."""

import re
import sys
from pathlib import Path

import pytest

from sandbox import bootstrap


@pytest.fixture(autouse=True)
def own_log(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "LOG", tmp_path / "bootstrap.log")


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("npm error code ENOSPC", "the disk is full"),
        ("The virtual environment was not created because ensurepip is not available", "python3-venv"),
        ("error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", "install a C compiler"),
        ("  x Failed to build `psutil==7.2.2`", "install a C compiler"),
        ("Temporary failure in name resolution", "can't be reached"),
        ("npm error code ENOTFOUND", "can't be reached"),
        ("error: Failed to fetch: `http://index.example/simple/uv/`", "can't be reached"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "certificate"),
        ("npm error code EINTEGRITY", "differs from the one"),
        ("PermissionError: [Errno 13] Permission denied", "can't be written"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(output, says, capsys, tmp_path):
    script = tmp_path / "fail.py"
    script.write_text(f"print({output!r}); raise SystemExit(1)")
    with pytest.raises(bootstrap.BootstrapError) as failed:
        bootstrap.step("Installing packages", [sys.executable, script])
    assert says in str(failed.value)
    assert "\n" not in str(failed.value)
    assert output.strip() in (tmp_path / "bootstrap.log").read_text()


def test_an_unknown_failure_shows_the_last_line_and_where_the_rest_is(tmp_path):
    script = tmp_path / "fail.py"
    script.write_text("print('first'); print('last'); raise SystemExit(3)")
    with pytest.raises(bootstrap.BootstrapError, match=r"failed: last \(all of it: bootstrap.log\)"):
        bootstrap.step("Installing packages", [sys.executable, script])


def test_a_missing_program_is_named():
    with pytest.raises(bootstrap.BootstrapError, match="there is no program no-such-program"):
        bootstrap.step("Building", ["no-such-program"])


def test_too_little_disk_space_is_said_before_anything_is_installed(monkeypatch):
    monkeypatch.setattr(bootstrap, "NEEDED_BYTES", 10**18)
    with pytest.raises(bootstrap.BootstrapError, match="make room"):
        bootstrap.check_space()


@pytest.fixture
def no_uv_configuration(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(bootstrap, "PYTHON", sys.executable)
    for name in (
        "UV_DEFAULT_INDEX",
        "UV_INDEX_URL",
        "UV_INDEX",
        "UV_FIND_LINKS",
        "SSL_CERT_FILE",
        "PIP_FIND_LINKS",
        "PIP_CERT",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_uv_configuration")
def test_uv_uses_the_index_that_pip_is_configured_for(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://one.example/simple https://two.example/simple")
    environment = bootstrap.uv_environment()
    assert environment["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert environment["UV_INDEX"] == "https://one.example/simple https://two.example/simple"


@pytest.mark.usefixtures("no_uv_configuration")
def test_an_index_configured_for_uv_itself_comes_first(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv.example/simple")
    assert bootstrap.uv_environment()["UV_DEFAULT_INDEX"] == "https://uv.example/simple"


@pytest.mark.usefixtures("no_uv_configuration")
def test_without_any_configuration_uv_keeps_its_own_defaults():
    environment = bootstrap.uv_environment()
    assert not {"UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS"} & set(environment)


def test_a_changed_file_makes_a_stamp_outdated(tmp_path):
    source, stamp = tmp_path / "assets", tmp_path / "stamp"
    source.mkdir()
    (source / "a.css").write_text("a")
    stamp.write_text(bootstrap.digest([source]))
    assert bootstrap.is_current(stamp, bootstrap.digest([source]))
    (source / "b.css").write_text("b")
    assert not bootstrap.is_current(stamp, bootstrap.digest([source]))


def test_a_browser_that_is_named_but_not_there_is_said(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    with pytest.raises(bootstrap.BootstrapError, match="correct or unset it"):
        bootstrap.find_chromium()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "package-lock.json"])
def test_a_lock_names_no_download_address(name):
    lock = (Path(bootstrap.__file__).parents[1] / name).read_text()
    assert not re.search(r'"resolved"|--(extra-)?index|--find-links', lock)
