"""Measures whether training on a corpus helps, on the labeled micrographs of ../shared/data, held out by paper.

    python -m benchmarks.training.training [--data FOLDER] [--folds 5] [--only NAME …]

For each fold of papers, the model is trained on the other folds and on the panels of articles, nanoballs and emps. The
fold's images are both queries and candidates. People labeled the techniques of the training images, so the gain is an
upper bound of the gain with techniques that the analysis reads. There are two tasks: find the same technique in another
paper, and find another image of the same paper. Intervals are 95 % bootstrap over papers, of the paired differences.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.search.truth_images import DATA, KINDS
from mirsearch import plugins
from mirsearch.analysis.kinds.kind import classify_panel
from mirsearch.corpus import Article, Box, Figure, Origin, Panel, ScaleReading, figure_id, panel_ids
from mirsearch.imaging import images
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord, Index
from mirsearch.settings import DEFAULT_EXTRACTOR
from mirsearch.training.corpus_vectors import Corpus, read_corpus
from mirsearch.training.evaluation import average_precisions, measure_change
from mirsearch.training.fitting import LearnedProjection, MetricOptions, WhiteningOptions, learn_metric, learn_whitening
from mirsearch.training.head import HeadSettings

NAMES = {"STEM-DF": "STEM", "Optical": "optical", "Fluorescence": "fluorescence", "EDX-map": "EDX"}
FIGURE = re.compile(r"_fig_(\d+)")
Learner = Callable[[Index, Corpus, object, int], LearnedProjection]


def learners() -> dict[str, Learner]:
    """Return the compared methods by name, with the options that a user would type."""

    def whitening(**options: object) -> Learner:
        return lambda index, part, extractor, seed: learn_whitening(part, WhiteningOptions(**options), seed)

    def metric(loss: str, margin: float, **options: object) -> Learner:
        chosen = MetricOptions(head=HeadSettings(loss, margin), **options)
        return lambda index, part, extractor, seed: learn_metric(index, part, extractor, chosen, seed, lambda *_: None)

    return {
        "PCA, wholly": whitening(power=1.0),
        "PCA": whitening(),
        "PCA, 128 dims": whitening(dims=128),
        "discriminative": whitening(method="discriminative"),
        "discriminative, technique": whitening(method="discriminative", alike="technique"),
        "triplet": metric("triplet", 0.2),
        "contrastive": metric("contrastive", 0.8),
        "triplet, technique": metric("triplet", 0.2, alike="technique"),
        "contrastive, technique": metric("contrastive", 0.8, alike="technique"),
    }


def build_index(data: Path, extractor: object, location: Path) -> tuple[Index, dict[str, str]]:
    """Build an index of all micrographs of the data; return it and the paper of each labeled panel, by panel id."""
    index = open_index(str(location), create=ExtractorIdentity(extractor.name, extractor.version, extractor.dims))
    papers: dict[str, str] = {}
    scales = _scales(data)
    with index.writer() as writer:
        for row in _rows(data / "class_truth.csv"):
            group = f"{row['paper']}_{FIGURE.search(row['file'])[1]}"
            technique = NAMES.get(row["class"], row["class"])
            identity = _add_image(
                writer, extractor, data / row["file"], [(None, technique)], row["paper"], group, scales
            )
            papers[identity] = row["paper"]
        for path in sorted((data / "nanoballs").glob("*.tif")):
            _add_image(writer, extractor, path, [(None, "SEM")], "nanoballs", path.stem, scales)
        for path in sorted((data / "emps").glob("*.png")):
            _add_image(writer, extractor, path, [(None, None)], path.stem, path.stem, scales)
        panels: dict[str, list[tuple[Box, None]]] = {}
        for row in _rows(data / "panel_truth.csv"):
            if row["kind"] in KINDS:
                box = tuple(int(row[key]) for key in ("x0", "y0", "x1", "y1"))
                panels.setdefault(row["file"], []).append((box, None))
        for file, boxes in panels.items():
            _add_image(writer, extractor, data / file, boxes, Path(file).parent.name, file, scales)
    return index, papers


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def _scales(data: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for table in ("scale_truth.csv", "caption_scale_truth.csv"):
        for row in _rows(data / table):
            found.setdefault(row["file"], []).append(row)
    return found


def _add_image(writer, extractor, path, parts, article, group, scales) -> str:
    """Add one image as a figure with its panels, whose common figure is `group`. Return the first panel's id."""
    pixels = images.open_picture(path).pixels
    identity = figure_id(images.content_hash(path))
    boxes = [box or (0, 0, pixels.shape[1], pixels.shape[0]) for box, _ in parts]
    crops = [images.crop(pixels, box) for box in boxes]
    techniques = [
        technique or classify_panel(crop, "").technique for (_, technique), crop in zip(parts, crops, strict=True)
    ]
    known = scales.get(f"{path.parent.name}/{path.name}", scales.get(str(Path(*path.parts[-3:])), []))
    panels = tuple(
        Panel(box, None, "micrograph", 1.0, technique, 1.0, "", group, _scale_in_box(box, known), name, identity)
        for box, technique, name in zip(
            boxes, techniques, panel_ids(identity, [Panel(box) for box in boxes]), strict=True
        )
    )
    figure = Figure(
        identity, pixels.shape[1], pixels.shape[0], group, "", Article(f"doi:{article}"), (Origin("data", str(path)),)
    )
    writer.put(FigureRecord(figure, panels, extractor.embed(crops), tuple(images.thumbnail(crop) for crop in crops)))
    return panels[0].id


