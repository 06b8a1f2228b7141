"""Draws databars: the strips that instruments add below micrographs, with voltage, distance, magnification and bar."""

from __future__ import annotations

import cv2
import numpy as np

from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.bars import DrawnBar, fill_rect, format_length, pixel_box, round_length
from mirsearch.synthetic.scalebars.styles import BLACK, WHITE, BarStyle, Color
from mirsearch.synthetic.text_masks import paint_mask, text_mask

Ends = tuple[float, float, float, float]

_LIGHT_STRIPS: dict[str, Color] = {"white": WHITE, "camera": WHITE, "left": (236, 236, 236)}
"""Colors of light strips, which have dark letters."""


def databar_height(height: int) -> int:
    """Return the height in px of the strip in a picture of `height` px, strip included."""
    return int(np.clip(round(0.085 * height), 34, 70))


def _instrument_settings(rng: Random, nm_per_px: float, width: int) -> dict[str, str]:
    """Return plausible instrument settings, none of which is the bar's length."""
    magnification = 127e6 / (nm_per_px * width)
    rounded = float(f"{magnification:.2g}")
    return {
        "hv": f"{rng.choice((2.0, 5.0, 10.0, 15.0, 20.0)):.2f} kV",
        "mag": f"{rounded:,.0f} x".replace(",", " "),
        "short_mag": f"x{rounded / 1000:.1f}k" if rounded >= 1000 else f"x{rounded:.0f}",
        "wd": f"{rng.uniform(2.5, 12):.1f} mm",
        "date": f"{rng.integers(1, 13)}/{rng.integers(1, 29)}/20{rng.integers(10, 26)}",
        "detector": str(rng.choice(("SE", "SE2", "InLens", "ETD", "TLD", "BSE"))),
        "number": f"{rng.integers(0, 10000):04d}",
    }


def _draw_text(
    pixels: Pixels, text: str, x: float, y: float, height: float, color: Color, face: str = "sans"
) -> tuple[int, int, int, int]:
    """Draw text with its upper left corner at (x, y); return its box."""
    mask = text_mask(text, height, face)
    paint_mask(pixels, mask, round(x), round(y), color)
    return round(x), round(y), round(x) + mask.shape[1], round(y) + mask.shape[0]


def _draw_columns(strip: Pixels, settings: dict[str, str], until: float, color: Color) -> None:
    """Draw names above values in columns separated by lines, from the left up to x = `until`."""
    height = strip.shape[0]
    names = (("HV", "hv"), ("mag", "mag"), ("WD", "wd"), ("det", "detector"), ("date", "date"))
    letters, x = height * 0.21, height * 0.25
    for name, key in names:
        width = max(text_mask(settings[key], letters).shape[1], text_mask(name, letters).shape[1])
        if x + width + height * 0.3 > until:
            return
        _draw_text(strip, name, x, height * 0.16, letters, color)
        _draw_text(strip, settings[key], x, height * 0.58, letters, color)
        x += width + height * 0.25
        fill_rect(strip, round(x), 2, round(x) + 1, height - 2, color)
        x += height * 0.25


def _draw_line_with_caps(strip: Pixels, bar: Ends, cap: float, color: Color) -> None:
    x0, y0, x1, y1 = bar
    fill_rect(strip, x0, y0, x1, y1, color)
    thick = max(1.0, y1 - y0)
    for tick_start in (x0, x1 - thick):
        fill_rect(strip, tick_start, y0 - cap, tick_start + thick, y1 + cap, color)


def _draw_split_bar(
    strip: Pixels, x0: float, length: float, text: str, color: Color
) -> tuple[Ends, tuple[int, int, int, int]]:
    """Draw a line with end ticks and the label in a gap in its middle."""
    height = strip.shape[0]
    middle, thick = height * 0.5, max(1.0, round(height * 0.035))
    mask = text_mask(text, height * 0.28)
    left = x0 + (length - mask.shape[1]) / 2
    bar = (x0, round(middle), x0 + length, round(middle) + thick)
    for a, b in ((x0, left - height * 0.12), (left + mask.shape[1] + height * 0.12, x0 + length)):
        fill_rect(strip, a, bar[1], max(a, b), bar[3], color)
    for tick_start in (x0, x0 + length - thick):
        fill_rect(strip, tick_start, middle - height * 0.22, tick_start + thick, middle + height * 0.22, color)
    box = _draw_text(strip, text, left, middle - mask.shape[0] / 2, height * 0.28, color)
    return bar, box


