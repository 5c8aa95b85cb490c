"""Every word of the portal in every language it offers: collected, translated, complete, and put together alike."""

import re
import tomllib
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog, Message
from django.conf import settings
from django.contrib import admin
from django.utils.translation import gettext, ngettext, override

from portal import catalogues
from sandbox import messages, wording

OFFERED = [code for code, _name in settings.LANGUAGES if code != "en"]
SAME = tomllib.loads((messages.LOCALE / "same_as_english.toml").read_text())

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|%%|\{\w*\}")
ELEMENT = re.compile(r"</?[a-z][^>]*>|&\w+;")


@pytest.fixture(scope="module")
def sources() -> Catalog:
    return messages.template_catalogue()


def said_by(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def english(message: Message) -> tuple[str, ...]:
    return message.id if isinstance(message.id, tuple) else (message.id,)


def translations(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, tuple | list) else (message.string,)


def placeholders(message: Message) -> list[list[str]]:
    """The sets of placeholders that a translation may have. A form for one count may say it in words: "two days"."""
    each = [sorted(PLACEHOLDER.findall(text)) for text in english(message)]
    return each + [[one for one in names if "count" not in one] for names in each if message.pluralizable]


# Complete


@pytest.mark.parametrize("language", OFFERED)
def test_every_message_has_its_translation(language, sources):
    catalogue = messages.read(language)
    known = {
        (message.id, message.context): message for message in said_by(catalogue) if messages.is_translated(message)
    }
    missing = [message.id for message in said_by(sources) if (message.id, message.context) not in known]
    assert missing == []


@pytest.mark.parametrize("language", OFFERED)
def test_a_translation_differs_from_the_english_unless_it_is_named_with_a_reason(language):
    same = {
        message.id
        for message in said_by(messages.read(language))
        if isinstance(message.id, str) and message.string == message.id and wording.WORD.search(message.id)
    }
    assert sorted(same - SAME["all"].keys() - SAME[language].keys()) == []
    assert sorted(SAME[language].keys() - same) == []
    assert all(SAME[language].values())


@pytest.mark.parametrize("language", OFFERED)
def test_the_portal_says_its_words_in_the_language(language):
    with override(language):
        assert gettext("Your account team") != "Your account team"
        assert ngettext("%(count)d change skipped.", "%(count)d changes skipped.", 3) != "%(count)d changes skipped."


# Put together alike, also while a language is not complete


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_translation_has_the_placeholders_of_the_english(language):
    wrong = [
        (message.id, text)
        for message in said_by(messages.read(language))
        for text in filter(None, translations(message))
        if sorted(PLACEHOLDER.findall(text)) not in placeholders(message)
    ]
    assert wrong == []


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_translation_has_the_elements_and_the_edges_of_the_english(language):
    wrong = [
        (message.id, text)
        for message in said_by(messages.read(language))
        for text in filter(None, translations(message))
        if sorted(ELEMENT.findall(text)) not in [sorted(ELEMENT.findall(one)) for one in english(message)]
        or text.startswith("\n") != english(message)[0].startswith("\n")
        or text.endswith("\n") != english(message)[0].endswith("\n")
    ]
    assert wrong == []


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_nothing_is_fuzzy_and_a_plural_has_no_or_all_of_its_forms(language):
    forms = int(re.search(r"nplurals=(\d)", messages.LANGUAGES[language])[1])
    for message in said_by(messages.read(language)):
        assert not message.fuzzy, message.id
        if message.pluralizable:
            assert len(translations(message)) == forms, message.id
            assert len(set(map(bool, translations(message)))) == 1, message.id


# Collected


TEMPLATE = """
  {% load i18n %}
{# Not this one #}{% comment %}{% translate "Nor this" %}{% endcomment %}
<c-card title="{% translate 'In an attribute' %}"
        note="{% blocktranslate count n=rows|length %}{{ n }} row{% plural %}{{ n }} rows{% endblocktranslate %}">
    {% translate "May" context "the month" %}
  {% blocktranslate trimmed with name=user.name %}
    Hello {{ name }},
    it is 100% done.
  {% endblocktranslate %}
 {% include "x.html" with caption=_("As an argument") %}{{ value|default:_("As a default") }}
</c-card>
"""

CODE = """
from django.utils.translation import gettext_lazy as _
label = _("A " "label")
npgettext_lazy("of a list", "%(count)d line", "%(count)d lines")
gettext_noop("Marked")
"""


def found(name: str, text: str) -> set[object]:
    return {(message, context) for message, _file, _, context in messages.messages_in(messages.ROOT / name, text)}


def test_all_that_a_template_says_is_collected():
    assert found("templates/some.html", TEMPLATE) == {
        ("In an attribute", None),
        (("%(n)s row", "%(n)s rows"), None),
        ("May", "the month"),
        ("Hello %(name)s, it is 100%% done.", None),
        ("As an argument", None),
        ("As a default", None),
    }


def test_all_that_code_says_is_collected():
    assert found("accounts/some.py", CODE) == {
        ("A label", None),
        (("%(count)d line", "%(count)d lines"), "of a list"),
        ("Marked", None),
    }


def test_a_template_of_every_kind_can_be_read(sources):
    files = {location[0] for message in said_by(sources) for location in message.locations}
    assert {"templates/base.html", "templates/cotton/field.html", "templates/mail/receipt.txt"} <= files
    assert {"commerce/pricing/explanation.py", "accounts/models/companies.py"} <= files


@pytest.fixture
def own_catalogue(tmp_path, monkeypatch):
    """A German catalogue of its own, with three messages."""
    monkeypatch.setattr(messages, "LOCALE", tmp_path)
    path = messages.file_of("de")
    path.parent.mkdir(parents=True)
    path.write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
        '# A note of the translator.\nmsgid "Home"\nmsgstr "Start"\n\n'
        'msgid "Gone"\nmsgstr "Fort"\n\nmsgid "row"\nmsgstr "Zeile"\n'
    )
    return path


