"""Figures in PDFs that a browser prints: `python -m benchmarks.sources.printed_layouts [--articles 3] [--keep FOLDER]`.

Real articles of ../shared/data, or those given with --data, are printed by Chromium in five layouts: one column; two
columns with running heads; three narrow columns; figures across two columns with captions above; captions beside their
figures. A figure's true box is that of its image in the PDF. Counted are, for each layout: figures found (their box and
the true one overlap by 90 % of their union), boxes that hold running heads or other columns (they reach more than 8
points beyond the true one), captions that are equal but for spaces, and false figures.
"""

from __future__ import annotations

import argparse
import html
import json
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from PIL import Image

from benchmarks.sources.pdf_figures import iou

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MOST_BEYOND = 8.0
"""Points by which a box may reach beyond the true one before it counts as holding other things."""
HEAD = ".head{position:fixed;top:-9mm;left:0;right:0;font-size:7.5pt;text-align:center;border-bottom:.4pt solid #333}"
LAYOUTS = {
    "one column": ("@page{size:A4;margin:22mm 25mm} figure{margin:10pt 0}", ""),
    "two columns, heads": (
        "@page{size:A4;margin:20mm 16mm} main{columns:2;column-gap:12pt} figure{margin:2pt 0 6pt}" + HEAD,
        '<div class="head">J. Printed Rods <b>12</b> (2024) 345 &nbsp; A. BELL ET AL.</div>',
    ),
    "three columns": (
        "@page{size:A4;margin:14mm 10mm} main{columns:3;column-gap:9pt;font-size:8pt} figure{margin:3pt 0}", ""
    ),
    "wide, captions above": (
        "@page{size:letter;margin:18mm 15mm} main{columns:2;column-gap:14pt} figure{column-span:all;margin:4pt 0 9pt}"
        "figure img{max-height:150mm}", ""
    ),
    "captions beside": (
        "@page{size:A4;margin:20mm 14mm} main{columns:2;column-gap:12pt} figure{column-span:all;display:grid;"
        "grid-template-columns:34% 64%;gap:2%;margin:4pt 0} figure img{max-height:140mm}" + HEAD,
        '<div class="head">ARTICLES &nbsp; Journal of Printed Things, Vol. 3</div>',
    ),
}  # fmt: skip
"""Style sheet and running head of each layout."""
STYLE = (
    "body{font-family:'Liberation Serif',serif;font-size:9.5pt;line-height:1.2;text-align:justify;hyphens:auto}"
    "body{margin:0} figure{break-inside:avoid} figure img{max-width:100%;display:block;margin:auto}"
    "figcaption{font-size:.85em;line-height:1.15;margin-top:4pt} h1{font-size:17pt} h2{font-size:11pt}"
    "p{margin:0 0 3pt}"
)


@dataclass(frozen=True)
class PrintedFigure:
    """A figure to print: its label and caption, and its image, whose size in pixels no other figure has."""

    label: str
    caption: str
    image: Path
    size: tuple[int, int]


def read_article(folder: Path, out: Path) -> tuple[str, list[PrintedFigure], list[str]]:
    """Return title, figures and paragraphs of an article. The figures' images are written to `out`."""
    figures = []
    for number, each in enumerate(json.loads((folder / "figures.json").read_text(encoding="utf-8"))["figures"]):
        if each["image"]:
            with Image.open(folder / each["image"]) as image:
                wide = 700 + number
                small = image.convert("RGB").resize((wide, max(1, round(image.height * wide / image.width))))
            path = out / f"{folder.name}-{number}.jpg"
            small.save(path, quality=85)
            figures.append(PrintedFigure(each["label"].rstrip(". "), each["caption"], path, small.size))
    root = etree.parse(str(folder / "fulltext.xml")).getroot()
    title = " ".join("".join(root.find(".//article-title").itertext()).split())
    texts = [" ".join("".join(each.itertext()).split()) for each in root.findall(".//body//p")]
    return title, figures, [text for text in texts if text][:70]


def page_of(title: str, figures: Sequence[PrintedFigure], texts: Sequence[str], layout: str) -> str:
    """Return the article as HTML: figures between its paragraphs, with headings and short lines among them."""
    style, head = LAYOUTS[layout]
    parts = [f"<h1>{html.escape(title)}</h1>"]
    step = max(2, len(texts) // max(len(figures), 1))
    waiting = list(figures)
    for number, text in enumerate(texts):
        if number % 7 == 3:
            parts.append("<h2>Results and discussion</h2>")
        parts.append(f"<p>{html.escape(text)}</p>")
        if number % step == 1 and waiting:
            parts.append(_figure(waiting.pop(0), layout))
    parts += [_figure(figure, layout) for figure in waiting]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title><style>{STYLE}{style}"
        f"</style>{head}<main>{''.join(parts)}</main></html>"
    )