def _draw_ticks(
    strip: Pixels, x0: float, length: float, text: str, color: Color
) -> tuple[Ends, tuple[int, int, int, int]]:
    """Draw a bar that is a row of eleven ticks, without a line, above the label."""
    height = strip.shape[0]
    thick = max(1.0, round(height * 0.04))
    top, low = height * 0.14, height * 0.34
    for number in range(11):
        tick_start = x0 + (length - thick) * number / 10
        fill_rect(
            strip, tick_start, top if number in (0, 5, 10) else top + height * 0.07, tick_start + thick, low, color
        )
    mask = text_mask(text, height * 0.3)
    box = _draw_text(strip, text, x0 + length - mask.shape[1], height * 0.55, height * 0.3, color)
    return (x0, round(top), x0 + length, round(low)), box


def _draw_plain_bar(
    strip: Pixels, x0: float, length: float, text: str, color: Color, face: str, caps: bool
) -> tuple[Ends, tuple[int, int, int, int]]:
    """Draw the label above a line, with or without end caps."""
    height = strip.shape[0]
    thick = max(2.0, round(height * 0.06))
    y = float(round(height * 0.7))
    bar = (x0, y, x0 + length, y + thick)
    if caps:
        _draw_line_with_caps(strip, bar, max(2.0, round(height * 0.1)), color)
    else:
        fill_rect(strip, *bar, color)
    mask = text_mask(text, height * 0.3, face)
    left = max(2.0, x0 + (length - mask.shape[1]) / 2)
    return bar, _draw_text(strip, text, left, height * 0.54 - mask.shape[0], height * 0.3, color, face)


def _draw_settings_line(strip: Pixels, words: str, x0: float, x1: float, color: Color, face: str) -> None:
    """Draw one line of settings with as many of its words as fit between x0 and x1."""
    height = strip.shape[0]
    parts = words.split("  ")
    while parts:
        mask = text_mask(" ".join(parts), height * 0.26, face)
        if mask.shape[1] <= x1 - x0:
            paint_mask(strip, mask, round(x0), round(height * 0.38), color)
            return
        parts.pop()


def _draw_label_beside(
    strip: Pixels, x0: float, length: float, text: str, color: Color
) -> tuple[Ends, tuple[int, int, int, int]]:
    """Draw the label to the right of a plain line, both in the middle of the strip."""
    height = strip.shape[0]
    thick = max(2.0, round(height * 0.08))
    y = float(round(height * 0.5 - thick / 2))
    bar = (x0, y, x0 + length, y + thick)
    fill_rect(strip, *bar, color)
    mask = text_mask(text, height * 0.3)
    return bar, _draw_text(strip, text, x0 + length + height * 0.2, (height - mask.shape[0]) / 2, height * 0.3, color)


def _draw_two_rows(strip: Pixels, settings: dict[str, str], until: float, color: Color) -> None:
    """Draw names with their values in two rows, from the left up to x = `until`."""
    height = strip.shape[0]
    letters, x = height * 0.2, height * 0.3
    entries = (
        ("SEM HV", "hv"),
        ("WD", "wd"),
        ("SEM MAG", "mag"),
        ("Det", "detector"),
        ("Date", "date"),
        ("No", "number"),
    )
    for upper, lower in zip(entries[::2], entries[1::2], strict=True):
        words = [f"{name}: {settings[key]}" for name, key in (upper, lower)]
        width = max(text_mask(text, letters).shape[1] for text in words)
        if x + width > until:
            return
        _draw_text(strip, words[0], x, height * 0.17, letters, color)
        _draw_text(strip, words[1], x, height * 0.6, letters, color)
        x += width + height * 0.5