def template_of(*ids) -> Catalog:
    catalogue = Catalog()
    for one in ids:
        catalogue.add(one, locations=[("portal/b.py", 7)])
    return catalogue


def test_an_update_keeps_what_is_translated_and_guesses_nothing(own_catalogue):
    own_catalogue.write_text(messages.updated("de", template_of("Homes", "Home", ("row", "rows"))))
    after = messages.read("de")
    assert after.get("Home").string == "Start"
    assert after.get("Home").user_comments == ["A note of the translator."]
    assert after.get("Homes").string == ""  # Like "Home", and yet not it.
    assert after.get("row").string == ("", "")  # What was said of one says nothing of many.
    assert after.get("Gone") is None
    assert not any(message.fuzzy for message in said_by(after))


def test_an_update_without_news_changes_nothing(own_catalogue):
    template = template_of("Zebra", "Home", "Ärger")
    own_catalogue.write_text(messages.updated("de", template))
    assert messages.updated("de", template) == own_catalogue.read_text()
    assert ":7" not in own_catalogue.read_text()


def test_a_catalogue_is_compiled_when_it_is_newer(own_catalogue, monkeypatch):
    monkeypatch.setattr(catalogues, "LOCALE", own_catalogue.parents[2])
    catalogues.compile_catalogues()
    compiled = own_catalogue.with_suffix(".mo").read_bytes()
    assert b"Start" in compiled


# Nothing is said outside the catalogue