def _figure(figure: PrintedFigure, layout: str) -> str:
    caption = f"<figcaption><b>{html.escape(figure.label)}.</b> {html.escape(figure.caption)}</figcaption>"
    image = f'<img src="{figure.image.as_uri()}">'
    is_first = layout in ("wide, captions above", "captions beside")
    return f"<figure>{caption + image if is_first else image + caption}</figure>"


def print_page(browser: str, page: Path, target: Path) -> None:
    """Print an HTML page to a PDF."""
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
        "--allow-file-access-from-files", f"--print-to-pdf={target}", page.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=180)


def true_boxes(path: Path) -> dict[tuple[int, int], tuple[int, tuple[float, float, float, float]]]:
    """Return page and box of each image in a PDF, by its size in pixels."""
    from mirsearch.sources.pdf.reader import PdfReader

    reader = PdfReader(path, path.name)
    boxes = {}
    try:
        for number in range(len(reader)):
            with reader.page(number) as page:
                for image in page.images():
                    wide, high = image.digest.partition(":")[0].split("x")
                    boxes[int(wide), int(high)] = (number, image.box)
    finally:
        reader.close()
    return boxes


def measure(path: Path, figures: Sequence[PrintedFigure]) -> Counter[str]:
    """Return the counts of one PDF."""
    from mirsearch.sources.pdf.document import find_figures

    boxes = true_boxes(path)
    content = find_figures(path, path.name)
    counts: Counter[str] = Counter(pages=content.pages, figures=len(figures))
    found = {"".join(each.caption.label.lower().split()): each for each in content.figures}
    counts["false"] = len(content.figures) - len(found)
    for figure in figures:
        each = found.pop("".join(figure.label.lower().split()), None)
        page, box = boxes.get(figure.size, (-1, (0.0, 0.0, 0.0, 0.0)))
        if each is None or page < 0:
            print(f"{path.name} {figure.label}: not found; it stands on page {page + 1}, {_rounded(box)}")
            continue
        same_page = each.caption.page == page
        is_right = same_page and iou(each.box, box) >= 0.9
        beyond = max(box[0] - each.box[0], box[1] - each.box[1], each.box[2] - box[2], each.box[3] - box[3])
        has_caption = "".join(each.caption.text.split()) == "".join(figure.caption.split())
        counts["found"] += is_right
        counts["with others"] += same_page and beyond > MOST_BEYOND
        counts["captions"] += has_caption
        if not is_right:
            print(f"{path.name} {figure.label}: page {page + 1} {_rounded(box)}, found {_rounded(each.box)}")
        elif not has_caption:
            print(f"{path.name} {figure.label}: caption {each.caption.text[-90:]!r}")
    counts["false"] += len(found)
    return counts


def _rounded(box: Sequence[float]) -> list[int]:
    return [round(side) for side in box]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=100)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "articles")
    parser.add_argument("--keep", type=Path, help="folder for the printed PDFs; those in it are not printed again")
    arguments = parser.parse_args()
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        parser.error("needs Chromium")
    totals: dict[str, Counter[str]] = {layout: Counter() for layout in LAYOUTS}
    with tempfile.TemporaryDirectory() as name:
        out = (arguments.keep or Path(name)).resolve()
        out.mkdir(parents=True, exist_ok=True)
        for manifest in sorted(arguments.data.glob("*/figures.json"))[: arguments.articles]:
            title, figures, texts = read_article(manifest.parent, out)
            for number, layout in enumerate(LAYOUTS):
                target = out / f"{manifest.parent.name}-{number}.pdf"
                if not target.exists():
                    page = target.with_suffix(".html")
                    page.write_text(page_of(title, figures, texts, layout), encoding="utf-8")
                    print_page(browser, page, target)
                totals[layout] += measure(target, figures)
    columns = ("figures", "found", "with others", "captions", "false", "pages")
    print(f"{'layout':<22}" + "".join(f"{column:>12}" for column in columns))
    for layout, counts in totals.items():
        print(f"{layout:<22}" + "".join(f"{counts[column]:>12}" for column in columns))
    print(json.dumps({layout: dict(counts) for layout, counts in totals.items()}))


if __name__ == "__main__":
    main()
