"""Real pictures in terminals that can show them: the graphics protocol of kitty and the inline images of iTerm2.

Only environment variables decide which one: a terminal answers questions on stdin, which may belong to somebody else.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from PIL import Image
from rich.console import Console

from mirsearch.query import Pixels
from mirsearch.report.contact_sheet import Tile, contact_sheet
from mirsearch.report.half_blocks import decode_picture
from mirsearch.report.wording import clean_text, figure_name, format_length, format_number
from mirsearch.search.answer import Hit

Protocol = Literal["kitty", "iterm"]

_KITTY_CHUNK = 4096
"""Most characters of data in one control sequence; the limit of kitty's protocol."""
_CELL_PX = 10
"""Assumed width of a character cell in px. It affects only how sharp the sheet is."""
_TILE_SIDE = 200
"""Side of a picture on the sheet, px."""


def graphics_protocol(console: Console, environment: Mapping[str, str]) -> Protocol | None:
    """Return the protocol of the terminal; None without a terminal, for an unknown one, and within a multiplexer."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if not console.is_terminal or term.startswith(("screen", "tmux", "dumb")) or environment.get("TMUX"):
        return None
    if term in {"xterm-kitty", "xterm-ghostty"} or environment.get("KITTY_WINDOW_ID") or program == "ghostty":
        return "kitty"
    return "iterm" if program in {"iTerm.app", "WezTerm"} else None


def print_sheet(hits: Sequence[Hit], console: Console, protocol: Protocol) -> None:
    """Print the small pictures of the hits as one contact sheet, as wide as the terminal."""
    tiles = [Tile(pixels, _caption(hit)) for hit in hits if (pixels := _pixels(hit.thumbnail)) is not None]
    if not tiles:
        return
    columns = max(1, console.width * _CELL_PX // (_TILE_SIDE + 8))
    sheet = contact_sheet(tiles, columns=columns, side=_TILE_SIDE, text=15)
    cells = min(console.width, -(-sheet.shape[1] // _CELL_PX))
    console.file.write(image_sequence(sheet, protocol, cells) + "\n")
    console.file.flush()


def image_sequence(pixels: Pixels, protocol: Protocol, cells: int) -> str:
    """Return the control sequence that shows a picture `cells` character cells wide at the cursor."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    data = base64.b64encode(out.getvalue()).decode("ascii")
    if protocol == "iterm":
        arguments = f"inline=1;size={len(out.getvalue())};width={cells};preserveAspectRatio=1"
        return f"\x1b]1337;File={arguments}:{data}\x07"
    chunks = [data[at : at + _KITTY_CHUNK] for at in range(0, len(data), _KITTY_CHUNK)]
    heads = [f"a=T,f=100,q=2,c={cells},m=1"] + ["m=1"] * (len(chunks) - 1)
    heads[-1] = heads[-1].replace("m=1", "m=0")
    return "".join(f"\x1b_G{head};{chunk}\x1b\\" for head, chunk in zip(heads, chunks, strict=True))


def _caption(hit: Hit) -> str:
    panel = hit.stored.panel
    name = figure_name(hit.stored.figure, panel)
    heading = clean_text(panel.heading, 24)
    view = "" if panel.scale is None else f", {format_length(panel.field_of_view_nm)}"
    return f"{hit.rank}. {name}{f' · {heading}' if heading else ''} · {format_number(hit.scored.score)}{view}"


def _pixels(jpeg: bytes | None) -> Pixels | None:
    picture = decode_picture(jpeg) if jpeg else None
    return None if picture is None else np.asarray(picture, dtype=np.uint8)
