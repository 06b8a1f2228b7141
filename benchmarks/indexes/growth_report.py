"""Tables and curves of benchmarks.indexes.growth: python -m benchmarks.indexes.growth_report FILE

FILE has the lines of JSON of that benchmark; the last line of an index counts. Times are medians in ms, with the 95th
percentile in brackets.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Result = dict[str, Any]
WAY = "looks, scale, words"
BEGIN, END = "<!-- measured -->", "<!-- end of what was measured -->"
FACTS = {
    "node_ms": f"{WAY}: processor time of the node", "disk_mib": "on disk, MiB", "segments": "segments",
    "open_ms": "opening, ms", "first_ms": "first question of a process, ms", "load": "load",
}  # fmt: skip
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 680, 330, 60, 40, 20, 230
COLORS = ("#0b6bcb", "#c4460b", "#2c7a2c", "#7a3ea1", "#8a6d00", "#444444")


def read(file: Path) -> tuple[list[Result], dict[str, list[Result]]]:
    """Return what filling took, and what asking took by engine and dims, each ascending by panels."""
    fills: dict[tuple[str, int], Result] = {}
    asks: dict[str, Result] = {}
    for line in file.read_text().splitlines():
        found = json.loads(line)
        if "filled" in found:
            fills[found["filled"], found["panels"]] = found
        else:
            asks[found["asked"]] = found
    groups: dict[str, list[Result]] = {}
    for found in sorted(asks.values(), key=lambda each: int(each["panels"])):
        vectors = f" {found['vectors']}" if found.get("vectors") else ""
        merged = ", one segment" if found.get("segments") == 1 else ""
        groups.setdefault(f"{found['engine']}{vectors}, {found['dims']:,} dims{merged}", []).append(found)
    return list(fills.values()), groups


def table(head: Iterable[object], rows: Iterable[list[Any]]) -> str:
    """Return a table in Markdown."""
    names = list(head)
    lines: list[list[Any]] = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def tell_group(name: str, found: list[Result]) -> str:
    """Return the table of one engine: a row for each kind of question, a column for each size."""
    head = [f"{name}: p50 (p95) in ms", *(f"{each['panels']:,}" for each in found)]
    rows: list[list[Any]] = []
    for way, first in found[-1]["ways"].items():
        rows.append([way, *(_time(each["ways"].get(way), "") for each in found)])
        if "recall_at_10" in first and first["exact_p50_ms"]:
            rows.append([f"{way}: recall@10", *(each["ways"].get(way, {}).get("recall_at_10", "") for each in found)])
            rows.append([f"{way}: every panel scored", *(_time(each["ways"].get(way), "exact_") for each in found)])
    if "cpu_p50_ms" in found[-1]["ways"][WAY]:
        rows.append([f"{WAY}: processor time, p50", *(each["ways"][WAY]["cpu_p50_ms"] for each in found)])
    rows += [[text, *(each.get(name, "") for each in found)] for name, text in FACTS.items() if name in found[-1]]
    if "memory_mib" in found[-1]:
        rows.append(["memory without that of files, MiB", *(each["memory_mib"].get("anonymous") for each in found)])
    return table(head, rows)


def _time(row: dict[str, float] | None, kind: str) -> str:
    return "" if row is None else f"{row[f'{kind}p50_ms']:.1f} ({row[f'{kind}p95_ms']:.1f})"


def curves(groups: dict[str, list[Result]]) -> str:
    """Return an SVG of the medians by size, both on logarithmic axes, for questions of looks, scale and words."""
    lines = {name: [(each["panels"], each["ways"][WAY]["p50_ms"]) for each in found] for name, found in groups.items()}
    points = [point for line in lines.values() for point in line]
    low, high = (math.floor(math.log10(min(x for x, _ in points))), math.ceil(math.log10(max(x for x, _ in points))))
    bottom, top = (math.floor(math.log10(min(y for _, y in points))), math.ceil(math.log10(max(y for _, y in points))))

    def place(panels: float, ms: float) -> tuple[float, float]:
        across = (math.log10(panels) - low) / (high - low)
        up = (math.log10(ms) - bottom) / (top - bottom)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - BOTTOM - TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><title>Median time of a question by looks, scale and words</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    ]
    for power in range(low, high + 1):
        x, y = place(10**power, 10**bottom)
        parts.append(f'<path d="M{x:.1f} {TOP}V{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{10**power:,}</text>')
    for power in range(bottom, top + 1):
        x, y = place(10**low, 10**power)
        parts.append(f'<path d="M{x:.1f} {y:.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{10**power:g} ms</text>')
    for at, (name, line) in enumerate(lines.items()):
        color, places = COLORS[at % len(COLORS)], [place(*point) for point in line]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in places]
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{TOP + 14 + 18 * at}" fill="{color}">{name}</text>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 6}">panels</text></svg>')
    return "\n".join(parts) + "\n"


def report(file: Path) -> tuple[str, str]:
    """Return the tables in Markdown, and the curves."""
    fills, groups = read(file)
    names = ("panels", "dims", "vectors", "panels_per_s", "cpu_ms", "node_ms", "writer_s", "peak_mib", "load")
    used = [name for name in names if any(name in each for each in fills)]
    rows = [
        ["Elasticsearch" if each["filled"].startswith("http") else "embedded", *(each.get(name, "") for name in used)]
        for each in fills
    ]
    tables = [table(["filled", *used], rows)] if rows else []
    return "\n".join([*tables, *(tell_group(name, found) for name, found in groups.items())]), curves(groups)


def put_into(page: Path, tables: str) -> None:
    """Replace what stands between the marks of a page."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{page} has no marks {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n{end}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--curves", type=Path, help="SVG to write")
    parser.add_argument("--page", type=Path, help="page to put the tables into, instead of printing them")
    options = parser.parse_args()
    tables, drawing = report(options.file)
    if options.page:
        put_into(options.page, tables)
    else:
        print(tables)
    if options.curves:
        options.curves.write_text(drawing)


if __name__ == "__main__":
    main()
