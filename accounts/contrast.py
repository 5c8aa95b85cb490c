"""How well a colour can be read on another: WCAG 2.2's contrast ratio, and the nearest shade that passes.

Pure. Source of the formulas: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio and #dfn-relative-luminance.
"""

import colorsys
import re
from collections.abc import Sequence

TEXT = 4.5  # Success criterion 1.4.3, text of normal size.
SOFT = 0.09  # --soft-strength: how much of a tone tints a badge or a tile.

# What the brand's colours are read on: cards and the page behind them (assets/brand.css).
LIGHT_SURFACES = ("#ffffff", "#f4f6f8")
DARK_SURFACES = ("#18222c", "#0f161d")

HEX = re.compile(r"#[0-9a-f]{6}")
Rgb = tuple[float, float, float]  # Each from 0 to 1.


def ratio(first: str, second: str) -> float:
    """From 1 (the same) to 21 (black on white). Colours are "#rrggbb"."""
    lighter, darker = sorted((_luminance(_rgb(first)), _luminance(_rgb(second))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def lowest_ratio(colour: str, surfaces: Sequence[str]) -> float:
    """The contrast where the colour is hardest to read: on each surface, and on each tinted with the colour itself."""
    tinted = [_hex(_mix(_rgb(colour), _rgb(surface), SOFT)) for surface in surfaces[:1]]
    return min(ratio(colour, surface) for surface in (*surfaces, *tinted))


def nearest_passing(colour: str, surfaces: Sequence[str], *, least: float = TEXT) -> str:
    """The shade of the same hue that passes with the smallest change of lightness: darker on light surfaces."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_rgb(colour))
    step = 0.005 if _luminance(_rgb(surfaces[0])) < 0.2 else -0.005
    shade = colour
    while lowest_ratio(shade, surfaces) < least and 0 <= lightness <= 1:
        lightness += step
        shade = _hex(colorsys.hls_to_rgb(hue, min(max(lightness, 0), 1), saturation))
    return shade


def text_on(fill: str) -> str:
    """White or black, whichever is easier to read on a button of this colour. One of both always passes."""
    return max(("#ffffff", "#000000"), key=lambda text: ratio(text, fill))


def _rgb(colour: str) -> Rgb:
    if not HEX.fullmatch(colour.lower()):
        raise ValueError(f"{colour!r} is not a colour such as #0b5d67")
    return (int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255)


def _hex(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)


def _mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    red, green, blue = (share * one + (1 - share) * other for one, other in zip(first, second, strict=True))
    return red, green, blue


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
