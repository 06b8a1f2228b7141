"""Label strings typed by people, as a reader of lengths takes them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mirsearch.text.lengths import parse_length


def strings(data: Path) -> dict[str, Any]:
    """Label strings typed by people: those that plainly are a length, parsed; those that are not, refused."""
    figures = json.loads((data / "exsclaim_annotations/scale_bars_dataset_train.json").read_text("utf-8"))
    labels = [label for figure in figures.values() for label in figure.get("scale_labels", [])]
    texts = [label["text"] for label in labels if "text" in label]
    factor = {"nm": 1.0, "um": 1e3, "mm": 1e6, "cm": 1e7, "a": 0.1}
    right, lengths, refused, others, missed = 0, 0, 0, 0, set()
    for text in texts:
        plain = re.fullmatch(r"(\d+(?:\.\d+)?) *(nm|um|mm|cm|a)\W*", text.lower())
        read = parse_length(text)
        if plain:
            lengths += 1
            good = read is not None and abs(read.nm / (float(plain[1]) * factor[plain[2]]) - 1) < 1e-6
            right += good
        else:
            others += 1
            good = read is None
            refused += good
        if not good:
            missed.add(f"{text!r} → {read.nm if read else None}")
    share = round(right / lengths, 4)
    return {"lengths": lengths, "right": right, "share": share, "others": others, "refused": refused,
            "differing": sorted(missed)}  # fmt: skip
