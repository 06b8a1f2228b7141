"""How well scale bars are read: labelled bars, bars whose length the caption tells, traps, drawn bars, label strings.

Run with: python -m benchmarks.analysis.scalebars [--data FOLDER] [--only TASK] [--limit N] [--file TEXT] [--drawn N]
[--seed N] Prints a table by group (of drawn bars: by style), one by confidence and one JSON line; misses are drawn in
--sheet, benchmarks/out/scalebars.png if not given. Panels are those of the truth.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.analysis.label_strings import strings
from mirsearch import plugins, settings
from mirsearch.analysis.base import Pixels
from mirsearch.analysis.scalebars.reader import read_scales
from mirsearch.corpus import Box, ScaleReading
from mirsearch.synthetic.scalebars.samples import draw_bar_sample
from mirsearch.synthetic.scalebars.styles import BAR_STYLES

REPOSITORY = Path(__file__).resolve().parents[2]
OUT = REPOSITORY / "benchmarks" / "out"
TASKS = ("labelled", "caption", "traps", "drawn", "strings")
RIGHT_WITHIN = 0.05
SHORT_BAR_PX, SHORT_BAR_TOLERANCE_PX = 40, 2
CONFIDENCES = (0.0, 0.4, 0.6, 0.8, 1.01)
DRAWN = "drawn "
FLAT_KINDS = {"plot", "schematic", "diffraction"}


@dataclass
class Case:
    """One panel to read: where it is, what its caption says, what its bar is (None: there is none)."""

    task: str
    group: str
    file: str
    box: Box | None
    label: str | None = None
    caption: str = ""
    nm_per_px: float | None = None
    length_px: float = 0.0
    note: str = ""
    reading: ScaleReading | None = None
    verdict: str = ""
    seconds: float = 0.0


@dataclass
class Tally:
    """Counts of a group."""

    right: int = 0
    wrong: int = 0
    none: int = 0
    errors: list[float] = field(default_factory=list)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def box_of(text: str) -> Box | None:
    x0, y0, x1, y1 = (int(part) for part in text.split(",")) if text else (0, 0, 0, 0)
    return (x0, y0, x1, y1) if x1 else None


def captions(data: Path) -> dict[str, str]:
    """Captions by path under the data folder."""
    found = {
        f"micrograph_extractor/{row['file']}": row["caption"]
        for row in rows(data / "micrograph_extractor/captions.csv")
    }
    for article in (data / "articles").glob("*/figures.json"):
        for figure in json.loads(article.read_text("utf-8"))["figures"]:
            if figure.get("image"):
                found[f"articles/{article.parent.name}/{figure['image']}"] = figure.get("caption") or ""
    for output in (data / "articles").glob("*/exsclaim_010_output.json"):
        for name, figure in json.loads(output.read_text("utf-8")).items():
            found[f"articles/{output.parent.name}/{name}"] = figure.get("full_caption") or ""
    return found


def bar_cases(data: Path, task: str, told: dict[str, str]) -> list[Case]:
    """Cases of scale_truth.csv (read without captions) or caption_scale_truth.csv (with them)."""
    table = "scale_truth.csv" if task == "labelled" else "caption_scale_truth.csv"
    cases = []
    for row in rows(data / table):
        letter = re.search(r"panel (\w+)", row["note"])
        cases.append(
            Case(
                task, row["file"].split("/")[0], row["file"], box_of(row["panel_bbox"]),
                label=letter.group(1).lower() if letter else None,
                caption=told.get(row["file"], "") if task == "caption" else "",
                nm_per_px=float(row["nm_per_px"]), length_px=float(row["bar_length_px"]), note=row["label_text"],
            )
        )  # fmt: skip
    return cases


def trap_cases(data: Path, told: dict[str, str]) -> list[Case]:
    """Panels in which there is no length to read: traps.csv, plots, schematics, diffraction patterns."""
    cases = [
        Case("traps", "traps.csv", row["file"], None, caption=told.get(row["file"], ""))
        for row in rows(data / "traps.csv")
    ]
    for row in rows(data / "panel_truth.csv"):
        if row["kind"] in FLAT_KINDS and "inset" not in row["note"]:
            box = (int(row["x0"]), int(row["y0"]), int(row["x1"]), int(row["y1"]))
            cases.append(Case("traps", row["kind"], row["file"], box, label=row["label"] or None, note=row["kind"]))
    return cases


def drawn_cases(each: int, seed: int) -> list[Case]:
    """`each` drawn micrographs of every style of bar, published as figures are; the file names seed and style."""
    cases = []
    for number, style in enumerate(BAR_STYLES):
        for turn in range(each):
            key = seed * 1_000_000 + turn * 1000 + number
            sample = draw_bar_sample(key, style)
            note = sample.bar.label_text or sample.caption
            cases.append(
                Case("drawn", style, f"{DRAWN}{key} {style}", None, caption=sample.caption,
                     nm_per_px=sample.bar.nm_per_px, length_px=sample.bar.length_px, note=note)
            )  # fmt: skip
    return cases


def load(data: Path, name: str) -> Pixels:
    """The pixels of a file under the data folder, or of a drawing."""
    if name.startswith(DRAWN):
        _, key, style = name.split(" ")
        return draw_bar_sample(int(key), style).pixels
    with Image.open(data / name) as image:
        return np.asarray(image.convert("RGB"))


def run(data: Path, cases: list[Case]) -> None:
    """Read every case, a file at a time, and judge it."""
    detector = plugins.load("scalebars", settings.DEFAULT_SCALEBARS)()
    ocr = plugins.load("ocr", settings.DEFAULT_OCR)()
    ocr.read(np.full((64, 128, 3), 255, np.uint8), 64)
    for case in cases:
        pixels = load(data, case.file)
        box = case.box or (0, 0, pixels.shape[1], pixels.shape[0])
        start = time.process_time()
        case.reading = read_scales(pixels, [box], [case.caption], detector, ocr, labels=[case.label])[0]
        case.seconds = time.process_time() - start
        case.verdict = judge(case)


def judge(case: Case) -> str:
    if case.reading is None:
        return "none"
    if case.nm_per_px is None:
        return "wrong"
    allowed = RIGHT_WITHIN
    if case.length_px < SHORT_BAR_PX:
        allowed = max(allowed, SHORT_BAR_TOLERANCE_PX / case.length_px)
    return "right" if abs(case.reading.nm_per_px / case.nm_per_px - 1) <= allowed else "wrong"


def tallies(cases: Iterable[Case]) -> dict[tuple[str, str], Tally]:
    found: dict[tuple[str, str], Tally] = defaultdict(Tally)
    for case in cases:
        for group in (case.group, "all"):
            tally = found[case.task, group]
            setattr(tally, case.verdict, getattr(tally, case.verdict) + 1)
            if case.verdict == "right" and case.reading is not None and case.reading.length_px:
                tally.errors.append(abs(case.reading.length_px / case.length_px - 1))
    return found


def report(cases: list[Case]) -> dict[str, Any]:
    """Print the table; give the numbers of the JSON line."""
    summary: dict[str, Any] = {}
    head = f"{'task':10} {'group':22} {'right':>5} {'wrong':>5} {'none':>5} {'precision':>9}"
    print(f"{head} {'length error: median, p90':>26}")
    for (task, group), tally in sorted(tallies(cases).items()):
        answers = tally.right + tally.wrong
        precision = tally.right / answers if answers else float("nan")
        median, high = np.percentile(tally.errors, [50, 90]) if tally.errors else (float("nan"), float("nan"))
        counts = f"{tally.right:5} {tally.wrong:5} {tally.none:5} {precision:9.1%}"
        print(f"{task:10} {group:22} {counts} {median:15.2%} {high:10.2%}")
        if group == "all":
            summary[task] = {"right": tally.right, "wrong": tally.wrong, "none": tally.none}
            if tally.errors:
                summary[task] |= {
                    "length_error_median": round(float(median), 5),
                    "length_error_p90": round(float(high), 5),
                }
    for case in cases:
        if case.verdict == "wrong" or (case.verdict == "none" and case.nm_per_px):
            read = case.reading
            said = f"{read.label_text or read.length_nm} on {read.length_px} px at {read.bar}" if read else "-"
            print(f"  {case.verdict}: {case.file} {case.box or ''} true {case.note}/{case.length_px:g} px, read {said}")
    summary["right_by_confidence"] = by_confidence(cases)
    if cases:
        summary["seconds_per_panel"] = round(float(np.mean([case.seconds for case in cases])), 4)
    return summary


def by_confidence(cases: list[Case]) -> dict[str, float]:
    """Share of right answers among those of each range of confidence, printed as a table."""
    shares = {}
    for low, high in pairwise(CONFIDENCES):
        inside = [case.verdict for case in cases if case.reading and low <= case.reading.confidence < high]
        if inside:
            shares[f"{low:g}"] = round(inside.count("right") / len(inside), 4)
            print(f"confidence from {low:.1f}: {len(inside):4} answers, {shares[f'{low:g}']:6.1%} right")
    return shares


def sheet(data: Path, cases: list[Case], path: Path) -> None:
    """A picture of the misses: each panel with the bar that was read."""
    missed = [case for case in cases if case.verdict == "wrong" or (case.verdict == "none" and case.nm_per_px)][:60]
    if not missed:
        return
    side, line = 300, 28
    page = Image.new("RGB", (5 * side, (side + line) * ((len(missed) + 4) // 5)), "white")
    draw = ImageDraw.Draw(page)
    for index, case in enumerate(missed):
        x, y = index % 5 * side, index // 5 * (side + line)
        panel = Image.fromarray(load(data, case.file))
        if case.reading is not None and case.reading.bar is not None:
            x0, y0, x1, y1 = case.reading.bar
            ImageDraw.Draw(panel).rectangle((x0 - 2, y0 - 2, x1 + 1, y1 + 1), outline="red", width=2)
        panel = panel.crop(case.box) if case.box else panel
        panel.thumbnail((side - 4, side - 4))
        page.paste(panel, (x, y + line))
        draw.text((x, y), f"{case.verdict}: {Path(case.file).name[-28:]}\n true {case.note}", fill="black")
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path)
    print(f"misses drawn in {path}")


def chosen(options: argparse.Namespace, wanted: tuple[str, ...]) -> list[Case]:
    """The cases of the tasks wanted."""
    told = captions(options.data) if options.data.is_dir() else {}
    cases: list[Case] = []
    for task in wanted:
        if task == "drawn":
            found = drawn_cases(options.drawn, options.seed)
        elif task in {"labelled", "caption"}:
            found = bar_cases(options.data, task, told)
        else:
            found = trap_cases(options.data, told) if task == "traps" else []
        cases += [case for case in found if options.file in case.file][: options.limit]
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--only", choices=TASKS, action="append")
    parser.add_argument("--limit", type=int, help="cases of each task")
    parser.add_argument("--file", default="", help="only files whose path has this in it, or drawings of such a style")
    parser.add_argument("--drawn", type=int, default=4, help="drawings of each style of bar")
    parser.add_argument("--seed", type=int, default=0, help="of the drawings")
    parser.add_argument("--sheet", type=Path, default=OUT / "scalebars.png", help="where the misses are drawn")
    options = parser.parse_args()
    wanted = tuple(options.only or TASKS)
    if not options.data.is_dir() and wanted != ("drawn",):
        sys.exit(f"{options.data} is not here: give the folder of figures with truth by --data, or --only drawn")
    cases = chosen(options, wanted)
    run(options.data, cases)
    summary = report(cases)
    sheet(options.data, cases, options.sheet)
    if "strings" in wanted:
        summary["strings"] = strings(options.data)
    print(json.dumps({"benchmark": "scalebars", **summary}, ensure_ascii=False))


if __name__ == "__main__":
    main()
