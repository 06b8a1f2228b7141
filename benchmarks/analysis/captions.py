"""Measure how well captions are split among panels: 20 captions of ../shared/data/articles, annotated by word offsets.

Run: python -m benchmarks.analysis.captions. A panel's own words are right if at least 90 % of the words annotated as
its own are there (without "of", "the" and the like), and at most 10 % of the words there belong only to other panels.
caption_truth.json holds offsets, no text. Captions written for the tests in the styles of journals
(tests/support/made_captions.py) are counted beside them. A sheet of the misses is written to benchmarks/out/.

Lengths of bars: captions written for the tests (tests/analysis/captions/test_placed_scales.py), and the images of
../shared/data/composite whose bar's length only the caption tells, each at its true place among its letter's images.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np

from benchmarks.analysis.figure_truth import DATA, OUT
from benchmarks.analysis.miss_sheet import write_cells
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.scalebars.caption_lengths import caption_lengths
from mirsearch.corpus import Panel

TRUTH = Path(__file__).with_name("caption_truth.json")
_WORD = re.compile(r"\b(?!(?:the|of|and|an|a|in|at|with|for|by|to|is|was)\b)[^\W_]+", re.UNICODE)


def main() -> None:
    captions = _read_captions()
    right = total = labels_right = 0
    misses = []
    annotated = json.loads(TRUTH.read_text(encoding="utf-8"))
    print(f"{'figure':<46}{'panels':>7}{'right':>7}")
    for entry in annotated:
        caption = captions[entry["figure"]]
        parts = split_caption(caption)
        labels_right += list(parts.labels) == sorted(entry["parts"])
        good = [label for label in entry["parts"] if _is_right(caption.split(), entry, label, parts.own_words(label))]
        misses += [(entry["figure"], label, parts.own_words(label)) for label in entry["parts"] if label not in good]
        right, total = right + len(good), total + len(entry["parts"])
        print(f"{entry['figure']:<46}{len(entry['parts']):>7}{len(good):>7}")
    made_count, wrong = _check_made_captions()
    misses += wrong
    for figure, label, own in misses:
        print(f"miss: {figure} {label}: {own[:110]}")
    write_cells([(f"{figure} {label}", _draw_words(own)) for figure, label, own in misses], OUT / "captions_misses.png")
    print(f"{'captions made in the styles of journals':<46}{made_count:>7}{made_count - len(wrong):>7}")
    lengths = _check_lengths()
    print(json.dumps({
        "benchmark": "captions", "made_captions": made_count, "made_right": made_count - len(wrong),
        "captions": len(annotated), "label_sets_right": labels_right,
        "panels": total, "own_words_right": round(right / total, 3), **lengths,
    }))  # fmt: skip


def _check_lengths() -> dict[str, int]:
    """Return how many lengths of made captions, and of images of composite figures, are right."""
    from mirsearch.analysis.captions.scales import caption_scales_of
    from tests.analysis.captions.test_placed_scales import CAPTIONS, describe, plain

    made = [
        [describe(scale) for scale in caption_scales_of(caption, list(letters)) if scale.kind == "bar"]
        == [plain(one) for one in expected]
        for caption, letters, expected in CAPTIONS
    ]
    counts = {"length_captions": len(made), "length_captions_right": sum(made)}
    truth = DATA / "composite" / "truth.json"
    if not truth.is_file():
        return counts
    verdicts = []
    for name, figure in json.loads(truth.read_text(encoding="utf-8")).items():
        panels = [Panel(box=tuple(one["box"]), label=one["letter"]) for one in figure["panels"]]
        drawn = ["micrograph" not in one["kind"] for one in figure["panels"]]
        for one, length in zip(figure["panels"], caption_lengths(panels, figure["caption"], drawn), strict=True):
            wanted = [bar["nm"] for bar in one["bars"] if bar["value"] == "caption"]
            if wanted:
                verdicts.append(length.bar is not None and abs(length.bar.nm / wanted[0] - 1) < 0.01)
                if not verdicts[-1]:
                    print(f"length: {name} {one['letter']}: {length.bar.nm if length.bar else '-'}, true {wanted[0]}")
    return {**counts, "image_lengths": len(verdicts), "image_lengths_right": sum(verdicts)}


def _check_made_captions() -> tuple[int, list[tuple[str, str, str]]]:
    """Return how many captions were made, and the wrong ones: (beginning, "made", what is wrong)."""
    from tests.support.caption_checks import find_wrong_parts
    from tests.support.made_captions import CAPTIONS

    found = [
        (caption[:40], "made", "; ".join(find_wrong_parts(caption, parts, general)))
        for caption, parts, general in CAPTIONS
    ]
    return len(found), [row for row in found if row[2]]


def _draw_words(words: str) -> np.ndarray:
    """Draw words as a picture."""
    picture = np.full((240, 440, 3), 255, np.uint8)
    for number in range(min(8, 1 + len(words) // 56)):
        line = words[56 * number : 56 * number + 56]
        cv2.putText(picture, line, (6, 24 + 26 * number), 0, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return picture


def _read_captions() -> dict[str, str]:
    """Return captions by article and figure id."""
    found = {}
    for path in sorted((DATA / "articles").glob("*/figures.json")):
        for figure in json.loads(path.read_text(encoding="utf-8"))["figures"]:
            found[f"{path.parent.name}/{figure['id']}"] = figure["caption"]
    for path in sorted((DATA / "articles").glob("*/exsclaim*.json")):
        for name, figure in json.loads(path.read_text(encoding="utf-8")).items():
            found[f"{path.parent.name}/{Path(name).stem.rsplit('_', 1)[1]}"] = figure["full_caption"]
    return found


def _is_right(words: list[str], entry: dict, label: str, own: str) -> bool:
    needed = _words_in_spans(words, entry["parts"][label])
    allowed = needed + _words_in_spans(
        words, [span for key in (label, "*") for span in entry.get("may", {}).get(key, [])]
    )
    others = [word for key, spans in entry["parts"].items() if key != label for word in _words_in_spans(words, spans)]
    own_words = _WORD.findall(own.lower())
    foreign = [word for word in own_words if word in set(others) and word not in set(allowed)]
    kept = sum(word in set(own_words) for word in needed) / max(1, len(needed))
    return bool(own_words) and kept >= 0.9 and len(foreign) <= 0.1 * len(own_words)


def _words_in_spans(words: list[str], spans: list[str]) -> list[str]:
    found: list[str] = []
    for span in spans:
        start, stop = (int(number) for number in span.split(":"))
        found += _WORD.findall(" ".join(words[start:stop]).lower())
    return found


if __name__ == "__main__":
    main()
