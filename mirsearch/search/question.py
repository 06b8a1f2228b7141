"""A question: what is looked for, and which answers are wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mirsearch import settings
from mirsearch.errors import UsageError
from mirsearch.query import Filters
from mirsearch.ranking import Formula

if TYPE_CHECKING:
    from mirsearch.search.query_image import AskedImage

OWN_ARTICLE = "own"
"""The value of `not_articles` that stands for the article of the picture that is asked with."""

MAX_MARKS = 100
"""Most panels that a question marks as alike or not alike."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question: an image, the id of an indexed panel (`like`), text, or text with one of the two.

    `more_images` are asked with together with `image`: panels are looked for that look like all of them. Plots and
    schematics answer an image only with `every_kind`, and panels of retracted articles only with `retracted`, unless
    the filters name them. With `doubtful`, doubtful scale readings count like the others. With `each`, every image
    under one letter is a hit of its own. At most `per_article` hits of an article are told (0: any number). Panels of
    `not_articles` (article ids, DOIs, PMC ids, or OWN_ARTICLE) and those that score below `min_score` are left out.
    With `require`, only panels that have the words are found; a text with AND, OR, NOT or a field requires that itself.
    `alike` and `not_alike` name panels of the index that a person has marked: the looks that are searched for follow
    them (search/feedback.py), and the answer leaves them out. With `diverse`, hits are unlike each other.
    """

    image: AskedImage | None = None
    like: str | None = None
    text: str | None = None
    field_of_view_nm: float | None = None
    use_scale: bool = True
    every_kind: bool = False
    retracted: bool = False
    filters: Filters = field(default_factory=Filters)
    formula: Formula = field(default_factory=Formula)
    top: int = 10
    exact: bool = False
    doubtful: bool = False
    each: bool = False
    more_images: tuple[AskedImage, ...] = ()
    per_article: int = 0
    not_articles: tuple[str, ...] = ()
    min_score: float | None = None
    alike: tuple[str, ...] = ()
    not_alike: tuple[str, ...] = ()
    require: bool = False
    diverse: bool = False

    @property
    def images(self) -> tuple[AskedImage, ...]:
        """Return all images that are asked with."""
        return (*(() if self.image is None else (self.image,)), *self.more_images)

    def check(self) -> None:
        """Raise UsageError if the question is empty or contradicts itself."""
        if not self.images and self.like is None and not self.alike and not (self.text and self.text.strip()):
            raise UsageError("nothing to search for", "give an image, --like ID, --text WORDS, or an image and --text")
        if self.images and self.like is not None:
            raise UsageError("an image and --like can't be combined", "give one of them")
        if len(self.images) > settings.LIMITS.query_images:
            most = settings.LIMITS.query_images
            raise UsageError(f"{len(self.images)} images are too many for one question", f"give at most {most}")
        self.check_limits()

    def check_limits(self) -> None:
        """Raise UsageError if a number is out of its range."""
        if not 1 <= self.top <= settings.LIMITS.query_top:
            raise UsageError(f"--top {self.top} is out of range", f"give 1 to {settings.LIMITS.query_top}")
        if self.per_article < 0:
            raise UsageError(f"--per-article {self.per_article} is out of range", "give 1 or more, or 0 for any number")
        if len(self.alike) + len(self.not_alike) > MAX_MARKS:
            raise UsageError(
                f"{len(self.alike) + len(self.not_alike)} marked panels are too many", f"mark at most {MAX_MARKS}"
            )
        if self.min_score is not None and not 0 <= self.min_score <= 1:
            raise UsageError(f"--min-score {self.min_score:g} is no score", "scores lie between 0 and 1")
