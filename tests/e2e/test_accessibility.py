"""Every page in a real browser: axe-core finds nothing, no script fails or is stopped by the page's policy, and nothing
sticks out.

`make test` looks at each page once, at a width and in a theme that follow from its name; `make test-all` at all four.
"""

import hashlib
import os
import uuid
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as portal_settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("accessibility")]

ROOT = Path(__file__).parent.parent.parent
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = {"wide": 1440, "phone": 390}
THEMES = ("light", "dark")
LOOKS = list(product(WIDTHS, THEMES))

RUN_AXE = """async rules => {
  const { violations } = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  return violations.flatMap(found => found.nodes.map(node =>
    `${found.id}: ${node.target.join(" ")} (${node.failureSummary.split("\\n").slice(1).join("; ").trim()})`));
}"""
MEASURE = """() => ({
  headings: document.querySelectorAll("h1").length,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  language: document.documentElement.lang,
})"""
# Stripe's own script is not ours to judge, and not there without a network.
STRIPE_JS = """
const element = { mount() {}, on() {}, update() {} };
const answers = name => name === "then" ? undefined : () => element;
window.Stripe = () => ({ elements: () => new Proxy({}, { get: (_, name) => answers(name) }) });
"""


@dataclass(frozen=True)
class Sight:
    """A page as somebody looks at it."""

    name: str
    path: str
    user: Any = None
    status: int = 200
    language: str = "en"

    @property
    def looks(self):
        """Width and theme: one by the name's hash, or all."""
        if os.environ.get("TEST_ALL"):
            return LOOKS
        return [LOOKS[hashlib.sha256(self.name.encode()).digest()[0] % len(LOOKS)]]


