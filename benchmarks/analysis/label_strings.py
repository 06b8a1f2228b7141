"""Check how label strings typed by people are parsed as lengths."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mirsearch.text.lengths import parse_length


def check_label_strings(data: Path) -> dict[str, Any]:
    """Parse label strings typed by people. Count the plain lengths parsed right, and the other strings refused."""
    figures = json.loads((data / "exsclaim_annotations/scale_bars_dataset_train.json").read_text("utf-8"))
    labels = [label for figure in figures.values() for label in figure.get("scale_labels", [])]
    texts = [label["text"] for label in labels if "text" in label]
    factor = {"nm": 1.0, "um": 1e3, "mm": 1e6, "cm": 1e7, "a": 0.1}
    right, lengths, refused, others, missed = 0, 0, 0, 0, set()
    for text in texts:
        match = re.fullmatch(r"(\d+(?:\.\d+)?) *(nm|um|mm|cm|a)\W*", text.lower())
        length = parse_length(text)
        if match:
            lengths += 1
            is_good = length is not None and abs(length.nm / (float(match[1]) * factor[match[2]]) - 1) < 1e-6
            right += is_good
        else:
            others += 1
            is_good = length is None
            refused += is_good
        if not is_good:
            missed.add(f"{text!r} → {length.nm if length else None}")
    share = round(right / lengths, 4)
    return {"lengths": lengths, "right": right, "share": share, "others": others, "refused": refused,
            "differing": sorted(missed)}  # fmt: skip
