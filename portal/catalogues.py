"""Compile the catalogues of translations: `python -m portal.catalogues`. Django reads the compiled ones alone.

Not by `pybabel compile`: it holds each plural against the English singular, and refuses a translation that says a
count which "One thing is new" leaves out. tests/portal/test_translations.py holds it against either form.
"""

import io
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).resolve().parent.parent / "locale"


def compile_catalogues() -> None:
    """Write the .mo beside each .po that is newer."""
    for source in sorted(LOCALE.glob("*/LC_MESSAGES/django.po")):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            compiled = io.BytesIO()
            with source.open("rb") as file:
                write_mo(compiled, read_po(file, locale=source.parent.parent.name))
            target.write_bytes(compiled.getvalue())


if __name__ == "__main__":
    compile_catalogues()
