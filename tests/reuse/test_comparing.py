"""Two pictures: changed copies are the same, others are not, and what only looks alike is held off."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from mirsearch.reuse.agreement import Agreement, _part_values
from mirsearch.reuse.comparing import compare_seen, judge_seen
from mirsearch.reuse.confidence import Verdict, judge, mean_color
from mirsearch.reuse.keypoints import Keypoints, find_keypoints, mirror_descriptors, stretch, unit_descriptors
from mirsearch.reuse.links import Links
from mirsearch.reuse.matching import Alignment, _half_cosines, align, align_near, prepare
from mirsearch.reuse.patterns import irregular_keypoints, look_alike, without_lattice
from mirsearch.reuse.pictures import look_at
from mirsearch.reuse.residual import Residual, residual_agreement
from mirsearch.reuse.shared_pictures import rescale, shared_regions
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.specimens.families import specimen

Pixels = np.ndarray


def drawn(family: str, seed: int, zoom: float = 0.5) -> Pixels:
    made = specimen(seed, family)
    return made.micrograph(View(360, 280, made.nm_per_px(zoom)), make_rng(seed, 5))


def verdict(one: Pixels, other: Pixels) -> Verdict:
    (first, gray), (second, other_gray) = look_at(one), look_at(other)
    compared = compare_seen(first, second, lambda: gray, lambda: other_gray)
    return Verdict(0.0) if compared is None else judge_seen(compared, first, second)


def changed(pixels: Pixels) -> dict[str, Pixels]:
    height, width = pixels.shape[:2]
    stretched = np.clip((pixels.astype(float) - 90) * 1.6 + 90, 0, 255).astype(np.uint8)
    return {
        "cropped": pixels[40:220, 60:300],
        "mirrored": pixels[:, ::-1],
        "turned": np.rot90(pixels),
        "contrast": stretched,
        "scaled": cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA),
        "all": np.rot90(stretched[20:260, 20:320])[:, ::-1],
    }


@pytest.mark.parametrize("change", ["cropped", "mirrored", "turned", "contrast", "scaled", "all"])
@pytest.mark.parametrize("family", ["fibers", "spheres", "fracture"])
def test_a_changed_copy_is_the_same_picture(family, change):
    pixels = drawn(family, 3)
    found = verdict(np.ascontiguousarray(changed(pixels)[change]), pixels)
    assert found.held_off is None
    assert found.confidence > 0.9


@pytest.mark.parametrize("family", ["fibers", "spheres", "fracture", "columns", "single_crystal", "fringes"])
def test_two_views_of_one_specimen_are_not_the_same_picture(family):
    made = specimen(3, family)
    views = [made.micrograph(View(360, 280, made.nm_per_px(0.5)), make_rng(seed)) for seed in (1, 2)]
    found = verdict(*views)
    assert found.confidence < 0.5 or found.held_off == "periodic"


def test_a_pattern_that_fits_at_several_places_is_held_off():
    rng = np.random.default_rng(1)
    tile = rng.integers(0, 256, (40, 40), np.uint8)
    tile = cv2.GaussianBlur(np.tile(tile, (3, 3)), (0, 0), 2)[40:80, 40:80]
    wide = cv2.normalize(np.tile(tile, (9, 9)), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    one, other = (np.repeat(wide[top : top + 200, top : top + 240, None], 3, axis=2) for top in (0, 13))
    found = verdict(np.ascontiguousarray(one), np.ascontiguousarray(other))
    assert found.confidence < 0.5 or found.held_off == "periodic"


@pytest.mark.parametrize("family", ["columns", "single_crystal"])
def test_a_lattice_is_told_by_what_is_not_periodic(family):
    pixels = drawn(family, 3)
    found = verdict(np.ascontiguousarray(pixels[:, ::-1]), pixels)
    assert found.held_off is None
    assert found.confidence > 0.5


def test_a_lattice_at_another_place_does_not_agree_in_what_is_not_periodic():
    gray = drawn("columns", 3)[..., 0].astype(np.float32)
    template = gray[60:220, 60:300]
    fits = cv2.matchTemplate(gray, template, cv2.TM_CCOEFF_NORMED)
    fits[50:71, 50:71] = -1
    top, left = (int(at) - 60 for at in np.unravel_index(fits.argmax(), fits.shape))
    assert fits.max() > 0.8
    covered = np.ones(gray.shape, np.uint8)
    moved = residual_agreement(gray, np.roll(gray, (-top, -left), (0, 1)), covered, 1.0)
    grain = np.random.default_rng(1).normal(0, 4, gray.shape).astype(np.float32)
    noisy = residual_agreement(gray, gray + grain, covered, 1.0)
    assert moved.here < 22
    assert noisy.here > 24
    assert noisy.here / noisy.rival > 2 * moved.here / moved.rival
    assert moved.fine < 16
    assert noisy.fine > 20
    assert noisy.fine / noisy.fine_rival > 2 * moved.fine / moved.fine_rival


@pytest.mark.parametrize("seed", [0, 4])
def test_two_patterns_of_one_phase_agree_in_their_spots_but_not_in_their_finest_detail(seed):
    made = specimen(seed, "diffraction")
    view = View(256, 192, made.nm_per_px(0.5))
    one, other = (made.micrograph(view, make_rng(seed, moment))[..., 0].astype(np.float32) for moment in (1, 2))
    covered = np.ones(one.shape, np.uint8)
    moments = residual_agreement(one, other, covered, 1.0)
    lettered = np.clip(0.7 * one + 20, 0, 255).round()
    lettered[30:90, 40:120] = 255
    same = residual_agreement(one, lettered, covered, 1.0)
    assert moments.here > 15
    assert moments.fine < 20
    assert same.fine > 33
    assert same.fine > 8 * same.fine_rival
    gray = np.zeros(3, np.float32)
    aligned, agreement = alike(20, 0.5)
    agreement = dataclasses.replace(agreement, correlation=0.3, against=0.05, residual=same)
    assert judge(aligned, agreement, (gray, gray), 200, is_diffraction=True) == Verdict(0.9)


@pytest.mark.parametrize("seed", [4, 8])
def test_parts_of_two_patterns_of_one_phase_are_held_off(seed):
    """Without its bright middle, a part of a diffraction pattern is known by its keypoints: they all look alike."""
    made = specimen(seed, "diffraction")
    view = View(320, 240, made.nm_per_px(0.5))
    one, other = (
        np.ascontiguousarray(made.micrograph(view, make_rng(seed, moment))[24:216, 32:288]) for moment in (1, 2)
    )
    (first, _), (second, _) = look_at(one), look_at(other)
    assert not first.is_diffraction
    assert first.is_uniform
    assert second.is_uniform
    assert verdict(one, other).held_off == "diffraction"
    assert verdict(one, np.ascontiguousarray(one[::-1])).held_off is None


@pytest.mark.parametrize("seed", [7, 9])
def test_a_part_of_a_lattice_is_the_same_picture(seed):
    """All its columns look alike; defects and grain are what is matched."""
    pixels = drawn("columns", seed)
    part = np.ascontiguousarray(pixels[30:230, 40:310])
    whole, gray = look_at(pixels)
    alone, of_part = (find_keypoints(each) for each in (gray, look_at(part)[1]))
    assert look_alike(alone)
    assert len(whole.keypoints) > len(alone)
    assert not whole.is_uniform
    assert align(prepare(of_part), alone) is None
    found = verdict(part, pixels)
    assert found.held_off is None
    assert found.confidence > 0.5


def test_what_a_lattice_leaves_is_its_defects():
    rows, columns = np.mgrid[:192, :256]
    lattice = 100 + 50 * (np.cos(rows * 2 * np.pi / 8) + np.cos(columns * 2 * np.pi / 16))
    grain = np.random.default_rng(1).normal(0, 3, lattice.shape)
    left = without_lattice((lattice + grain).astype(np.float32))
    assert left is not None
    assert left.std() < 4
    assert np.corrcoef(left.ravel(), grain.ravel())[0, 1] > 0.95
    assert without_lattice(grain.astype(np.float32)) is None
    assert irregular_keypoints(find_gray("fibers")) is None


def find_gray(family: str) -> Pixels:
    return look_at(drawn(family, 3))[1]


def test_two_small_parts_that_few_keypoints_agree_on_are_held_off():
    aligned, agreement = alike(9)
    gray = np.zeros(3, np.float32), np.zeros(3, np.float32)
    assert judge(aligned, dataclasses.replace(agreement, parts=7), gray, 200).held_off == "plain"
    assert judge(aligned, dataclasses.replace(agreement, parts=12), gray, 200).held_off is None


def test_labels_that_agree_on_other_pictures_are_not_the_same_picture():
    pictures = [drawn("fracture", seed) for seed in (5, 6)]
    for pixels in pictures:
        cv2.rectangle(pixels, (0, 0), (359, 50), (0, 0, 0), -1)
        cv2.putText(pixels, "HV 10 kV  500 nm", (6, 36), cv2.FONT_HERSHEY_DUPLEX, 1.1, (255, 255, 255), 2)
        cv2.rectangle(pixels, (200, 240), (340, 252), (255, 255, 255), -1)
    found = verdict(*pictures)
    assert found.confidence < 0.5 or found.held_off == "label"


def test_channels_of_one_field_are_held_off():
    gray = drawn("spheres", 8)[..., 0]
    red, blue = np.zeros((2, *gray.shape, 3), np.uint8)
    red[..., 0], blue[..., 2] = gray, gray
    assert verdict(red, blue).held_off == "channel"
    assert verdict(red, np.ascontiguousarray(red[:, ::-1])).held_off is None
    pale = [mean_color(np.maximum(pixels, 110)) for pixels in (red, blue)]
    assert 0.15 < min(map(np.linalg.norm, pale)) < 0.45
    assert judge(*alike(60), tuple(pale), 200).held_off == "channel"


def test_an_empty_field_has_too_little_to_compare():
    rng = np.random.default_rng(1)
    flat = np.repeat(rng.normal(128, 0.4, (280, 360)).astype(np.uint8)[..., None], 3, axis=2)
    assert look_at(np.full((280, 360, 3), 200, np.uint8))[0].is_empty
    assert verdict(flat, flat[:, ::-1].copy()).confidence < 0.5


@pytest.mark.data
def test_no_two_of_the_unchanged_micrographs_are_the_same_picture(shared_data):
    """The likest pairs by keypoints: labels on other films, one field in two colors, one specimen in two moments."""
    folder = shared_data / "micrograph_extractor"
    pairs = (
        ("13727923_v1_fig_1_3", "13727923_v1_fig_1_4"),
        ("2023_88szt_fig_3_1", "2023_88szt_fig_3_2"),
        ("11401965_v1_fig_5_1", "11401965_v1_fig_5_3"),
        ("12609977_v1_fig_4_0", "12609977_v1_fig_4_1"),
    )
    for pair in pairs:
        one, other = (
            np.ascontiguousarray(cv2.imread(str(folder / f"chemrxiv_10_26434_{name}.jpg"))[..., ::-1]) for name in pair
        )
        found = verdict(one, other)
        assert found.confidence < 0.5 or found.held_off is not None, pair
        assert verdict(one, np.ascontiguousarray(one[:, ::-1])).confidence > 0.9


def test_a_much_reduced_copy_is_the_same_picture():
    pixels = drawn("fibers", 3)
    found = verdict(cv2.resize(pixels, (100, 78), interpolation=cv2.INTER_AREA), pixels)
    assert found.held_off is None
    assert found.confidence > 0.9


def test_more_keypoints_agree_near_a_known_place_and_none_at_a_wrong_one():
    pixels = drawn("spheres", 3)
    noisy = np.clip(pixels + np.random.default_rng(1).normal(0, 25, pixels.shape[:2])[..., None], 0, 255)
    one, other = (look_at(each)[0].keypoints for each in (pixels, noisy.astype(np.uint8)))
    prepared = prepare(one)
    alone, near = align(prepared, other), align_near(prepared, other, np.eye(3))
    assert near is not None
    assert alone is None or near.inliers > alone.inliers
    assert np.allclose(near.matrix, np.eye(3), atol=0.05) or np.abs(near.matrix[:2, 2]).max() < 3
    assert align_near(prepared, other, np.array([[1.0, 0, 90], [0, 1, 40], [0, 0, 1]])) is None


def test_what_two_share_with_a_third_is_compared_once():
    links = Links([(1, 2), (2, 3), (2, 4), (5, 6)])
    shift, turn = np.eye(3), np.diag([-1.0, -1.0, 1.0])
    shift[0, 2] = 7
    links.add((1, 2), 0.99, shift)
    links.add((2, 3), 0.95, turn)
    links.add((2, 4), 0.6, turn)  # not sure enough to lead on
    links.add((5, 6), 0.99, shift)
    found = links.next_pairs()
    assert list(found) == [(1, 3)]
    assert np.allclose(found[1, 3], turn @ shift)
    assert links.next_pairs() == {}


def test_descriptors_of_a_mirrored_picture_are_those_of_the_picture():
    gray = drawn("fibers", 4)[..., 0].copy()
    one, other = find_keypoints(gray), find_keypoints(np.ascontiguousarray(gray[:, ::-1]))
    first = one.descriptors.astype(float)
    second = mirror_descriptors(other.descriptors).astype(float)
    near = (first @ second.T).argmax(axis=1)
    width = gray.shape[1]
    laid = np.abs(one.places[:, 0] + other.places[near, 0] - (width - 1)) < 2
    assert laid.mean() > 0.8


def test_halves_of_descriptors_give_the_cosines_as_they_are_and_mirrored():
    rng = np.random.default_rng(2)
    one, other = (
        Keypoints(np.zeros((count, 2), np.float32), rng.integers(0, 160, (count, 128)).astype(np.uint8))
        for count in (9, 13)
    )
    kept, turned = _half_cosines(prepare(one), other)
    first, second = (unit_descriptors(each.descriptors) for each in (one, other))
    assert np.allclose(kept + turned, first @ second.T, atol=1e-5)
    assert np.allclose(kept - turned, mirror_descriptors(first) @ second.T, atol=1e-5)


@pytest.mark.parametrize("levels", [1, 3, 256])
def test_a_stretched_picture_reaches_from_black_to_white_but_for_a_few(levels):
    gray = np.random.default_rng(levels).integers(80, 80 + min(levels, 175), (61, 83)).astype(np.uint8)
    low, high = np.percentile(gray, (1, 99))
    expected = np.clip((gray.astype(float) - low) * (255 / max(high - low, 24)), 0, 255).astype(np.uint8)
    assert np.array_equal(stretch(gray), expected)


def test_parts_are_compared_where_both_cover_them():
    rng = np.random.default_rng(3)
    one = rng.normal(0, 20, (80, 110)).astype(np.float32)  # 3 rows and 5 columns of parts; the rest of 8 px is left out
    other = (0.5 * one + rng.normal(0, 5, one.shape)).astype(np.float32)
    covered = np.ones(one.shape, np.uint8)
    covered[:, :3] = 0  # an eighth of the first parts is left out, and counts nowhere
    covered[30:60, 30:60] = 0
    one[covered == 0] = 9000
    values, deviations = _part_values(one, other, covered)
    assert len(values) == 3 * 5 - 4  # without the parts that a hole covers by a fifth or more
    first, second = one[:24, 3:24].ravel(), other[:24, 3:24].ravel()
    assert values[0] == pytest.approx(np.corrcoef(first, second)[0, 1], abs=1e-4)
    assert deviations[0] == pytest.approx([first.std(), second.std()], rel=1e-4)


def test_regions_are_what_both_show():
    move = np.array([[1.0, 0, -30], [0, 1, -10], [0, 0, 1]])
    region_a, region_b = shared_regions(move, (100, 80), (60, 50))
    assert set(region_b) == {(0.0, 0.0), (60.0, 0.0), (60.0, 50.0), (0.0, 50.0)}
    assert min(region_a) == (30.0, 10.0)
    assert np.allclose(rescale(move, 2.0, 2.0)[:2, 2], [-60, -20])
    assert shared_regions(np.array([[1.0, 0, 500], [0, 1, 0], [0, 0, 1]]), (100, 80), (60, 50)) == ((), ())


def test_colors_are_told_from_gray():
    assert np.linalg.norm(mean_color(np.full((4, 4, 3), 90, np.uint8))) == 0
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 200
    assert np.linalg.norm(mean_color(red)) > 2
    assert np.linalg.norm(mean_color(np.zeros((4, 4, 3), np.uint8))) == 0


def alike(inliers: int, share: float = 1.0) -> tuple[Alignment, Agreement]:
    """Two pictures that agree in all parts, by so many keypoints."""
    aligned = Alignment(np.eye(3), False, inliers, inliers + 4)
    return aligned, Agreement(0.98, share, 0.0, 0.95, 30, 0.98, 0.3)


def test_more_must_agree_of_diffraction_patterns_and_of_what_has_few_keypoints():
    pattern, fibers = look_at(drawn("diffraction", 3))[0], look_at(drawn("fibers", 3))[0]
    assert pattern.is_diffraction
    assert not fibers.is_diffraction
    gray = np.zeros(3, np.float32)
    for inliers, fewest, is_diffraction, held_off in (
        (50, 200, True, "diffraction"), (27, 200, False, None), (85, 200, True, None),
        (20, 60, False, "plain"), (30, 60, False, None), (20, 39, False, "plain"), (22, 39, False, None),
    ):  # fmt: skip
        assert judge(*alike(inliers), (gray, gray), fewest, is_diffraction).held_off == held_off
    assert judge(*alike(9, 0.9), (gray, gray), 200).held_off == "plain"
    assert judge(*alike(9), (gray, gray), 200).held_off is None


def test_what_would_be_held_off_is_told_where_its_grain_agrees():
    gray = np.zeros(3, np.float32)
    aligned, agreement = alike(20)
    for residual, held_off in (
        (Residual(29.0, 1.5, 12, 1.0), None), (Residual(28.5, 2.3, 12, 1.0), "diffraction"),
        (Residual(29.0, 1.5, 12, 0.6), "diffraction"), (Residual(29.0, 1.5, 2, 1.0), "diffraction"),
        (Residual(20.0, 3.0, 12, 0.6, 37.5, 3.0), None), (Residual(20.0, 3.0, 12, 0.6, 36.5, 3.0), "diffraction"),
        (Residual(20.0, 3.0, 8, 1.0, 33.5, 3.0), None), (Residual(20.0, 3.0, 8, 1.0, 32.7, 3.0), "diffraction"),
        (Residual(20.0, 3.0, 12, 1.0, 31.5, 3.0), None), (Residual(20.0, 3.0, 12, 1.0, 30.5, 3.0), "diffraction"),
        (Residual(20.0, 3.0, 12, 1.0, 34.0, 4.4), "diffraction"),
        (Residual(20.0, 3.0, 2, 1.0, 34.0, 3.0), "diffraction"),
    ):  # fmt: skip
        closer = dataclasses.replace(agreement, residual=residual)
        assert judge(aligned, closer, (gray, gray), 200, is_diffraction=True).held_off == held_off
    plain = dataclasses.replace(agreement, residual=Residual(20.0, 3.0, 12, 1.0, 29.5, 3.0))
    assert judge(aligned, plain, (gray, gray), 60).held_off is None
    two_moments = dataclasses.replace(agreement, residual=Residual(14.2, 3.7, 16, 1.0, 25.5, 3.7))
    assert judge(aligned, two_moments, (gray, gray), 60).held_off == "plain"


@pytest.mark.parametrize(
    ("fine", "rival", "held_off"), [(18.0, 3.9, None), (17.0, 3.0, "periodic"), (18.0, 4.1, "periodic")]
)
def test_a_lattice_is_told_where_its_finest_detail_agrees(fine, rival, held_off):
    aligned, agreement = alike(20)
    residual = Residual(20.0, 3.0, 12, 1.0, fine, rival)
    lattice = dataclasses.replace(agreement, rival=0.97, residual=residual)
    gray = np.zeros(3, np.float32)
    assert judge(aligned, lattice, (gray, gray), 200).held_off == held_off


def test_different_diffraction_patterns_are_not_told():
    patterns = [drawn("diffraction", seed) for seed in range(5)]
    told = [verdict(one, other) for number, one in enumerate(patterns) for other in patterns[:number]]
    assert all(each.confidence < 0.5 or each.held_off for each in told)
