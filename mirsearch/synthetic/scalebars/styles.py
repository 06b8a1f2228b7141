"""The styles of scale bars, by name."""

from __future__ import annotations

from dataclasses import dataclass

Color = tuple[int, int, int]

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
COLORS: dict[str, Color] = {
    "white": WHITE,
    "black": BLACK,
    "yellow": (255, 235, 40),
    "red": (230, 20, 20),
    "cyan": (0, 230, 240),
}
CORNERS = ("bottom-left", "bottom-right", "top-left", "top-right")


@dataclass(frozen=True, slots=True)
class BarStyle:
    """Style of a bar: shape, thickness as a share of the panel's shorter side, ink, place and face of the label.

    `shape`: plain, outlined, hollow, boxed, caps, ruler, ticks, segments. `label`: above, below, left, right, inside,
    none; `rotated_label` writes it upwards. `databar` names a strip of :mod:`databars` below the picture, which then
    contains the bar.
    """

    name: str
    shape: str = "plain"
    thickness: float = 0.014
    ink: str = "white"
    label: str = "above"
    face: str = "sans"
    vertical: bool = False
    rotated_label: bool = False
    databar: str | None = None
    corners: tuple[str, ...] = ("bottom-left", "bottom-right")


_STYLES = (
    BarStyle("white-thin", thickness=0.007),
    BarStyle("white-medium", thickness=0.014),
    BarStyle("white-thick", thickness=0.028, face="bold"),
    BarStyle("white-very-thick", thickness=0.045, label="above", face="bold"),
    BarStyle("black-thin", thickness=0.007, ink="black"),
    BarStyle("black-thick", thickness=0.024, ink="black", face="bold"),
    BarStyle("label-below", label="below"),
    BarStyle("label-left", label="left"),
    BarStyle("label-right", label="right", ink="black"),
    BarStyle("label-inside", thickness=0.055, label="inside", face="bold"),
    BarStyle("label-inside-black", thickness=0.055, label="inside", ink="black", face="bold"),
    BarStyle("top-corner", corners=("top-right",), label="below"),
    BarStyle("outlined-white", shape="outlined", thickness=0.02, face="bold"),
    BarStyle("outlined-black", shape="outlined", thickness=0.02, ink="black", face="bold"),
    BarStyle("hollow", shape="hollow", thickness=0.03),
    BarStyle("hollow-black", shape="hollow", thickness=0.03, ink="black", label="below"),
    BarStyle("boxed-black", shape="boxed", ink="white"),
    BarStyle("boxed-white", shape="boxed", ink="black", thickness=0.01),
    BarStyle("boxed-below", shape="boxed", ink="black", label="below"),
    BarStyle("caps", shape="caps", thickness=0.006),
    BarStyle("caps-black", shape="caps", thickness=0.01, ink="black", label="below"),
    BarStyle("caps-thick", shape="caps", thickness=0.016, face="bold"),
    BarStyle("ruler", shape="ruler", thickness=0.006),
    BarStyle("ruler-black", shape="ruler", thickness=0.008, ink="black", label="below"),
    BarStyle("ticks", shape="ticks", thickness=0.006, label="below"),
    BarStyle("ticks-black", shape="ticks", thickness=0.008, ink="black"),
    BarStyle("segments", shape="segments", thickness=0.018),
    BarStyle("yellow", ink="yellow"),
    BarStyle("red", ink="red", thickness=0.018, face="bold"),
    BarStyle("cyan", ink="cyan", label="below"),
    BarStyle("italic", face="italic"),
    BarStyle("narrow", face="narrow", ink="black"),
    BarStyle("pixel-letters", face="pixel", thickness=0.009),
    BarStyle("vertical", vertical=True, label="left", thickness=0.012),
    BarStyle("vertical-caps", vertical=True, shape="caps", label="left", thickness=0.006),
    BarStyle("vertical-black", vertical=True, label="right", thickness=0.016, ink="black"),
    BarStyle("vertical-turned", vertical=True, label="left", thickness=0.012, rotated_label=True),
    BarStyle("databar-columns", databar="columns"),
    BarStyle("databar-split-bar", databar="split-bar"),
    BarStyle("databar-left", databar="left"),
    BarStyle("databar-line", databar="line", face="pixel"),
    BarStyle("databar-ticks", databar="ticks"),
    BarStyle("databar-white", databar="white"),
    BarStyle("databar-two-rows", databar="two-rows"),
    BarStyle("databar-beside", databar="beside"),
    BarStyle("databar-camera", databar="camera"),
    BarStyle("caption-white", label="none"),
    BarStyle("caption-black", label="none", ink="black", thickness=0.02),
    BarStyle("caption-thin", label="none", thickness=0.008),
    BarStyle("caption-outlined", shape="outlined", label="none", thickness=0.02),
)

BAR_STYLES: dict[str, BarStyle] = {style.name: style for style in _STYLES}
"""Every style by name. Styles `caption-…` have no label: the caption states the length."""

LABELED_STYLES = tuple(name for name, style in BAR_STYLES.items() if style.label != "none")
UNLABELED_STYLES = tuple(name for name, style in BAR_STYLES.items() if style.label == "none")
