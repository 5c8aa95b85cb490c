"""A picture as it comes from outside, and as it is kept: drawn anew, so that nothing else in the file is left of it."""

import io
import warnings
from typing import Literal

from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

MOST_BYTES = 1024 * 1024
MOST_PIXELS = 4_000_000
LOGO_SIZE = (640, 160)  # Shown at 32 pixels of height; enough for sharp screens and for paper.
FORMATS = ("PNG", "JPEG", "WEBP")


class PictureRefused(Exception):
    """The file can't be the picture; the message says why."""


def drawn_anew(
    content: bytes, *, within: tuple[int, int] = LOGO_SIZE, kept_as: Literal["PNG", "WEBP"] = "PNG"
) -> bytes:
    """The picture in `content`, no larger than `within`, without anything else that was in the file.

    PNG for what mails and papers show, too. Size in pixels is looked at before a pixel is decoded.
    Raises `PictureRefused`.
    """
    if len(content) > MOST_BYTES:
        raise PictureRefused(_("The picture is larger than %(limit)d MB.") % {"limit": MOST_BYTES // (1024 * 1024)})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                _check_size(picture)
                picture.load()
                return _drawn(picture, within, kept_as)
    except PictureRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureRefused(_too_many_pixels()) from error
    except UnidentifiedImageError as error:
        raise PictureRefused(_why_not(content)) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise PictureRefused(_("The picture is damaged. Save it again as PNG.")) from error


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise PictureRefused(_too_many_pixels())


def _too_many_pixels() -> str:
    return _("The picture has too many pixels: at most %(limit)d million.") % {"limit": MOST_PIXELS // 1_000_000}


def _why_not(content: bytes) -> str:
    if b"<svg" in content[:4096].lower():
        return _("SVG can hold scripts, so it is not taken. Save it as PNG, JPEG or WebP.")
    return _("This is not a picture. Save it as PNG, JPEG or WebP.")


def _drawn(picture: Image.Image, within: tuple[int, int], kept_as: str) -> bytes:
    drawn = ImageOps.exif_transpose(picture).convert("RGBA")
    drawn.thumbnail(within)
    clean = Image.new("RGBA", drawn.size)  # Without text blocks, profiles and positions of the old one.
    clean.paste(drawn)
    kept = io.BytesIO()
    clean.save(kept, kept_as, optimize=True)
    return kept.getvalue()
