"""Each customer page has exactly one primary action, whoever looks at it."""

import re

from accounts.permissions import CUSTOMER_TABLE
from tests.pages import Audience, screens
from tests.world import PEOPLE, client_of, undone

MARK = re.compile(r"<[a-z][^>]*\sdata-primary-action\b")


def viewers(entry, company):
    """People of the company whose roles open the page; for a page open to all, also a visitor."""
    seen_by = {
        who: user
        for who, user in company.people.items()
        if not entry.permission or not CUSTOMER_TABLE[entry.permission].isdisjoint(PEOPLE[who])
    }
    return seen_by if entry.audience is Audience.CUSTOMERS else {"visitor": None, **seen_by}


def test_each_page_offers_each_of_its_viewers_one_primary_action(in_the_world):
    acme = in_the_world.acme
    wrong = []
    for entry in screens(Audience.CUSTOMERS, Audience.EVERYBODY):
        if entry.name == "styleguide":  # Shows every component, so several.
            continue
        for who, user in viewers(entry, acme).items():
            with undone():
                query = {name: str(value) for name, value in entry.query(acme).items()}
                response = client_of(user).get(entry.url(acme), query_params=query)
                count = len(MARK.findall(response.content.decode()))
            if count != 1:
                wrong.append(f"{entry.id} shows the {who} {count} ({response.status_code})")
    assert not wrong, "pages without exactly one primary action:\n" + "\n".join(wrong)
