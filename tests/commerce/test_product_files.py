"""Pictures of products and papers about them: what the staff may upload, and who gets to see it."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from accounts.models import Membership
from commerce.models import Product, ProductFile
from tests.factories import make_staff

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n"


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """The contract of the tests is running."""


def picture(size=(1600, 900), kind="PNG"):
    content = io.BytesIO()
    Image.new("RGB", size, "#0b5d67").save(content, kind)
    return content.getvalue()


def keep(product, *, kind="document", title="Data sheet", content=PDF, suffix=".pdf", content_type="application/pdf"):
    file = ProductFile(product=product, kind=kind, title=title)
    file.keep(content, content_type=content_type, suffix=suffix)
    file.save()
    return file


def keep_picture(product, title="The board of a team"):
    return keep(product, kind="image", title=title, content=picture(), suffix=".webp", content_type="image/webp")


def at(file):
    return reverse("commerce:product-file", args=[file.public_id])


# What the staff upload


def upload(client, product, *, name="sheet.pdf", content=PDF, existing=None, **fields):
    """Send the product's page in the admin with one file on it."""
    page = client.get(reverse("admin:commerce_product_change", args=[product.pk]))
    sent = {}
    for form in [page.context["adminform"].form, *(s.formset.management_form for s in forms_of(page))]:
        sent |= {form.add_prefix(field): form.initial.get(field) for field in form.fields}
    for inline in forms_of(page):
        for form in inline.formset.initial_forms:
            sent |= {form.add_prefix(field): form[field].value() for field in form.fields if field != "upload"}
    sent = {name: value for name, value in sent.items() if value is not None and value is not False}
    row = {"kind": "document", "title": "Data sheet", "position": "1"} | fields
    at = 0 if existing is not None else int(sent["files-INITIAL_FORMS"])
    sent |= {f"files-{at}-{field}": value for field, value in row.items()}
    sent["files-TOTAL_FORMS"] = max(at + 1, int(sent["files-INITIAL_FORMS"]))
    if content is not None:
        sent[f"files-{at}-upload"] = SimpleUploadedFile(name, content)
    return client.post(reverse("admin:commerce_product_change", args=[product.pk]), sent)


def forms_of(page):
    return page.context["inline_admin_formsets"]


def errors_of(response):
    return " ".join(
        str(error)
        for inline in forms_of(response)
        for form in inline.formset.forms
        for errors in form.errors.values()
        for error in errors
    )


@pytest.fixture
def editor(manager, signed_in):
    return signed_in(manager)


def test_a_picture_is_drawn_anew_and_kept_small(editor, products):
    assert upload(editor, products["team"], name="board.png", content=picture(), kind="image").status_code == 302
    kept = ProductFile.objects.get()
    with Image.open(kept.content) as drawn:
        assert (drawn.format, drawn.size) == ("WEBP", (960, 540))
    assert (kept.content_type, kept.size) == ("image/webp", kept.content.size)
    assert "board" not in kept.content.name


def test_a_document_is_kept_as_it_is(editor, products):
    assert upload(editor, products["team"]).status_code == 302
    kept = ProductFile.objects.get()
    assert (kept.content.read(), kept.content_type, kept.file_name) == (PDF, "application/pdf", "data-sheet.pdf")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"kind": "image", "name": "a.png", "content": PDF}, "This is not a picture"),
        ({"kind": "image", "name": "a.svg", "content": b"<svg onload='x()'/>"}, "SVG can hold scripts"),
        ({"kind": "image", "name": "a.png", "content": b"0" * (1024 * 1024 + 1)}, "larger than 1 MB"),
        ({"name": "a.pdf", "content": b"<script>1</script>"}, "is not what its name says"),
        ({"name": "a.exe", "content": b"MZ"}, "of a kind we don't take"),
        ({"name": "a.pdf", "content": b""}, "empty"),
        ({"content": None}, "Choose a file."),
        ({"title": ""}, "required"),
    ],
)
def test_what_is_no_picture_or_document_is_refused_with_the_reason(editor, products, sent, reason):
    response = upload(editor, products["team"], **sent)
    assert response.status_code == 200
    assert reason in errors_of(response)
    assert not ProductFile.objects.exists()


