"""Values that no form would send: digits that are none, null bytes, huge and negative numbers, the same name twice.

Every page is asked with each of them in each of its fields and parameters. It may refuse them or take them for text; it
never fails.
"""

import re
from itertools import cycle
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.permissions import StaffGroup
from tests.pages import INVENTORY, Audience
from tests.pages.letters import Letter
from tests.world import client_of, undone

pytestmark = pytest.mark.usefixtures("in_the_world")

NONSENSE = {
    "no digit": ["²"],
    "null byte": ["a\x00b"],
    "huge": ["9" * 30],
    "negative": ["-1"],
    "twice": ["1", "x"],
}
CONTROL = re.compile(r"<(?:input|select|textarea)\b[^>]*\bname=\"([^\"]+)\"")
ASKING = re.compile(r"<form(?![^>]*method=\"post\")[^>]*>.*?</form>", re.DOTALL | re.IGNORECASE)
LINK = re.compile(r"(?:href|hx-get)=\"([^\"]*\?[^\"]+)\"")
SINGLY = 4  # Names tried one by one; of more, all at once.


def names_on(text):
    """All the fields of a page."""
    return set(CONTROL.findall(text)) - {"csrfmiddlewaretoken"}


def parameters_on(text, path):
    """What a page asks for in addresses: by its forms that only ask, and its links to itself."""
    targets = [urlsplit(link.replace("&amp;", "&")) for link in LINK.findall(text)]
    linked = {name for at in targets if at.path in ("", path) for name, _value in parse_qsl(at.query)}
    return linked | names_on("".join(ASKING.findall(text)))


def failures(ask, names, sent, *, also=(), nonsense=NONSENSE):
    """Ask with each value in all places at once, and in some of them alone, in turn; what failed.

    Alone, as the first value that is refused hides the others.
    """
    together = sorted({*names, *also})
    tried = [(together, what) for what in nonsense if together]
    if len(together) > 1:
        tried += zip(([name] for name in sorted(names)[:SINGLY]), cycle(nonsense), strict=False)
    for places, what in tried:
        with undone():
            response = ask({**sent, **dict.fromkeys(places, nonsense[what])})
        if response.status_code >= 500:
            yield f"{', '.join(places)} is {what}: {response.status_code}"


def text_of(response):
    return "" if response.streaming else response.content.decode(errors="replace")


FORMS = [
    entry
    for entry in INVENTORY
    if entry.status != 503 and not entry.needs_stripe and entry.content_type != "application/json"
]


def viewer_of(entry, world):
    return world.staff[StaffGroup.REVENUE_MANAGER] if entry.audience is Audience.STAFF else world.acme.administrator


@pytest.mark.parametrize("entry", FORMS, ids=[entry.id for entry in FORMS])
def test_no_page_fails_at_nonsense(world, ready, entry):
    with undone():
        ready(entry)
        letter = Letter.about(entry, world.acme)
        client = client_of(viewer_of(entry, world))
        options = {"headers": dict(entry.headers)}
        path = urlsplit(letter.url).path
        if entry.method == "GET":
            sent = letter.options.get("query_params", {})
            with undone():
                text = text_of(letter.send(viewer_of(entry, world)))
            names, also = parameters_on(text, path), names_on(text)

            def ask(values):
                return client.get(letter.url, query_params=values, **options)
        else:
            sent = letter.options.get("data") or {}
            names, also = set(), set()

            def ask(values):
                return getattr(client, entry.method.lower())(letter.url, values, **options)

        found = list(failures(ask, names | set(sent), sent, also=also))
    assert not found, "\n".join(found)


# The admin: its own pages, then each model's list and form.

OWN_PAGES = {
    "portfolio": ["person"],
    "hand_over": ["giver", "account", "all", "step", "taker", "roles", "reason", "move"],
    "add_cover": ["person", "stand_in", "first_date", "last_date"],
    "decide_setup": ["go_live_date", "target_adoption"],
    "setup": [],
    "data_quality": [],
    "deal_desk": ["show"],
    "renewal_board": ["first", "until", "state", "risk", "page"],
    "duplicates": [],
    "commerce_bankstatement_read": ["file"],
    "commerce_bankstatement_confirm": ["token"],
    "permissions": [],
    "test_mail": [],
    "index": [],
    "login": ["next"],
    "search": ["s"],
}


