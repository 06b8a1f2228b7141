"""Measure how well scale bars are read: with labels, with lengths in captions, traps, drawn bars, label strings.

Run with: python -m benchmarks.analysis.scalebars [--data FOLDER] [--only TASK] [--limit N] [--file TEXT] [--drawn N]
[--seed N] It prints a table by group (for drawn bars: by style), one by confidence, and one JSON line. The misses are
drawn in --sheet, by default benchmarks/out/scalebars.png. The panels are those of the truth.
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

from benchmarks.analysis.label_strings import check_label_strings
from mirsearch import plugins, settings
from mirsearch.analysis.base import Pixels
from mirsearch.analysis.scalebars.panel_scales import read_panel_scales
from mirsearch.corpus import Box, LoneBar, Panel, ScaleReading
from mirsearch.synthetic.scalebars.samples import draw_bar_sample
from mirsearch.synthetic.scalebars.styles import BAR_STYLES

REPOSITORY = Path(__file__).resolve().parents[2]
OUT = REPOSITORY / "benchmarks" / "out"
TASKS = ("labelled", "caption", "traps", "drawn", "strings")
MAX_ERROR = 0.05  # greatest relative error of a scale that counts as right
SHORT_BAR_PX, SHORT_BAR_MAX_ERROR_PX = 40, 2  # a bar shorter than 40 px may instead be 2 px off
CONFIDENCES = (0.0, 0.4, 0.6, 0.8, 1.01)  # limits of the ranges of confidence in the table
DRAWN_PREFIX = "drawn "
KINDS_WITHOUT_SCALE = {"plot", "schematic", "diffraction"}


@dataclass
class Case:
    """One panel to read: where it is, what its caption says, and what its bar is (None: it has no bar)."""

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
    doubtful: ScaleReading | None = None
    bar: LoneBar | None = None
    verdict: str = ""
    seconds: float = 0.0


@dataclass
class Tally:
    """Counts of one group."""

    right: int = 0
    wrong: int = 0
    none: int = 0
    errors: list[float] = field(default_factory=list)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def parse_box(text: str) -> Box | None:
    """Return the box in a text of four numbers; None if the text is empty."""
    x0, y0, x1, y1 = (int(part) for part in text.split(",")) if text else (0, 0, 0, 0)
    return (x0, y0, x1, y1) if x1 else None


def load_captions(data: Path) -> dict[str, str]:
    """Return the captions by path under the data folder."""
    captions = {
        f"micrograph_extractor/{row['file']}": row["caption"]
        for row in read_rows(data / "micrograph_extractor/captions.csv")
    }
    for article in (data / "articles").glob("*/figures.json"):
        for figure in json.loads(article.read_text("utf-8"))["figures"]:
            if figure.get("image"):
                captions[f"articles/{article.parent.name}/{figure['image']}"] = figure.get("caption") or ""
    for output in (data / "articles").glob("*/exsclaim_010_output.json"):
        for name, figure in json.loads(output.read_text("utf-8")).items():
            captions[f"articles/{output.parent.name}/{name}"] = figure.get("full_caption") or ""
    return captions


def bar_cases(data: Path, task: str, captions: dict[str, str]) -> list[Case]:
    """Return the cases of scale_truth.csv (read without captions) or caption_scale_truth.csv (read with them)."""
    table = "scale_truth.csv" if task == "labelled" else "caption_scale_truth.csv"
    cases = []
    for row in read_rows(data / table):
        letter = re.search(r"panel (\w+)", row["note"])
        cases.append(
            Case(
                task, row["file"].split("/")[0], row["file"], parse_box(row["panel_bbox"]),
                label=letter.group(1).lower() if letter else None,
                caption=captions.get(row["file"], "") if task == "caption" else "",
                nm_per_px=float(row["nm_per_px"]), length_px=float(row["bar_length_px"]), note=row["label_text"],
            )
        )  # fmt: skip
    return cases


def trap_cases(data: Path, captions: dict[str, str]) -> list[Case]:
    """Return panels without a length to read: traps.csv, plots, schematics, diffraction patterns."""
    cases = [
        Case("traps", "traps.csv", row["file"], None, caption=captions.get(row["file"], ""))
        for row in read_rows(data / "traps.csv")
    ]
    for row in read_rows(data / "panel_truth.csv"):
        if row["kind"] in KINDS_WITHOUT_SCALE and "inset" not in row["note"]:
            box = (int(row["x0"]), int(row["y0"]), int(row["x1"]), int(row["y1"]))
            cases.append(Case("traps", row["kind"], row["file"], box, label=row["label"] or None, note=row["kind"]))
    return cases


def drawn_cases(per_style: int, seed: int) -> list[Case]:
    """Return `per_style` drawn micrographs of every style of bar, as published. The file names seed and style."""
    cases = []
    for number, style in enumerate(BAR_STYLES):
        for turn in range(per_style):
            key = seed * 1_000_000 + turn * 1000 + number
            sample = draw_bar_sample(key, style)
            note = sample.bar.label_text or sample.caption
            cases.append(
                Case("drawn", style, f"{DRAWN_PREFIX}{key} {style}", None, caption=sample.caption,
                     nm_per_px=sample.bar.nm_per_px, length_px=sample.bar.length_px, note=note)
            )  # fmt: skip
    return cases


def load_pixels(data: Path, name: str) -> Pixels:
    """Return the pixels of a file under the data folder, or of a drawing."""
    if name.startswith(DRAWN_PREFIX):
        _, key, style = name.split(" ")
        return draw_bar_sample(int(key), style).pixels
    with Image.open(data / name) as image:
        return np.asarray(image.convert("RGB"))


def read_cases(data: Path, cases: list[Case]) -> None:
    """Read and judge every case, one file at a time."""
    detector = plugins.load("scalebars", settings.DEFAULT_SCALEBARS)()
    ocr = plugins.load("ocr", settings.DEFAULT_OCR)()
    ocr.read(np.full((64, 128, 3), 255, np.uint8), 64)
    for case in cases:
        pixels = load_pixels(data, case.file)
        box = case.box or (0, 0, pixels.shape[1], pixels.shape[0])
        start = time.process_time()
        panel = Panel(box=box, label=case.label)
        found = read_panel_scales(pixels, [panel], detector, ocr, caption=case.caption)[0]
        case.reading, case.doubtful, case.bar = found.scale, found.doubtful, found.bar
        case.seconds = time.process_time() - start
        case.verdict = judge_case(case)


def judge_case(case: Case) -> str:
    """Return "right", "wrong", or "none" (nothing was read)."""
    if case.reading is None:
        return "none"
    if case.nm_per_px is None:
        return "wrong"
    max_error = MAX_ERROR
    if case.length_px < SHORT_BAR_PX:
        max_error = max(max_error, SHORT_BAR_MAX_ERROR_PX / case.length_px)
    return "right" if abs(case.reading.nm_per_px / case.nm_per_px - 1) <= max_error else "wrong"


def count_verdicts(cases: Iterable[Case]) -> dict[tuple[str, str], Tally]:
    """Return the tallies by task and group."""
    tallies: dict[tuple[str, str], Tally] = defaultdict(Tally)
    for case in cases:
        for group in (case.group, "all"):
            tally = tallies[case.task, group]
            setattr(tally, case.verdict, getattr(tally, case.verdict) + 1)
            if case.verdict == "right" and case.reading is not None and case.reading.length_px:
                tally.errors.append(abs(case.reading.length_px / case.length_px - 1))
    return tallies


def report(cases: list[Case]) -> dict[str, Any]:
    """Print the table. Return the numbers of the JSON line."""
    summary: dict[str, Any] = {}
    head = f"{'task':10} {'group':22} {'right':>5} {'wrong':>5} {'none':>5} {'precision':>9}"
    print(f"{head} {'length error: median, p90':>26}")
    for (task, group), tally in sorted(count_verdicts(cases).items()):
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
            answer = f"{read.label_text or read.length_nm} on {read.length_px} px at {read.bar}" if read else "-"
            answer += f", doubtful {case.doubtful}" if case.doubtful else f", bar {case.bar}" if case.bar else ""
            print(
                f"  {case.verdict}: {case.file} {case.box or ''} true {case.note}/{case.length_px:g} px, read {answer}"
            )
    summary["right_by_confidence"] = report_by_confidence(cases)
    if cases:
        summary["seconds_per_panel"] = round(float(np.mean([case.seconds for case in cases])), 4)
    return summary


def report_by_confidence(cases: list[Case]) -> dict[str, float]:
    """Print the share of right answers for each range of confidence. Return the shares."""
    shares = {}
    for low, high in pairwise(CONFIDENCES):
        inside = [case.verdict for case in cases if case.reading and low <= case.reading.confidence < high]
        if inside:
            shares[f"{low:g}"] = round(inside.count("right") / len(inside), 4)
            print(f"confidence from {low:.1f}: {len(inside):4} answers, {shares[f'{low:g}']:6.1%} right")
    return shares


def draw_misses(data: Path, cases: list[Case], path: Path) -> None:
    """Draw the misses as one picture: each panel with the bar that was read."""
    missed = [case for case in cases if case.verdict == "wrong" or (case.verdict == "none" and case.nm_per_px)][:60]
    if not missed:
        return
    side, line = 300, 28
    page = Image.new("RGB", (5 * side, (side + line) * ((len(missed) + 4) // 5)), "white")
    draw = ImageDraw.Draw(page)
    for index, case in enumerate(missed):
        x, y = index % 5 * side, index // 5 * (side + line)
        panel = Image.fromarray(load_pixels(data, case.file))
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


def choose_cases(options: argparse.Namespace, tasks: tuple[str, ...]) -> list[Case]:
    """Return the cases of the tasks."""
    captions = load_captions(options.data) if options.data.is_dir() else {}
    cases: list[Case] = []
    for task in tasks:
        if task == "drawn":
            task_cases = drawn_cases(options.drawn, options.seed)
        elif task in {"labelled", "caption"}:
            task_cases = bar_cases(options.data, task, captions)
        else:
            task_cases = trap_cases(options.data, captions) if task == "traps" else []
        cases += [case for case in task_cases if options.file in case.file][: options.limit]
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--only", choices=TASKS, action="append")
    parser.add_argument("--limit", type=int, help="greatest number of cases of each task")
    parser.add_argument("--file", default="", help="read only files, or drawings of styles, whose name contains this")
    parser.add_argument("--drawn", type=int, default=4, help="number of drawings of each style of bar")
    parser.add_argument("--seed", type=int, default=0, help="seed of the drawings")
    parser.add_argument("--sheet", type=Path, default=OUT / "scalebars.png", help="file to draw the misses in")
    options = parser.parse_args()
    tasks = tuple(options.only or TASKS)
    if not options.data.is_dir() and tasks != ("drawn",):
        sys.exit(
            f"{options.data} does not exist: give the folder of figures with truth with --data, or use --only drawn"
        )
    cases = choose_cases(options, tasks)
    read_cases(options.data, cases)
    summary = report(cases)
    draw_misses(options.data, cases, options.sheet)
    if "strings" in tasks:
        summary["strings"] = check_label_strings(options.data)
    print(json.dumps({"benchmark": "scalebars", **summary}, ensure_ascii=False))


if __name__ == "__main__":
    main()
