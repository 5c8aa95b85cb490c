"""A picture of each plan, and a data sheet to take along."""

import json
from collections.abc import Sequence
from io import BytesIO

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw

from commerce.catalogue.catalogue import grant_words
from commerce.catalogue.product_files import taken
from commerce.documents import draw
from commerce.models import FileKind, Product, ProductFile

BOARDS = {"team": 3, "business": 4, "enterprise": 5}  # How many columns of work each plan's board has.
GROUND, COLUMN, CARDS = "#0b5d67", "#e6f2f3", ("#0b5d67", "#4fc3d3", "#f4a261")
SHEET = b"""
#let sheet = json(bytes(sys.inputs.sheet))
#set page("a4", margin: 25mm)
#set text(font: "Inter", size: 11pt)
#set document(title: sheet.name)
= #sheet.name
#v(4mm)
#text(size: 13pt, sheet.summary)
#v(6mm)
#for line in sheet.lines [- #line]
"""


def add_product_files() -> None:
    """Through the checks that uploads go through."""
    for product in Product.objects.filter(code__in=BOARDS).prefetch_related("grants"):
        picture = SimpleUploadedFile("board.png", _board(BOARDS[product.code]))
        _keep(product, FileKind.IMAGE, f"A board of {product.name}, with work under way", picture)
        _keep(product, FileKind.DOCUMENT, f"{product.name} in detail", SimpleUploadedFile("sheet.pdf", _sheet(product)))


def _keep(product: Product, kind: FileKind, title: str, upload: SimpleUploadedFile) -> None:
    new = taken(upload, kind)
    file = ProductFile(product=product, kind=kind, title=title)
    file.keep(new.content, content_type=new.content_type, suffix=new.suffix)
    file.save()


def _board(columns: int) -> bytes:
    """Columns of work with cards in them, fewer from left to right."""
    picture = Image.new("RGB", (960, 540), GROUND)
    draw = ImageDraw.Draw(picture)
    width = (960 - 40) // columns
    for at in range(columns):
        left = 40 + at * width
        draw.rounded_rectangle((left, 60, left + width - 40, 480), radius=18, fill=COLUMN)
        for row in range(max(4 - at, 1)):
            top = 90 + row * 92
            draw.rounded_rectangle((left + 18, top, left + width - 58, top + 70), radius=10, fill=CARDS[(at + row) % 3])
    kept = BytesIO()
    picture.save(kept, "PNG", optimize=True)
    return kept.getvalue()


def _sheet(product: Product) -> bytes:
    return a_sheet(
        product.name, product.summary, [*product.highlights.splitlines(), *map(grant_words, product.grants.all())]
    )


def a_sheet(name: str, summary: str, lines: Sequence[str]) -> bytes:
    """A page about something, as a PDF."""
    sheet = {"name": name, "summary": summary, "lines": list(lines)}
    return draw(SHEET, {"sheet": json.dumps(sheet)})