@pytest.mark.parametrize("name", OWN_PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_page_of_the_staff_fails_at_nonsense(world, method, name):
    address = reverse(f"admin:{name}")
    sent = {}
    if name == "hand_over":
        giver = world.superuser.pk
        sent = {"giver": giver, "account": world.acme.account.pk, "taker": giver, "reason": "So", "roles": ["owner"]}
    found = list(failures(asking(world, method, address), OWN_PAGES[name], sent))
    if name == "hand_over":
        confirmed = sent | {"step": "confirm", "move": "1:owner:1"}
        found += failures(asking(world, method, address), OWN_PAGES[name], confirmed)
    assert not found, "\n".join(found)


def asking(world, method, address):
    client = client_of(world.superuser)

    def ask(values):
        return client.get(address, query_params=values) if method == "get" else client.post(address, values)

    return ask


def test_the_pages_of_a_row_do_not_fail_at_nonsense(world):
    acme = world.acme
    first, second = acme.people["viewer"].pk, acme.people["buyer"].pk
    member = acme.administrator.membership
    pages = {
        reverse("admin:account_360", args=[acme.account.pk]): [],
        reverse("admin:view_as", args=[member.public_id]): ["reason", "is_elevated"],
        reverse("admin:merge_people", args=[first, second]): ["survivor", "reason", "step"],
        reverse("admin:tell_apart", args=[first, second]): [],
        reverse("admin:tick_setup", args=["brand"]): ["note", "undo"],
        reverse("admin:accounts_account_send_claim_link", args=[acme.account.pk]): ["email", "name"],
        reverse("admin:commerce_banktransfer_assign", args=[acme.transfer.pk]): ["number"],
        reverse("admin:commerce_banktransfer_recognise", args=[acme.transfer.pk]): ["number"],
        reverse("admin:commerce_banktransfer_to_balance", args=[acme.transfer.pk]): ["company", "is_another"],
        reverse("admin:commerce_banktransfer_send_back", args=[acme.transfer.pk]): ["reason"],
        reverse("admin:commerce_banktransfer_pay_back", args=[acme.transfer.pk]): ["amount", "reason"],
        reverse("admin:commerce_dunning_hold", args=[acme.dunning.pk]): ["reason"],
        reverse("admin:commerce_dunning_go_on", args=[acme.dunning.pk]): ["reason"],
        reverse("admin:add_goal", args=[acme.contract.pk]): [
            "form_key",
            "title",
            "metric",
            "baseline",
            "target",
            "target_date",
            "unit",
            "reached",
            "hours_each",
            "hourly_cost",
        ],
        reverse("admin:cases_case_answer", args=[acme.case.pk]): ["body", "form_key", "kind"],
        reverse("admin:cases_case_move", args=[acme.case.pk]): ["to"],
    }
    found = [
        f"{method} {address}: {failure}"
        for address, names in pages.items()
        for method in ("get", "post")
        for failure in failures(asking(world, method, address), names, {})
    ]
    assert not found, "\n".join(found)


MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_no_list_and_no_form_of_the_admin_fails_at_nonsense(world, model):
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    address = reverse(f"{base}_changelist")
    with undone():
        text = text_of(client_of(world.superuser).get(address))
    names = (parameters_on(text, address) | {"q", "p", "o"}) - {"_popup"}
    # What a filter, or Django itself, takes for a number or for text; our own pages are asked more.
    few = {what: NONSENSE[what] for what in ("no digit", "null byte")}
    found = list(failures(asking(world, "get", address), names, {}, nonsense=few))
    found += failures(asking(world, "post", address), ["_selected_action"], {"action": "reassign"}, nonsense=few)
    row = model._default_manager.first()
    forms = [reverse(f"{base}_add"), *([reverse(f"{base}_change", args=[row.pk])] if row else [])]
    for form in forms:
        with undone():
            text = text_of(client_of(world.superuser).get(form))
        fixed = {name: 0 for name in names_on(text) if name.endswith("_FORMS")}
        names = names_on("".join(re.findall(r"<form[^>]*_form\".*?</form>", text, re.DOTALL))) - fixed.keys()
        found += failures(asking(world, "post", form), [], fixed, also=names, nonsense=few)
    for place in ("²", "9" * 30):
        with undone():
            url = reverse(f"{base}_change", args=["at"]).replace("/at/", f"/{place}/")
            response = client_of(world.superuser).get(url)
        if response.status_code >= 500:
            found.append(f"row {place}: {response.status_code}")
    assert not found, "\n".join(found)
