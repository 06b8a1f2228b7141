"""Compare two pictures: align their keypoints, and lay one upon the other."""

from __future__ import annotations

from collections.abc import Callable

from mirsearch.query import StoredPanel
from mirsearch.reuse.agreement import Agreement, compare_aligned
from mirsearch.reuse.confidence import Verdict, has_few_inliers, judge
from mirsearch.reuse.keypoints import Gray
from mirsearch.reuse.matching import Alignment, Matrix, Prepared, align, align_near, prepare
from mirsearch.reuse.pictures import Seen
from mirsearch.reuse.shared_pictures import SharedPicture, rescale, shared_regions

Compared = tuple[Alignment, Agreement]


def compare_seen(
    one: Seen, other: Seen, gray: Callable[[], Gray | None], other_gray: Callable[[], Gray | None],
    near: Matrix | None = None, prepared: Prepared | None = None,
) -> Compared | None:  # fmt: skip
    """Return how two pictures are aligned, and how well they then agree; None if they can't be the same.

    `near` is a homography from the first to the second that may hold. `prepared` are the keypoints of the first, where
    they are compared several times.
    """
    first_keypoints = prepare(one.keypoints) if prepared is None else prepared
    alignments = [align(first_keypoints, other.keypoints)]
    if near is not None:
        alignments.append(align_near(first_keypoints, other.keypoints, near))
    alignment = max(filter(None, alignments), key=lambda each: each.inliers, default=None)
    if alignment is None:
        return None
    first, second = gray(), other_gray()
    if first is None or second is None:
        return None
    fewest = min(len(one.keypoints), len(other.keypoints))
    is_close = _may_be_diffraction(one, other) or has_few_inliers(alignment.inliers, fewest)
    agreement = compare_aligned(first, second, alignment.matrix, is_close)
    return None if agreement is None else (alignment, agreement)


def judge_seen(compared: Compared, one: Seen, other: Seen) -> Verdict:
    """Return how sure it is that two compared pictures are the same."""
    fewest = min(len(one.keypoints), len(other.keypoints))
    return judge(*compared, (one.color, other.color), fewest, _may_be_diffraction(one, other))


def _may_be_diffraction(*pictures: Seen) -> bool:
    """Return whether one of the pictures is a diffraction pattern, or may be a part of one."""
    return any(each.is_diffraction or each.is_uniform for each in pictures)


def shared_picture(
    a: StoredPanel | None, b: StoredPanel, seen: tuple[Seen, Seen], compared: Compared, confidence: float,
    size: tuple[int, int] | None = None, name: str = "",
) -> SharedPicture:  # fmt: skip
    """Return two pictures that are the same, with places in px of the panels. `size` is that of a without a panel."""
    size_a = size or (1, 1) if a is None else (a.panel.width, a.panel.height)
    size_b = b.panel.width, b.panel.height
    alignment, agreement = compared
    matrix = rescale(alignment.matrix, size_a[0] / seen[0].size[0], size_b[0] / seen[1].size[0])
    region_a, region_b = shared_regions(matrix, size_a, size_b)
    return SharedPicture(a, b, confidence, matrix, alignment, agreement, region_a, region_b, name)