@pytest.fixture
def look(browser, live_server):
    """What is wrong with the sights, in a line each."""
    if not portal_settings.STATICFILES_DIRS:
        pytest.fail("The style sheets are not built: run npm run build.", pytrace=False)

    def examine(sights):
        return [problem for sight in sights for width, theme in sight.looks for problem in _visit(sight, width, theme)]

    def _visit(sight, width, theme):
        page = context_of(sight.user, sight.language, width, theme).new_page()
        try:
            return [f"{sight.name} ({width}, {theme}): {line}" for line in _problems(sight, page)]
        finally:
            page.close()

    @cache
    def context_of(user, language, width, theme):
        """One for all that somebody looks at in one way: it keeps the style sheets and scripts."""
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": WIDTHS[width], "height": 900},
            color_scheme=theme,  # What the admin goes by; the portal has a cookie.
            reduced_motion="reduce",
        )
        opened.append(context)
        cookies = _cookies(user, language, theme)
        context.add_cookies([{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()])
        context.route(
            f"{portal_settings.STRIPE_JS_ORIGIN}/**",
            lambda route: route.fulfill(body=STRIPE_JS, content_type="text/javascript"),
        )
        return context

    opened = []
    yield examine
    for context in opened:
        context.close()


def _cookies(user, language, theme):
    from tests.world import session_of

    session = {portal_settings.SESSION_COOKIE_NAME: session_of(user)} if user else {}
    return {"theme": theme, portal_settings.LANGUAGE_COOKIE_NAME: language, **session}


def _problems(sight, page):
    said = []
    page.on("pageerror", lambda error: said.append(f"a script failed: {error}"))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    answer = page.goto(sight.path)
    if answer.status != sight.status:
        return [f"answers {answer.status} at {page.url}"]
    found = list(_judge(page))
    if sight.status >= 400:  # The browser calls the page's own status an error.
        said = [line for line in said if "Failed to load resource" not in line]
    return [*said, *found]


def _judge(page):
    seen = page.evaluate(MEASURE)
    if seen["headings"] != 1:
        yield f"{seen['headings']} h1"
    if seen["overflow"] > 0:
        yield f"sticks out by {seen['overflow']} px"
    if not seen["language"]:
        yield "no language"
    # By the debugging protocol, which the page's policy does not stop.
    page.evaluate(AXE.read_text())
    yield from page.evaluate(RUN_AXE, RULES)


def report(problems):
    return f"{len(problems)} problems:\n" + "\n".join(problems)


@pytest.fixture
def world(transactional_db):
    from tests.world import make_world, sign_in

    with transaction.atomic():
        made = make_world(timezone.now())
    sign_in(made.everybody)
    return made


def sights_of(pages, company, user, suffix=""):
    for entry in pages:
        query = urlencode({name: str(value) for name, value in entry.query(company).items()})
        address = f"{entry.url(company)}?{query}" if query else entry.url(company)
        yield Sight(f"{entry.id}{suffix}", address, user, status=entry.status)


def newcomer(world):
    """The administrator of a company that has nothing yet."""
    from tests.factories import make_account, make_member
    from tests.world import sign_in

    account = make_account("Initech", tier="growth")
    user = make_member(account, "admin@initech.example", "Ines Kraft", roles=["administrator"])
    sign_in([user])
    return user


def stranger():
    """Somebody with an account of their own, whom no company has let in."""
    from tests.factories import make_user
    from tests.world import sign_in

    user = make_user("nadia@nowhere.example", "Nadia Nowhere")
    sign_in([user])
    return user


# Pages about what a newcomer has not set up, or has not been offered.
SET_UP_FIRST = {"accounts:sso-people", "accounts:sso-access", "accounts:sso-remove", "commerce:compare-quotes"}


def is_open_to_newcomers(entry):
    return not entry.names_row and entry.name not in SET_UP_FIRST


SIGNED_IN = [
    "account_email",
    "account_change_password",
    "account_logout",
    "account_reauthenticate",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
]
# What is widest or fullest of words, in the language that is written from right to left.
IN_ARABIC = ["home", "arrange-home", "accounts:people", "accounts:audit", "accounts:notification-settings"]
ENTRANCE = ["account_login", "account_signup", "account_reset_password", "account_request_login_code"]


def test_what_is_wrong_is_found(browser):
    """Without this, finding nothing would prove nothing."""
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.set_content('<html><body><img src="data:,"><div style="width: 500px">Wide</div></body></html>')
    found = "\n".join(_judge(page))
    page.close()
    for problem in ("0 h1", "sticks out by", "no language", "image-alt", "html-has-lang", "document-title"):
        assert problem in found


def test_the_pages_of_customers_and_managers_are_accessible(world, look):
    from accounts.permissions import StaffGroup
    from tests.pages import Audience, screens

    acme, manager = world.acme, world.staff[StaffGroup.REVENUE_MANAGER]
    customers = screens(Audience.CUSTOMERS)
    new = newcomer(world)
    sights = [
        *sights_of(customers, acme, acme.administrator),
        *sights_of([one for one in customers if one.name == "home"], acme, acme.people["viewer"], " as viewer"),
        *sights_of([one for one in customers if is_open_to_newcomers(one)], acme, new, " of a newcomer"),
        *sights_of(screens(Audience.STAFF), acme, manager),
        *(Sight(name, reverse(name), acme.administrator) for name in SIGNED_IN),
        *(Sight(f"{name} in Arabic", reverse(name), acme.administrator, language="ar") for name in IN_ARABIC),
        Sight("404", f"/quotes/{uuid.uuid4()}/", acme.administrator, status=404),
        Sight("403", reverse("commerce:plans"), acme.people["viewer"], status=403),
        Sight("403 without a company", reverse("cases:list"), manager, status=403),
        Sight("403 of a stranger", reverse("home"), stranger(), status=403),
        Sight("400", f"{reverse('cases:list')}?show=nonsense", acme.administrator, status=400),
    ]
    problems = look(sights)
    assert not problems, report(problems)


def test_the_pages_of_visitors_are_accessible(world, look):
    from tests.pages import Audience, screens

    sights = [
        *sights_of(screens(Audience.EVERYBODY), world.acme, None),
        *(Sight(name, reverse(name)) for name in ENTRANCE),
    ]
    problems = look(sights)
    assert not problems, report(problems)


def test_the_pages_of_staff_in_the_admin_are_accessible(world, look):
    from crm.models import OutboxRow

    acme, root = world.acme, world.superuser
    lists = [acme.case, acme.account, OutboxRow]
    rows = [acme.case, acme.account, world.products["team"], world.articles["customer"]]
    sights = [
        Sight("admin:index", reverse("admin:index"), root),
        *(Sight(f"admin {model._meta.label} list", _admin_url(model, "changelist"), root) for model in lists),
        *(Sight(f"admin {row._meta.label}", _admin_url(row, "change", row.pk), root) for row in rows),
    ]
    own = ["portfolio", "setup", "data_quality"]
    sights += [Sight(f"admin {name}", reverse(f"admin:{name}"), root) for name in own]
    sights += [
        Sight("admin account 360", reverse("admin:account_360", args=[acme.account.pk]), root),
        Sight("admin hand-over", f"{reverse('admin:hand_over')}?account={acme.account.pk}", root),
    ]
    problems = look(sights)
    assert not problems, report(problems)


def _admin_url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)
