"""The catalogues of translations: what the portal says is collected from its sources, with Babel and no GNU gettext.

    python -m sandbox messages           bring locale/*/LC_MESSAGES/django.po up to date, and compile it
    python -m sandbox messages --check   only say whether it is up to date (part of make check)

A catalogue changes with what is said alone: it is sorted by message and names files, not lines. A message that is gone
leaves with its translation; nothing is ever guessed, so nothing is fuzzy.
"""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po

from portal.catalogues import compile_catalogues

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
# The languages beside English, and which of a message's texts belongs to which count. The forms are Django's own, in
# whose catalogue ours is merged. Arabic: none, one, two, few (3-10), many (11-99), other (100, 101, 102...).
LANGUAGES = {
    "ar": (
        "nplurals=6; "
        "plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5;"
    ),
    "de": "nplurals=2; plural=(n != 1);",
    "es": "nplurals=2; plural=(n != 1);",
}

KEYWORDS: dict[str, Any] = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
TRANSLATOR_COMMENTS = ("Translators:",)

Found = tuple[str | tuple[str, ...], str, list[str], str | None]  # Message, file, comments for translators, context.


def sources() -> list[Path]:
    """The application's code and the templates."""
    from django.conf import settings

    modules = [path for app in settings.LOCAL_APPS for path in (ROOT / app).rglob("*.py")]
    templates = [path for ending in ("html", "txt") for path in (ROOT / "templates").rglob(f"*.{ending}")]
    return sorted(path for path in modules + templates if "migrations" not in path.parts)


def messages_in(path: Path, text: str) -> Iterator[Found]:
    """What `text`, the content of the file `path`, says: calls of gettext, and the template tags."""
    code = text if path.suffix == ".py" else _template_as_code(text, path)
    name = str(path.relative_to(ROOT))
    for _line, message, comments, context in extract(
        "python",
        io.BytesIO(code.encode()),
        keywords=KEYWORDS,
        comment_tags=TRANSLATOR_COMMENTS,
        strip_comment_tags=True,
    ):
        yield message, name, list(comments), context


def _template_as_code(text: str, path: Path) -> str:
    from django.utils.translation.template import templatize

    # Django writes one call a line, wherever it stood; Python's tokenizer minds how far lines are indented.
    return "\n".join(line.strip() for line in templatize(text, origin=str(path)).splitlines())


def names_of_models() -> Iterator[Found]:
    """What the staff admin calls rows and their fields: see portal.apps."""
    from portal.apps import names_in_admin

    for name, module in names_in_admin():
        yield name, module.replace(".", "/") + ".py", [], None


def template_catalogue() -> Catalog:
    """Every message of the portal, without a translation."""
    catalogue = Catalog()
    for path in sources():
        _add(catalogue, messages_in(path, path.read_text()))
    _add(catalogue, names_of_models())
    return catalogue


def _add(catalogue: Catalog, found: Iterable[Found]) -> None:
    for message, file, comments, context in found:
        if message:
            catalogue.add(message, locations=[(file, 0)], auto_comments=comments, context=context)


def file_of(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """The language's catalogue as it stands; empty where there is none."""
    path = file_of(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str, template: Catalog) -> str:
    """The language's catalogue with the messages of `template`, and the translations that it has."""
    before, after = read(language), Catalog(locale=language)
    for message in template:
        if message.id:
            known = before.get(message.id, context=message.context)
            after.add(
                message.id,
                string=_kept(known, message),
                locations=message.locations,
                auto_comments=message.auto_comments,
                user_comments=known.user_comments if known else (),
                context=message.context,
            )
    body = io.BytesIO()
    write_po(body, after, width=0, include_lineno=False, sort_output=True, ignore_obsolete=True, omit_header=True)
    return _header(language) + body.getvalue().decode().rstrip() + "\n"


def _kept(known: Message | None, message: Message) -> str | tuple[str, ...] | list[str]:
    """The translation that stands, unless the message has got or lost its plural."""
    if known is None or known.pluralizable != message.pluralizable:
        return ""
    return known.string or ""


def _header(language: str) -> str:
    """Without dates, people and versions, which would change when nothing has."""
    lines = [
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        f"Language: {language}",
        f"Plural-Forms: {LANGUAGES[language]}",
    ]
    return 'msgid ""\nmsgstr ""\n' + "".join(f'"{line}\\n"\n' for line in lines) + "\n"


def run(*, check: bool) -> int:
    """Bring the catalogues up to date, or with `check` only say which are not; 1 where some are not."""
    import django

    django.setup()
    template = template_catalogue()
    stale = []
    for language in LANGUAGES:
        path, text = file_of(language), updated(language, template)
        if not path.exists() or path.read_text() != text:
            stale.append(language)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    if check:
        if stale:
            print(f"The catalogues of {', '.join(stale)} miss what the sources say: run make messages, and translate.")
        return 1 if stale else 0
    compile_catalogues()
    for language in LANGUAGES:
        said = [message for message in read(language) if message.id]
        missing = sum(1 for message in said if not is_translated(message))
        print(f"{language}: {len(said)} messages, {missing} without a translation")
    return 0


def is_translated(message: Message) -> bool:
    """Whether it has its text, and where it depends on a count each of its texts."""
    return all(message.string) if isinstance(message.string, tuple | list) else bool(message.string)
