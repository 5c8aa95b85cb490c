"""Chromium, the whole stack, and pages in it."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.stack_fixtures import RESULTS, Portal, portal  # noqa: F401 - a fixture
from tests.e2e.steps import sign_in, sign_in_by_code

expect.set_options(timeout=10_000)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The Chromium that `make test` has found, or one on the machine; quiet, and never calling home."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not found:
        pytest.skip("no Chromium: install one, or name it in CHROMIUM")
    return {
        "executable_path": found,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ],
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Keep what the browser showed when a test failed."""
    report = yield
    if report.when == "call" and report.failed:
        for number, page in enumerate(item.stash.get(PAGES, []), start=1):
            name = re.sub(r"\W+", "-", item.name)
            _photograph(page, RESULTS / f"{name}-{number}.png")
    return report


PAGES = pytest.StashKey[list[Page]]()


def _photograph(page: Page, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if not page.is_closed():
        page.screenshot(path=file, full_page=True, timeout=5_000)


@pytest.fixture
def visit(portal: Portal, browser: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:  # noqa: F811
    """A page in a browser of its own: `visit("admin@acme.example")` is signed in there, `visit()` nobody.

    A script that fails, or that the Content-Security-Policy stops, fails the test.
    """
    pages: list[Page] = []
    contexts: list[BrowserContext] = []
    problems: list[str] = []
    request.node.stash[PAGES] = pages

    def open_page(email: str = "", *, by_code: bool = False) -> Page:
        context = browser.new_context(
            base_url=portal.url, storage_state=portal.sessions.get(email), viewport={"width": 1280, "height": 900}
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        pages.append(page)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: _note_refusal(message.text, problems))
        if email and email not in portal.sessions:
            if by_code:
                sign_in_by_code(portal, page, email)
            else:
                sign_in(page, email)
            portal.sessions[email] = context.storage_state()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems, problems


def _note_refusal(text: str, problems: list[str]) -> None:
    if "Content Security Policy" in text:
        problems.append(text)