def _settings_text(style: BarStyle, settings: dict[str, str]) -> str:
    """Return the text of a strip's line of settings, with two spaces between its parts."""
    volts, distance = settings["hv"].replace(" ", ""), settings["wd"].replace(" ", "")
    parts: dict[str, tuple[str, ...]] = {
        "beside": (settings["mag"], settings["hv"]),
        "ticks": (
            settings["hv"].replace(".00 ", ".0"),
            distance,
            settings["short_mag"],
            settings["detector"],
            settings["date"],
        ),
        "line": (settings["detector"], volts, settings["short_mag"].upper(), f"WD {distance}", settings["number"]),
        "camera": (settings["date"], f"HV={volts}", f"Direct Mag: {settings['mag']}", settings["number"]),
    }
    entries = (f"EHT = {settings['hv']}", f"WD = {settings['wd']}", f"Signal A = {settings['detector']}")
    return "  ".join(parts.get(str(style.databar), (*entries, f"Mag = {settings['mag'].upper()}", settings["date"])))


def _fill_strip(
    strip: Pixels, style: BarStyle, length: float, settings: dict[str, str], text: str, shift: float
) -> tuple[Ends, tuple[int, int, int, int]]:
    """Draw settings, bar and label of a style into a strip; return the bar and the label's box."""
    tall, width = strip.shape[:2]
    ink = BLACK if style.databar in _LIGHT_STRIPS else WHITE
    start, margin = float(int(width - length - tall * 0.5)) + shift, tall * 0.4
    if style.databar in ("white", "left"):
        start = float(int(margin)) + shift
        _draw_settings_line(
            strip, _settings_text(style, settings), start + length + 1.5 * margin, width - margin / 2, ink, "sans"
        )
        return _draw_plain_bar(strip, start, length, text, ink, "sans", caps=style.databar == "left")
    if style.databar in ("columns", "split-bar", "two-rows"):
        (_draw_two_rows if style.databar == "two-rows" else _draw_columns)(strip, settings, start - 0.75 * margin, ink)
        if style.databar == "columns":
            return _draw_plain_bar(strip, start, length, text, ink, "sans", caps=True)
        return _draw_split_bar(strip, start, length, text, ink)
    if style.databar == "beside":
        start = max(2.0, start - int(text_mask(text, tall * 0.3).shape[1] + margin))
    _draw_settings_line(strip, _settings_text(style, settings), 0.75 * margin, start - margin, ink, style.face)
    if style.databar in ("beside", "ticks"):
        return (_draw_label_beside if style.databar == "beside" else _draw_ticks)(strip, start, length, text, ink)
    return _draw_plain_bar(strip, start, length, text, ink, style.face, caps=False)


def draw_databar(
    pixels: Pixels, nm_per_px: float, style: BarStyle, rng: Random, length_nm: float | None = None
) -> DrawnBar:
    """Draw the strip of a style over the lowest rows of RGB `pixels`, in place; return the bar's truth."""
    height, width = pixels.shape[:2]
    tall = databar_height(height)
    low, high = (0.2, 0.5) if style.databar in ("split-bar", "two-rows") else (0.12, 0.31)
    length_nm = length_nm or round_length(low * width * nm_per_px, high * width * nm_per_px, rng)
    length, shift = length_nm / nm_per_px, float(rng.uniform())
    strip = np.empty((tall, width, 3), np.uint8)
    strip[:] = _LIGHT_STRIPS.get(str(style.databar), BLACK)
    text = format_length(length_nm)
    if style.databar == "ticks":
        text = f"{length_nm / 1000:.2f}um" if length_nm >= 1000 else f"{length_nm:g}nm"
    bar, label = _fill_strip(strip, style, length, _instrument_settings(rng, nm_per_px, width), text, shift)
    pixels[height - tall :] = strip
    if style.databar == "left":
        cv2.rectangle(pixels, (0, height - tall), (width - 1, height - 1), BLACK, 1)
    drawn = DrawnBar(style.name, pixel_box(bar), length, length_nm, text, label, nm_per_px)
    return drawn.shift(0, height - tall)
