"""The vendor's brands: logos, colours, domains, and where they are worn."""

import io
import re

import pytest
from django.conf import settings as project_settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from accounts import brands, contrast
from accounts.models import Brand
from accounts.pictures import PictureRefused, drawn_anew
from tests.conftest import NOW
from tests.factories import make_staff

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture(autouse=True)
def no_brand_remembered():
    cache.delete(brands.CACHE_KEY)
    yield
    cache.delete(brands.CACHE_KEY)


def make_brand(**fields) -> Brand:
    brand = Brand(**{"name": "Northwind", "legal_name": "Northwind AG", **fields})
    brands.save_brand(brand, now=NOW)
    return brand


def picture(kind="PNG", size=(300, 100), **options) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, "#0b5d67").save(content, kind, **options)
    return content.getvalue()


# Logos


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_logo_is_drawn_anew_as_a_small_png(kind):
    drawn = drawn_anew(picture(kind, size=(1500, 1000)))
    with Image.open(io.BytesIO(drawn)) as kept:
        assert kept.format == "PNG"
        assert kept.size == (240, 160)


def test_what_else_was_in_the_file_is_gone():
    notes = PngInfo()
    notes.add_text("Comment", "<script>alert(1)</script>")
    content = picture(pnginfo=notes) + b"<?php system($_GET['c']); ?>"
    drawn = drawn_anew(content)
    assert b"script" not in drawn
    assert b"php" not in drawn


def bomb() -> bytes:
    """A PNG of a hundred megapixels in a few bytes."""
    import struct
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 10_000, 10_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


REFUSED = {
    "an SVG with a script": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "SVG"),
    "an SVG behind a declaration": (b'<?xml version="1.0"?><!DOCTYPE svg><svg onload="alert(1)"/>', "SVG"),
    "PHP": (b"<?php system($_GET['c']); ?>", "not a picture"),
    "HTML": (b"<!doctype html><script>alert(1)</script>", "not a picture"),
    "HTML that begins like a GIF": (b"GIF89a/*<script>*/=1;alert(1)//", "not a picture"),
    "a PNG that ends early": (picture()[:60], "damaged"),
    "a script behind a PNG's signature": (b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", "picture"),
    "a hundred megapixels": (bomb(), "too many pixels"),
    "two megabytes": (b"\x89PNG\r\n\x1a\n" + b"0" * 2_000_000, "larger than"),
    "nothing": (b"", "not a picture"),
}


@pytest.mark.parametrize(("content", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_logo_is_refused_with_the_reason(content, says):
    with pytest.raises(PictureRefused, match=says):
        drawn_anew(content)


# Colours


def test_contrast_is_what_wcag_says():
    assert contrast.ratio("#000000", "#ffffff") == pytest.approx(21)
    assert contrast.ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast.ratio("#0b5d67", "#0b5d67") == 1


def test_the_surfaces_are_those_of_the_style_sheet():
    css = (project_settings.BASE_DIR / "assets" / "brand.css").read_text()
    found = [
        re.search(rf"--color-{name}: light-dark\((#\w+), (#\w+)\)", css).groups() for name in ("base-100", "base-200")
    ]
    assert tuple(zip(*found, strict=True)) == (contrast.LIGHT_SURFACES, contrast.DARK_SURFACES)


@pytest.mark.parametrize("surfaces", [contrast.LIGHT_SURFACES, contrast.DARK_SURFACES])
@pytest.mark.parametrize("colour", ["#ffff00", "#ff8800", "#888888", "#000080", "#ffffff", "#000000", "#4fc3d3"])
def test_the_nearest_shade_passes(colour, surfaces):
    assert contrast.lowest_ratio(contrast.nearest_passing(colour, surfaces), surfaces) >= contrast.TEXT


@pytest.mark.parametrize("fill", ["#ffff00", "#777777", "#000080", "#767676", "#0b5d67"])
def test_text_on_a_button_can_be_read(fill):
    assert contrast.ratio(contrast.text_on(fill), fill) >= contrast.TEXT


# The staff's page


def posted(**fields) -> dict[str, object]:
    return {
        "name": "Northwind", "legal_name": "Northwind AG", "footer_links": "",
        "primary_light": "#0b5d67", "primary_dark": "#4fc3d3", "accent_light": "#5b3fa8", "accent_dark": "#b9a5f5",
        "menu_rules-TOTAL_FORMS": 0, "menu_rules-INITIAL_FORMS": 0,
        **fields,
    }  # fmt: skip


@pytest.fixture
def marketer(db):
    return make_staff("marketing@vendor.example", "Mara Marketing", group="Marketing")


def test_marketing_sets_name_logo_and_colours(marketer, signed_in):
    logo = SimpleUploadedFile("logo.png", picture(), content_type="image/png")
    response = signed_in(marketer).post(
        reverse("admin:accounts_brand_add"), posted(is_default="on", new_logo_light=logo, primary_light="#123456")
    )
    assert response.status_code == 302
    brand = Brand.objects.get()
    assert (brand.name, brand.is_default, brand.primary_light) == ("Northwind", True, "#123456")
    assert bytes(brand.logo_light).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"primary_light": "#ffd400"}, "to 1, and 4.5 to 1 is needed. #"),
        ({"primary_dark": "#123456"}, "4.5 to 1 is needed"),
        ({"primary_light": "red"}, "six digits"),
        ({"custom_domain": "https://x.example/"}, "without https://"),
        ({"footer_links": "Imprint javascript:alert(1)"}, "is not a link"),
        ({"new_logo_light": SimpleUploadedFile("logo.png", REFUSED["HTML"][0])}, "This is not a picture"),
        (
            {"new_logo_light": SimpleUploadedFile("logo.svg", REFUSED["an SVG with a script"][0])},
            "SVG can hold scripts",
        ),
    ],
)
def test_a_brand_that_cannot_be_is_refused(marketer, signed_in, fields, says):
    response = signed_in(marketer).post(reverse("admin:accounts_brand_add"), posted(**fields))
    assert response.status_code == 200
    assert says in response.content.decode()
    assert not Brand.objects.exists()


