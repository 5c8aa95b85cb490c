"""How the vendor shows itself: Meridian, and a second brand that it sells the same platform under."""

from io import BytesIO

from django.conf import settings
from PIL import Image, ImageDraw, ImageFont

from accounts.models import Brand, MenuEntry, MenuRule
from accounts.permissions import Role
from sandbox.demo.world import World

SECOND = "Fieldline"
ON_LIGHT, ON_DARK = "#8a3b12", "#f4a261"


def add_brands(world: World) -> Brand:
    """The default brand as a fresh installation looks, and the second one, which is given back."""
    moment = world.calendar.now
    world.add(
        Brand(
            name=settings.VENDOR_NAME,
            legal_name=settings.LEGAL_ENTITY,
            is_default=True,
            support_email="support@vendor.example",
            updated_at=moment,
        )
    )
    second = world.add(
        Brand(
            name=SECOND,
            legal_name=f"{SECOND}, a brand of {settings.LEGAL_ENTITY}",
            logo_light=_logo(ON_LIGHT),
            logo_dark=_logo(ON_DARK),
            primary_light=ON_LIGHT,
            primary_dark=ON_DARK,
            accent_light="#1d5c3a",
            accent_dark="#7fd1a1",
            sender_name=f"{SECOND} customer portal",
            sender_email="fieldline@vendor.example",
            support_email="fieldline@vendor.example",
            footer_links="About Fieldline https://fieldline.vendor.example/about",
            updated_at=moment,
        )
    )
    # Whoever keeps the books there finds the invoices first.
    world.add(MenuRule(brand=second, role=Role.BILLING, entry=MenuEntry.INVOICES, position=2))
    return second


def _logo(colour: str) -> bytes:
    """A field with its furrows, and the name beside it."""
    picture = Image.new("RGBA", (520, 128), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((4, 4, 124, 124), radius=26, outline=colour, width=8)
    for left in (28, 52, 76, 100):
        draw.line((64 + (left - 64) // 4, 44, left, 104), fill=colour, width=8)
    draw.line((28, 44, 100, 44), fill=colour, width=8)
    draw.text((152, 64), SECOND, fill=colour, font=ImageFont.load_default(76), anchor="lm")
    kept = BytesIO()
    picture.save(kept, "PNG", optimize=True)
    return kept.getvalue()
