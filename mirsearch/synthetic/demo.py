"""The demonstration: a drawn corpus, and three questions with known correct answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image as PillowImage

from mirsearch.synthetic.corpus import CorpusTruth, FigureTruth, write_corpus
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.figures import draw_micrograph
from mirsearch.synthetic.scalebars.styles import BAR_STYLES
from mirsearch.synthetic.specimens.families import Specimen

DEMO_FAMILIES = (
    "spheres", "foam", "tube_mat", "fringes", "spheres", "polished_grains", "fluorescent_cells", "particles_on_film",
    "pores", "crystals", "stained_tissue", "layers", "vesicles", "columns", "rods",
)  # fmt: skip
"""The families take turns. Spheres come twice, early, in very different sizes, for the question about scale."""

DEMO_FIGURES = 40
DEMO_SEED = 2026
IMAGE_FAMILY, SCALE_FAMILY, TEXT_FAMILY = "foam", "spheres", "tube_mat"


@dataclass(frozen=True, slots=True)
class DemoQuery:
    """A question: its title, its image or text, and the files (names in the corpus's folder) that answer it.

    `nm_per_px` is the pixel size to give with the image in a question about scale. `scale` False means: search without
    the image's scale.
    """

    title: str
    image: Path | None = None
    text: str | None = None
    nm_per_px: float | None = None
    scale: bool = True
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """The folder and the truth of the drawn corpus, and the questions in order."""

    folder: Path
    queries: tuple[DemoQuery, ...]
    truth: CorpusTruth = field(repr=False)


def write_demo(folder: Path, figures: int = DEMO_FIGURES, seed: int = DEMO_SEED) -> DemoPlan:
    """Draw the corpus into `folder`/figures and two query images into `folder`; OSError if they can't be written.

    Question 1: a new micrograph of a specimen of the corpus, with a bar, searched by looks alone. Question 2: a
    micrograph of a specimen that the corpus shows in several sizes, with its pixel size. Question 3: words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth = write_corpus(folder / "figures", figures, seed, DEMO_FAMILIES)
    look_specimen, scale_specimen = _first_specimen(truth, IMAGE_FAMILY), _first_specimen(truth, SCALE_FAMILY)
    first = folder / "query_1_image.png"
    _write_micrograph(look_specimen, first, seed + 1, labeled=True)
    second = folder / "query_2_scale.png"
    nm_per_px = _write_micrograph(scale_specimen, second, seed + 2, labeled=False)
    words = " ".join(_first_specimen(truth, TEXT_FAMILY).subject.split()[-2:])
    queries = (
        DemoQuery(
            f"What looks like this ({look_specimen.subject})?", first, scale=False,
            answers=_files_showing(truth, look_specimen),
        ),
        DemoQuery(
            f"What looks like this at the same scale ({scale_specimen.subject}, {nm_per_px:.3g} nm/px)?", second,
            nm_per_px=nm_per_px, answers=_files_showing(truth, scale_specimen),
        ),
        DemoQuery(f"Who speaks of {words}?", text=words, answers=_files_mentioning(truth, words)),
    )  # fmt: skip
    return DemoPlan(truth.folder, queries, truth)


def _first_specimen(truth: CorpusTruth, family: str) -> Specimen:
    """Return the first specimen of a family in the corpus; LookupError if there is none."""
    for figure in truth.figures:
        for shown in figure.specimens:
            if shown is not None and shown.family == family:
                return shown
    raise LookupError(f"the drawn corpus has no figure of {family}; draw more figures")


def _write_micrograph(shown: Specimen, path: Path, seed: int, labeled: bool) -> float:
    """Write a new view of a specimen, with a labeled bar or without a bar; return nm per px."""
    rng = make_rng(seed, 0xDE70)
    size, zoom = (520, 400), 0.5
    if labeled:
        picture, _, _ = draw_micrograph(
            shown, *size, zoom, replace(BAR_STYLES["boxed-black"], corners=("bottom-right",)), rng
        )
    else:
        picture = shown.micrograph(View(*size, shown.nm_per_px(zoom)), rng)
    PillowImage.fromarray(picture).save(path, "PNG")
    return shown.nm_per_px(zoom)


def _file_names(figures: list[FigureTruth]) -> tuple[str, ...]:
    return tuple(figure.file for figure in figures)


def _files_showing(truth: CorpusTruth, shown: Specimen) -> tuple[str, ...]:
    """Return the files with a panel of this specimen."""
    return _file_names([figure for figure in truth.figures if shown in figure.specimens])


def _files_mentioning(truth: CorpusTruth, words: str) -> tuple[str, ...]:
    """Return the files whose captions contain the words."""
    return _file_names([figure for figure in truth.figures if words.lower() in figure.caption.lower()])