def test_a_new_default_takes_the_place_of_the_old(marketer, signed_in):
    old = make_brand(name="Old", is_default=True)
    assert signed_in(marketer).post(reverse("admin:accounts_brand_add"), posted(is_default="on")).status_code == 302
    old.refresh_from_db()
    assert not old.is_default


def test_support_sees_brands_and_changes_none(agent, signed_in):
    brand = make_brand()
    client = signed_in(agent)
    url = reverse("admin:accounts_brand_change", args=[brand.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, posted(name="Mine")).status_code == 403
    brand.refresh_from_db()
    assert brand.name == "Northwind"


# Where it is worn


def test_a_page_wears_the_default_brand(db):
    brand = make_brand(
        is_default=True, support_email="help@northwind.example", footer_links="Imprint https://n.example/i"
    )
    page = Client().get(reverse("account_login")).content.decode()
    assert f"/brand/{brand.public_id.hex}-1.css" in page
    assert "Northwind customer portal" in page
    assert 'href="https://n.example/i">Imprint' in page
    assert "mailto:help@northwind.example" in page


def test_a_company_wears_its_own_brand(member, acme, signed_in):
    make_brand(is_default=True)
    acme.brand = make_brand(name="Southwind")
    acme.save()
    page = signed_in(member).get("/").content.decode()
    assert "Southwind customer portal" in page
    assert "Northwind" not in page


def test_a_mail_wears_the_companys_brand(member, acme):
    acme.brand = make_brand(sender_name="Northwind Portal", sender_email="portal@northwind.example")
    acme.save()
    look = brands.of(acme)
    assert look.sender == "Northwind Portal <portal@northwind.example>"
    assert look.name == "Northwind"


def test_colours_are_served_for_ever_and_change_their_address(db):
    brand = make_brand(primary_light="#123456")
    url = reverse("accounts:brand-stylesheet", args=[f"{brand.public_id.hex}-1"])
    response = Client().get(url)
    assert response["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in response["Cache-Control"]
    assert "--color-primary: light-dark(#123456, #4fc3d3);" in response.content.decode()
    brands.save_brand(brand, now=NOW)
    assert Client().get(url).status_code == 404
    assert Client().get(url.replace("-1.css", "-2.css")).status_code == 200


def test_a_logo_is_served_as_a_picture_that_runs_nothing(db):
    brand = make_brand(logo_light=drawn_anew(picture()))
    token = f"{brand.public_id.hex}-1"
    response = Client().get(reverse("accounts:brand-logo-light", args=[token]))
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert Client().get(reverse("accounts:brand-logo-dark", args=[token])).status_code == 404


def test_without_a_brand_the_settings_say_who_the_vendor_is(db):
    page = Client().get(reverse("account_login")).content.decode()
    assert f"{project_settings.VENDOR_NAME} customer portal" in page
    assert "/brand/" not in page


# Domains


@pytest.fixture
def strict_hosts(settings):
    settings.ALLOWED_HOSTS = ["portal.localhost"]


def test_the_portal_answers_at_a_verified_domain_in_its_brand(db, strict_hosts):
    make_brand(name="Default", is_default=True)
    brand = make_brand(custom_domain="help.northwind.example")
    url = reverse("account_login")
    assert Client(headers={"host": "help.northwind.example"}).get(url).status_code == 400
    Brand.objects.filter(pk=brand.pk).update(domain_verified_at=NOW)
    cache.delete(brands.CACHE_KEY)
    response = Client(headers={"host": "help.northwind.example"}).get(url)
    assert response.status_code == 200
    assert "Northwind customer portal" in response.content.decode()
    assert brands.of_host("help.northwind.example").base_url == "http://help.northwind.example"


def test_a_form_is_accepted_at_a_brands_domain(db, strict_hosts):
    brand = make_brand(custom_domain="help.northwind.example")
    Brand.objects.filter(pk=brand.pk).update(domain_verified_at=NOW)
    cache.delete(brands.CACHE_KEY)
    client = Client(headers={"host": "help.northwind.example"}, enforce_csrf_checks=True)
    token = client.get(reverse("account_login")).cookies["csrftoken"].value
    body = {"language": "en", "next": "/", "csrfmiddlewaretoken": token}
    origin = {"origin": "http://help.northwind.example"}
    assert client.post(reverse("set-language"), body, headers=origin).status_code == 302
    assert client.post(reverse("set-language"), body, headers={"origin": "http://evil.example"}).status_code == 403


def test_an_unknown_host_is_refused_with_a_page_that_may_run_nothing(db, strict_hosts):
    response = Client(headers={"host": "evil.example"}).get("/")
    assert response.status_code == 400
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_a_changed_domain_is_verified_anew(db):
    brand = make_brand(custom_domain="help.northwind.example")
    Brand.objects.filter(pk=brand.pk).update(domain_verified_at=NOW)
    brand.refresh_from_db()
    brand.custom_domain = "other.northwind.example"
    brands.save_brand(brand, now=NOW)
    brand.refresh_from_db()
    assert brand.domain_verified_at is None