def _scale_in_box(box: Box, known: list[dict[str, str]]) -> ScaleReading | None:
    """Return the scale of the bar whose middle is in the box, or None."""
    for row in known:
        x0, y0, x1, y1 = (int(each) for each in row["bar_bbox"].split(","))
        if box[0] <= (x0 + x1) / 2 < box[2] and box[1] <= (y0 + y1) / 2 < box[3]:
            return ScaleReading(float(row["nm_per_px"]))
    return None


def group_figures(corpus: Corpus) -> Corpus:
    """Return the corpus with micrographs that were cut out of one figure grouped as one figure."""
    figures = np.array([each.figure.label or each.figure.id for each in corpus.panels])
    return Corpus(corpus.panels, corpus.vectors, corpus.articles, figures, corpus.techniques, corpus.log_fov)


def precisions_by_task(corpus: Corpus, vectors: np.ndarray) -> dict[str, np.ndarray]:
    """Return the average precision of each query among the corpus's panels, by task."""
    similarity = np.asarray(vectors @ vectors.T, np.float64)
    paper = corpus.articles[:, None] == corpus.articles
    technique = corpus.techniques[:, None] == corpus.techniques
    return {
        "same technique, other paper": average_precisions(similarity, technique, ~paper),
        "same paper": average_precisions(similarity, paper, ~np.eye(len(corpus), dtype=bool)),
    }


def measure(
    learner: Learner, index: Index, corpus: Corpus, papers: dict[str, str], extractor: object, folds: int
) -> dict[str, object]:
    """Measure a method before and after training, on the queries of all folds together."""
    mine = np.array([papers.get(each.panel.id, "") for each in corpus.panels])
    names = np.random.default_rng(0).permutation(sorted(set(papers.values())))
    old, new, groups, settings = [], [], [], []
    for fold in range(folds):
        test = np.isin(mine, names[fold::folds])
        learned = learner(index, corpus.subset(~test), extractor, fold)
        held = corpus.subset(test)
        old.append(precisions_by_task(held, held.vectors))
        new.append(precisions_by_task(held, learned.projection.apply(held.vectors)))
        groups.append(mine[test])
        settings.append({key: learned.settings[key] for key in ("power", "epoch") if key in learned.settings})
    joined = {
        task: measure_change(
            *(np.concatenate([each[task] for each in side]) for side in (old, new)), np.concatenate(groups)
        )
        for task in old[0]
    }
    return {task: each.as_json() for task, each in joined.items()} | {"chosen": settings}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--extractor", default=DEFAULT_EXTRACTOR)
    parser.add_argument("--only", nargs="*", help="names of the methods to measure, as in the table")
    options = parser.parse_args()
    if not (options.data / "class_truth.csv").is_file():
        parser.error(f"{options.data} has no class_truth.csv: give --data FOLDER")
    extractor = plugins.create("extractors", options.extractor)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        index, papers = build_index(options.data, extractor, Path(folder) / "index")
        corpus = group_figures(read_corpus(index, 100_000))
        print(f"{len(corpus)} panels, {len(papers)} of them queries in {options.folds} folds by paper")
        print(f"{'trained':26} {'task':28} {'before':>6} {'after':>6} {'change':>7}  95 % interval by paper")
        for name, learner in learners().items():
            if options.only and name not in options.only:
                continue
            results[name] = measure(learner, index, corpus, papers, extractor, options.folds)
            for task, each in results[name].items():
                if task != "chosen":
                    low, high = each["interval"]
                    print(
                        f"{name:26} {task:28} {each['before']:6.3f} {each['after']:6.3f} {each['difference']:+7.3f}"
                        f"  [{low:+.3f},{high:+.3f}]",
                        flush=True,
                    )
        index.close()
    print(
        json.dumps({"extractor": f"{extractor.name} {extractor.version}", "folds": options.folds, "trained": results})
    )


if __name__ == "__main__":
    main()