NOT_FOR_PEOPLE = {
    "templates/styleguide.html": "for developers, while developing",
    "cases/api.py": "documentation of the API is English",
    "commerce/api.py": "documentation of the API is English",
    "commerce/provisioning_api.py": "documentation and answers of the API are English",
    "commerce/checks.py": "read in the terminal of whoever installs the portal",
    "knowledge/api.py": "documentation of the API is English",
    "portal/api.py": "documentation of the API is English",
    "templates/accounts/people/upload.html": "a sample of a file, whose column names are fixed",
    "accounts/provisioning.py": "what SCIM answers to a directory is English",
    "accounts/scim/resources.py": "what SCIM answers to a directory is English",
    "accounts/scim/views.py": "what SCIM answers to a directory is English",
    "portal/environment.py": "read in the terminal of whoever installs the portal",
    "portal/settings.py": "read in the terminal of whoever installs the portal",
    "portal/celery.py": "read in the terminal of whoever installs the portal",
    "portal/wsgi.py": "read in the terminal of whoever installs the portal",
    "accounts/checks.py": "read in the terminal of whoever installs the portal",
    "accounts/tenancy.py": "the reasons in a table for developers",
    "crm/mapping.py": "values as Salesforce writes them",
}
SAID_AS_IT_IS = {
    ("accounts/law/erasing.py", "Former member"): "kept in the row for good, in the language of the records",
    ("accounts/paging.py", "Not a cursor of this list."): "an answer of the API, English",
    ("templates/admin/permissions.html", "check"): "the name of an icon of the font",
    ("templates/unfold/helpers/app_list.html", "expand_more"): "the name of an icon of the font",
    (
        "accounts/brands.py",
        "Neither the portal's address nor a brand's.",
    ): "for the log, not for people",
    ("commerce/documents.py", "No fonts for documents in "): "read in the log of whoever builds the portal",
    (
        "commerce/billing/einvoices.py",
        "Credited to the balance",
    ): "for the bookkeeping program that reads the e-invoice",
    ("commerce/billing/einvoices.py", "Reverse charge"): "for the bookkeeping program that reads the e-invoice",
    ("crm/push.py", "Foreign key external ID"): "part of a message of Salesforce",
}
SAID_AS_IT_IS |= {
    ("accounts/permissions.py", name): "the name of a group's row; its label is translated"
    for name in ("Support agent", "Customer success", "Revenue manager", "System administrator")
}


def test_nothing_is_said_that_is_not_collected():
    paths = {str(path.relative_to(messages.ROOT)): path for path in messages.sources()}
    said = [
        (file, line, text)
        for file, path in paths.items()
        if file not in NOT_FOR_PEOPLE and "management" not in path.parts
        for line, text in wording.unknown_words(path)
    ]
    assert [(file, line, text) for file, line, text in said if (file, text) not in SAID_AS_IT_IS] == []


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<p>Hello {{ name }}</p>", ["Hello 0"]),
        ('<c-card title="Cases">{% translate "All" %}</c-card>', ["Cases"]),
        ('<button hx-confirm="Really delete it?">{{ x }}</button>', ["Really delete it?"]),
        ("<c-card :title=\"_('Cases')\" />", [':title="_(']),
        ("{% if a %}<b>{{ b }}</b>{% endif %}<script>let words = 1</script>", []),
        ("{% comment %}Some words{% endcomment %}{% blocktranslate %}Some words{% endblocktranslate %}", []),
        ('<{{ element }} class="text-base font-semibold"></{{ element }}>', []),
    ],
)
def test_words_outside_the_tags_of_a_template_are_noticed(template, words):
    assert [text for _line, text in wording.unknown_in_template(template, is_html=True)] == words


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('messages.success(request, "Changes saved.")', ["Changes saved."]),
        ('field = CharField(label="name")', ["name"]),
        ('class State(TextChoices):\n    OPEN = "open", "Open"', ["Open"]),
        ('class State(TextChoices):\n    OPEN = "open", _("Open")', []),
        ('"""Docstrings are free."""\nlogger.info("Sent %s to all", x)\n_("Changes saved.")\n"SELECT 1 FROM x"', []),
    ],
)
def test_words_outside_gettext_in_code_are_noticed(code, words):
    assert [text for _line, text in wording.unknown_in_code(code)] == words


def test_every_column_of_the_admin_has_its_name_in_words():
    unnamed = [
        f"{type(one).__name__}.{name}"
        for one in admin.site._registry.values()
        if one.model._meta.app_label in settings.LOCAL_APPS
        for name in {*map(str, one.list_display), *map(str, one.readonly_fields)}
        if callable(shown := getattr(one, name, None) or getattr(one.model, name, None))
        and not name.startswith("__")
        and not hasattr(shown, "short_description")
    ]
    assert unnamed == []
