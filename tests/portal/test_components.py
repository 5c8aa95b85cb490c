"""The look: components say what they mean, templates stay inside the Content-Security-Policy."""

import re
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import RequestFactory
from django_cotton import render_component

pytestmark = pytest.mark.django_db  # The frame asks which brand it wears.

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# Mail programs read no style sheet; the preview shows colours that nobody has saved.
STYLED_IN_PLACE = {"mail/_layout.html", "mail/digest.html", "admin/accounts/brand_preview.html"}
ERROR_PAGES = sorted(page.stem for page in (ROOT / "templates" / "errors").glob("*.html") if page.stem != "base_error")


def rendered(component: str, /, **attributes: Any) -> str:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    return " ".join(render_component(request, component, attributes).split())


class CaseForm(forms.Form):
    subject = forms.CharField(max_length=120, help_text="One sentence is enough.")
    note = forms.CharField(required=False)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_holds_no_inline_script_style_or_handler(template):
    text = re.sub(r"{% comment %}.*?{% endcomment %}", "", template.read_text(), flags=re.DOTALL)
    scripts = [tag for tag in re.findall(r"<script\b[^>]*>", text) if 'type="application/json"' not in tag]
    assert [tag for tag in scripts if " src=" not in tag] == []
    style = r"|<style\b|\sstyle=" if str(template.relative_to(ROOT / "templates")) not in STYLED_IN_PLACE else ""
    assert re.findall(r"\son[a-z]+=[\"']|javascript:" + style, text) == []


@pytest.mark.parametrize("page", ERROR_PAGES)
def test_an_error_page_needs_neither_request_nor_database(page):
    html = render_to_string(f"errors/{page}.html", {})
    assert html.count("data-primary-action") == 1
    assert html.count("<h1>") == 1
    assert "<script" not in html


@pytest.mark.parametrize(
    ("used", "tone", "share"), [(42, "primary", 84), (43, "warning", 86), (50, "error", 100), (65, "error", 130)]
)
def test_a_meter_warns_before_the_limit_and_shows_no_bar_beyond_its_end(used, tone, share):
    html = rendered("meter", label="Users with a seat", used=used, limit=50, unit="seats")
    assert f'data-tone="{tone}"' in html
    assert f"of 50 seats · {share} %" in html
    assert f'<progress value="{min(share, 100)}" max="100" aria-label="Users with a seat">' in html


def test_a_meter_tells_no_limit_from_not_included():
    assert "218</strong> · no limit" in rendered("meter", label="Articles", used=218, limit=None)
    assert "0</strong> · not included" in rendered("meter", label="Sandboxes", used=0, limit=0)


def test_a_field_ties_its_help_and_errors_to_the_input():
    html = rendered("field", field=CaseForm({"subject": ""})["subject"])
    assert '<label class="field-label" for="id_subject">Subject</label>' in html
    assert 'aria-describedby="id_subject_helptext id_subject_error"' in html
    assert 'id="id_subject_helptext">One sentence is enough.</div>' in html
    assert re.search(r'<div id="id_subject_error">.*This field is required\..*</div>', html)


def test_a_field_that_may_stay_empty_says_so():
    assert "(optional)" in rendered("field", field=CaseForm()["note"])
    assert "(optional)" not in rendered("field", field=CaseForm()["subject"])


def test_only_the_primary_button_is_marked_as_the_page_s_action():
    assert 'class="btn btn-primary " data-primary-action' in rendered("button", primary=True)
    assert "data-primary-action" not in rendered("button", variant="primary")
    assert rendered("button", href="/cases/").startswith('<a href="/cases/" class="btn btn-outline "')


def test_an_error_interrupts_and_a_confirmation_waits():
    assert 'role="alert"' in rendered("alert", tone="error", live=True)
    assert 'role="status"' in rendered("alert", tone="success", live=True)
    assert "role=" not in rendered("alert", tone="warning")


def test_a_timeline_says_its_states_in_words():
    items = [{"label": "Signed", "state": "done"}, {"label": "Notice deadline", "state": "next"}]
    html = rendered("timeline", label="Contract", items=items)
    assert '<ol class="timeline-items" aria-label="Contract">' in html
    assert 'Signed<span class="sr-only">, done</span>' in html
    assert 'Notice deadline<span class="sr-only">, next</span>' in html


def test_pages_of_a_list_offer_only_what_exists():
    assert rendered("pagination") == ""
    html = rendered("pagination", next_url="?after=25")
    assert 'href="?after=25"' in html
    assert "Newer" not in html


@pytest.mark.parametrize(
    ("component", "attribute"),
    [("card", "title"), ("page_header", "title"), ("status_badge", "label"), ("stat", "value"), ("avatar", "name")],
)
def test_what_a_customer_wrote_is_shown_as_text(component, attribute):
    html = rendered(component, **{attribute: '<script>alert("1")</script>'})
    assert "<script" not in html
