"""What a mail shows of the brand of the company that it is written to: from the notification to what is sent."""

import io
import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts import brands
from accounts.models import Brand
from accounts.notifications import notify, send_due
from accounts.notifications.own import Digest
from accounts.pictures import drawn_anew
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("empty_cache")

PORTAL = "http://help.northwind.example"


def logo() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (300, 100), "#123456").save(content, "PNG")
    return drawn_anew(content.getvalue())


@pytest.fixture
def northwind(acme, settings):
    """Acme's brand, with a domain of its own; there is another one for everybody else."""
    settings.ALLOWED_HOSTS = ["testserver"]
    brands.save_brand(Brand(name="Southwind", legal_name="Southwind SE", is_default=True), now=NOW)
    brand = Brand(
        name="Northwind",
        legal_name="Northwind AG",
        sender_name="Northwind Portal",
        sender_email="portal@northwind.example",
        custom_domain="help.northwind.example",
        primary_light="#123456",
        logo_light=logo(),
    )
    brands.save_brand(brand, now=NOW)
    Brand.objects.filter(pk=brand.pk).update(domain_verified_at=NOW)
    cache.delete(brands.CACHE_KEY)
    acme.brand = brand
    acme.save()
    return brand


def letter_to(user, account):
    """Tell them something, and return what the mail server is given."""
    notify(kind="roles_changed", to=[user], account=account, context={"member": user.memberships.get()})
    assert send_due(now=timezone.now()) == 1
    return mail.outbox[-1]


def formatted(letter) -> str:
    [(html, kind)] = letter.alternatives
    assert kind == "text/html"
    return html


def test_a_mail_comes_from_the_brands_sender_and_leads_to_its_domain(northwind, acme, member):
    letter = letter_to(member, acme)
    assert letter.from_email == "Northwind Portal <portal@northwind.example>"
    links = re.findall(r"https?://[^\s\"<]+", letter.body + formatted(letter))
    assert links
    assert all(link.startswith(f"{PORTAL}/") for link in links)
    assert "Your Northwind team" in letter.body
    assert "Northwind AG" in formatted(letter)
    assert "Southwind" not in letter.body + formatted(letter)


def test_a_mail_shows_the_brands_logo_and_colour(northwind, acme, member):
    html = formatted(letter_to(member, acme))
    [source] = re.findall(r'<img src="([^"]+)" alt="Northwind"', html)
    picture = Client(headers={"host": "help.northwind.example"}).get(source.removeprefix(PORTAL))
    assert picture["Content-Type"] == "image/png"
    assert "background:#123456;color:#ffffff" in html


def test_the_logo_of_an_old_mail_is_the_logo_of_today(northwind, acme, member):
    [source] = re.findall(r'<img src="([^"]+)"', formatted(letter_to(member, acme)))
    northwind.refresh_from_db()
    brands.save_brand(northwind, now=NOW)
    answer = Client(headers={"host": "help.northwind.example"}).get(source.removeprefix(PORTAL))
    assert answer.status_code == 302
    assert "immutable" not in answer.get("Cache-Control", "")
    assert answer["Location"] == reverse("accounts:brand-logo-light", args=[northwind.token])
    assert Client().get(answer["Location"])["Content-Type"] == "image/png"


def test_a_brand_without_a_logo_says_its_name(northwind, acme, member):
    Brand.objects.update(logo_light=b"")
    cache.delete(brands.CACHE_KEY)
    html = formatted(letter_to(member, acme))
    assert "<img" not in html
    assert re.search(r">\s*Northwind\s*</td>", html)


def test_another_company_hears_from_the_default_brand(northwind, globex, other_admin):
    letter = letter_to(other_admin, globex)
    assert "Southwind SE" in formatted(letter)
    assert "Northwind" not in letter.body + formatted(letter)


def test_the_link_that_ends_summaries_is_at_the_brands_domain(northwind, acme, member):
    lines = {"lines": [{"text": "Order O-1", "url": f"{PORTAL}/orders/"}], "count": 1, "more": 0}
    notify(kind=Digest, to=[member], account=acme, context=lines)
    assert send_due(now=timezone.now()) == 1
    url = mail.outbox[-1].extra_headers["List-Unsubscribe"].strip("<>")
    assert url.startswith(f"{PORTAL}/")
    visitor = Client(headers={"host": "help.northwind.example"})
    assert visitor.post(url.removeprefix(PORTAL), {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert member.mail_times.digest_every == "never"


def test_a_code_asked_for_at_the_brands_domain_comes_from_its_sender(northwind, member):
    visitor = Client(headers={"host": "help.northwind.example"})
    visitor.post(reverse("account_request_login_code"), {"email": member.email})
    [letter] = mail.outbox
    assert letter.to == [member.email]
    assert letter.from_email == "Northwind Portal <portal@northwind.example>"


def test_a_code_asked_for_by_somebody_signed_in_comes_from_their_companys_sender(northwind, member, signed_in):
    member.set_unusable_password()  # Others confirm by their password.
    member.save()
    signed_in(member, confirmed=False).post(reverse("accounts:confirm-by-code"), {"send": ""})
    [letter] = mail.outbox
    assert letter.from_email == "Northwind Portal <portal@northwind.example>"