def test_another_file_in_its_place_has_another_address(editor, products, django_capture_on_commit_callbacks):
    before = keep(products["team"])
    with django_capture_on_commit_callbacks(execute=True):
        assert upload(editor, products["team"], existing=before, content=PDF + b"%new").status_code == 302
    after = ProductFile.objects.get()
    assert after.pk == before.pk
    assert after.public_id != before.public_id
    assert after.content.read() == PDF + b"%new"
    assert not before.content.storage.exists(before.content.name)


def test_a_document_does_not_become_a_picture_without_another_file(editor, products):
    kept = keep(products["team"])
    response = upload(editor, products["team"], existing=kept, content=None, kind="image")
    assert "Choose a file." in errors_of(response)
    assert ProductFile.objects.get().kind == "document"


def test_a_new_title_keeps_the_file(editor, products):
    kept = keep(products["team"])
    assert upload(editor, products["team"], existing=kept, content=None, title="Team at a glance").status_code == 302
    renamed = ProductFile.objects.get()
    assert (renamed.title, renamed.public_id) == ("Team at a glance", kept.public_id)


def test_who_only_sees_products_uploads_nothing(products, signed_in):
    seller = make_staff("sales@vendor.example", "Sol", group="Sales")
    url = reverse("admin:commerce_product_change", args=[products["team"].pk])
    assert signed_in(seller).post(url, {"files-0-upload": SimpleUploadedFile("a.pdf", PDF)}).status_code == 403
    assert not ProductFile.objects.exists()


def test_the_staff_see_files_of_products_that_are_not_on_sale_yet(editor, products):
    Product.objects.filter(code="team").update(lifecycle="draft")
    response = editor.get(reverse("admin:commerce_product_file", args=[keep(products["team"]).public_id]))
    assert b"".join(response.streaming_content) == PDF


# What customers get


def test_a_document_is_downloaded_and_a_picture_is_shown(admin, contract, products, signed_in):
    client = signed_in(admin)
    sheet = client.get(at(keep(products["team"])))
    assert sheet.headers["Content-Type"] == "application/pdf"
    assert sheet.headers["Content-Disposition"] == 'attachment; filename="data-sheet.pdf"'
    shown = client.get(at(keep_picture(products["team"])))
    assert shown.headers["Content-Type"] == "image/webp"
    assert shown.headers["Content-Disposition"].startswith("inline")
    for response in (sheet, shown):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"].startswith("private")


@pytest.mark.parametrize("lifecycle", ["draft", "end_of_sale", "end_of_life"])
def test_a_product_that_is_not_on_sale_keeps_its_files_for_those_who_have_it(
    admin, other_admin, contract, products, signed_in, lifecycle
):
    Product.objects.filter(code__in=["team", "business"]).update(lifecycle=lifecycle)
    assert signed_in(admin).get(at(keep(products["team"]))).status_code == 200
    assert signed_in(admin).get(at(keep(products["business"]))).status_code == 404
    assert signed_in(other_admin).get(at(keep(products["team"]))).status_code == 404


def test_plans_and_comparison_show_them(admin, contract, products, signed_in):
    sheet, shown = keep(products["business"], title="Business in detail"), keep_picture(products["business"])
    client = signed_in(admin)
    plans = client.get(reverse("commerce:plans")).content.decode()
    compared = client.get(reverse("commerce:compare-plans")).content.decode()
    for page in (plans, compared):
        assert f'href="{at(sheet)}"' in page
        assert "Business in detail" in page
        assert f'src="{at(shown)}" alt="The board of a team"' in page


def test_files_of_drafts_are_on_no_page(admin, contract, products, signed_in):
    Product.objects.filter(code="business").update(lifecycle="draft")
    sheet = keep(products["business"])
    client = signed_in(admin)
    for name in ("plans", "compare-plans"):
        assert at(sheet) not in client.get(reverse(f"commerce:{name}")).content.decode()


def test_who_may_not_see_prices_is_refused(member, viewer, contract, products, signed_in):
    file = keep(products["team"])
    for person in (member, viewer):
        assert signed_in(person).get(at(file)).status_code == 403


def test_a_stranger_to_every_company_gets_nothing(other_admin, products, signed_in):
    Membership.objects.filter(user=other_admin).delete()
    assert signed_in(other_admin).get(at(keep(products["team"]))).status_code == 403


def test_anonymous_visitors_are_asked_to_sign_in(client, products):
    response = client.get(at(keep(products["team"])))
    assert (response.status_code, response.url.partition("?")[0]) == (302, reverse("account_login"))
