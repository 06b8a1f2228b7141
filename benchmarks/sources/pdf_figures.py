"""Figures found in PDFs: `python -m benchmarks.sources.pdf_figures [--articles 3]`.

Real articles of ../shared/data are laid out again with their text, figures and captions: in one and two columns, with
captions below and above. So the true position of each figure is known. Counted are: figures found (their box and the
true one overlap by 90 % of their union), captions that are exactly equal, false figures, and seconds per page.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

from lxml import etree
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def articles(folder: Path, max_articles: int) -> list[tuple[str, list[dict[str, str]], list[str]]]:
    """(name, figures, paragraphs) of each article."""
    found = []
    for manifest in sorted(folder.glob("*/figures.json"))[:max_articles]:
        figures = [each for each in json.loads(manifest.read_text())["figures"] if each["image"]]
        root = etree.parse(str(manifest.with_name("fulltext.xml"))).getroot()
        texts = [" ".join("".join(each.itertext()).split()) for each in root.findall(".//body//p")]
        found.append((manifest.parent.name, figures, [text for text in texts if len(text) > 200][:60]))
    return found


def measure(folder: Path, out: Path, max_articles: int) -> Counter[str]:
    """Return the counts over all articles and layouts."""
    from mirsearch.sources.pdf.document import find_figures
    from tests.support.pdf_making import PdfFig, make_pdf

    counts: Counter[str] = Counter()
    for name, figures, paragraphs in articles(folder, max_articles):
        for columns, above in ((1, False), (2, False), (2, True)):
            figs = [
                PdfFig(each["label"].rstrip(". "), each["caption"], [Image.open(folder / name / each["image"])],
                       above=above, strips=1 + number % 3)
                for number, each in enumerate(figures)
            ]  # fmt: skip
            path = make_pdf(out / f"{name}-{columns}{above}.pdf", figs, columns=columns, paragraphs=paragraphs)
            started = time.monotonic()
            content = find_figures(path, name)
            counts["milliseconds"] += round(1000 * (time.monotonic() - started))
            counts["pages"] += content.pages
            counts["figures"] += len(figs)
            found = {each.caption.label.lower(): each for each in content.figures}
            counts["false"] += len(content.figures) - len(found)
            for fig in figs:
                figure = found.pop(fig.label.lower(), None)
                is_right = figure is not None and fig.where is not None and (
                    figure.caption.page + 1 == fig.where[0] and iou(figure.box, fig.where[1:]) >= 0.9)  # fmt: skip
                counts["found"] += is_right
                has_same_caption = figure is not None and " ".join(figure.caption.text.split()) == " ".join(
                    fig.caption.split()
                )
                counts["captions"] += has_same_caption
                if not (is_right and has_same_caption):
                    position = f"{figure.caption.page + 1} {[round(x) for x in figure.box]}" if figure else None
                    print(
                        f"{path.name} {fig.label}: stands at {fig.where}, found {position}, caption {has_same_caption}"
                    )
            counts["false"] += len(found)
    return counts


def iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Return the intersection over union of two boxes."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, wide) * max(0.0, high)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=100)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "articles")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        counts = measure(arguments.data, Path(name), arguments.articles)
    rate = counts["milliseconds"] / max(counts["pages"], 1)
    print(f"{'figures':>8} {'found':>6} {'captions':>9} {'false':>6} {'pages':>6} {'ms a page':>10}")
    print(f"{counts['figures']:>8} {counts['found']:>6} {counts['captions']:>9} {counts['false']:>6} "
          f"{counts['pages']:>6} {rate:>10.0f}")  # fmt: skip
    print(json.dumps(dict(counts)))


if __name__ == "__main__":
    main()
