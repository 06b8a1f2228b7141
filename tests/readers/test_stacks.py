"""What the planes of a stack become: one figure with an image for each channel, projection, moment and position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from mirsearch.corpus import Figure
from mirsearch.errors import ImageError, UsageError
from mirsearch.imaging.images import content_hash
from mirsearch.readers.base import Plane
from mirsearch.readers.figures import FileFigure, open_figures
from mirsearch.readers.originals import OriginalImages
from mirsearch.readers.rendering import channel_colors, merge_channels, project, samples_to_pixels
from mirsearch.readers.selection import Selection, first_middle_last, parse_selection, split_location
from mirsearch.readers.stacks import plan_images
from mirsearch.readers.tiff.reader import TiffReader
from mirsearch.settings import LIMITS, Limits
from tests.support.formats_needed import format_or_skip


def field(seed: int, side: int = 48) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(100, 4000, (side, side), np.uint16)


def figures_of(
    path: Path, pages: str | None = None, projection: str = "max", page: int | None = None
) -> list[FileFigure]:
    with open_figures(path, parse_selection(pages, projection), page=page) as figures:
        return [figure for figure in figures if [image.read(lambda plane: None) for image in figure.images]]


def headings(figure: FileFigure) -> list[str]:
    return [image.panel.heading for image in figure.images if image.panel is not None]


def write_channels(path: Path) -> NDArray[np.uint16]:
    """Write a z-stack of 3 planes with 4 channels as OME-TIFF, 65 nm a pixel."""
    stack = np.stack([np.stack([field(10 * z + c) for c in range(4)]) for z in range(3)])
    told = {"Name": ["DAPI", "GFP", "mCherry", "Phase"]}
    metadata = {"axes": "ZCYX", "PhysicalSizeX": 65.0, "PhysicalSizeXUnit": "nm", "Channel": told}
    tifffile.imwrite(path, stack, metadata=metadata)
    return stack


def test_channels_of_one_field_become_their_merge_and_each_channel(tmp_path: Path) -> None:
    stack = write_channels(tmp_path / "a.ome.tif")
    (figure,) = figures_of(tmp_path / "a.ome.tif")
    assert headings(figure) == ["Merge", "DAPI", "GFP", "mCherry", "Phase"]
    assert figure.number == 0
    assert {image.nm_per_px for image in figure.images} == {65.0}
    with open_figures(tmp_path / "a.ome.tif") as figures:
        images = next(figures).images
        blue = images[1].read(lambda plane: None)
        assert (blue == samples_to_pixels(stack[:, 0].max(axis=0))).all()
        merged = images[0].read(lambda plane: None)
    assert (merged[:, :, 2] >= blue[:, :, 2]).all()
    assert not (merged[:, :, 0] == merged[:, :, 2]).all()


def test_fluorescence_where_the_file_says_so(tmp_path: Path) -> None:
    stack = np.stack([field(1), field(2)])
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels DimensionOrder="XYCZT" ID="Pixels:0" SizeC="2" SizeT="1" SizeX="48" SizeY="48" SizeZ="1" '
        'Type="uint16">'
        '<Channel ID="Channel:0:0" SamplesPerPixel="1" Name="DAPI" EmissionWavelength="460" Color="65535"/>'
        '<Channel ID="Channel:0:1" SamplesPerPixel="1" ContrastMethod="Phase"/><TiffData IFD="0" PlaneCount="2"/>'
        "</Pixels></Image></OME>"
    )
    tifffile.imwrite(tmp_path / "a.tif", stack, description=xml, metadata=None)
    (figure,) = figures_of(tmp_path / "a.tif")
    told = [(image.panel.heading, image.panel.technique) for image in figure.images if image.panel]
    assert told == [("Merge", None), ("DAPI", "fluorescence"), ("channel 2", "optical")]


def test_a_depth_is_projected(tmp_path: Path) -> None:
    stack = np.stack([field(seed) for seed in range(5)])
    tifffile.imwrite(
        tmp_path / "z.tif", stack, imagej=True, metadata={"axes": "ZYX", "unit": "um"}, resolution=(10, 10)
    )
    for projection, wanted in (("max", stack.max(axis=0)), ("min", stack.min(axis=0)), ("middle", stack[2])):
        (figure,) = figures_of(tmp_path / "z.tif", projection=projection)
        assert len(figure.images) == 1
        assert figure.images[0].nm_per_px == pytest.approx(100.0)
        with open_figures(tmp_path / "z.tif", parse_selection(None, projection)) as figures:
            assert (next(figures).pixels() == samples_to_pixels(wanted)).all()
    assert project(iter(stack), "mean") == pytest.approx(stack.mean(axis=0))


def test_of_a_series_the_first_middle_and_last_are_shown(tmp_path: Path) -> None:
    series = np.stack([field(seed, 16) for seed in range(61)])
    tifffile.imwrite(tmp_path / "t.tif", series, metadata=None)
    (figure,) = figures_of(tmp_path / "t.tif")
    assert headings(figure) == ["t 1", "t 31", "t 61"]
    (chosen,) = figures_of(tmp_path / "t.tif", "1,5,61")
    assert headings(chosen) == ["page 1", "page 5", "page 61"]
    (every,) = figures_of(tmp_path / "t.tif", "all")
    assert len(every.images) == 61
    (alone,) = figures_of(tmp_path / "t.tif", page=4)
    assert (alone.number, len(alone.images), alone.fragment) == (4, 1, "")
    with pytest.raises(ImageError, match="has no page 62"):
        figures_of(tmp_path / "t.tif", page=61)


def test_pages_that_are_no_stack_stay_figures_of_their_own(tmp_path: Path) -> None:
    rgb = [Image.fromarray(np.random.default_rng(at).integers(0, 255, (20, 30, 3), np.uint8)) for at in range(30)]
    rgb[0].save(tmp_path / "pages.tif", save_all=True, append_images=rgb[1:3])
    assert [figure.number for figure in figures_of(tmp_path / "pages.tif")] == [0, 1, 2]
    assert [figure.number for figure in figures_of(tmp_path / "pages.tif", "3,1")] == [0, 2]
    rgb[0].save(tmp_path / "many.tif", save_all=True, append_images=rgb[1:])
    taken = figures_of(tmp_path / "many.tif")
    assert [figure.number for figure in taken] == list(range(24))
    assert [bool(figure.note) for figure in taken] == [False] * 23 + [True]
    assert len(figures_of(tmp_path / "many.tif", "all")) == 30


def test_a_slide_is_read_at_a_level_near_2000_px(tmp_path: Path) -> None:
    side = 4608
    with tifffile.TiffWriter(tmp_path / "a.svs", bigtiff=True) as file:
        for factor in (1, 2, 8):
            pixels = np.full((side // factor, side // factor, 3), 60 * (factor % 3) + 40, np.uint8)
            description = "Aperio Image Library\n|MPP = 0.25|AppMag = 40" if factor == 1 else ""
            file.write(pixels, tile=(512, 512), compression="zlib", photometric="rgb", description=description,
                       metadata=None, subfiletype=0 if factor == 1 else 1)  # fmt: skip
    (figure,) = figures_of(tmp_path / "a.svs")
    assert (figure.width, figure.height) == (side // 2, side // 2)
    assert figure.images[0].nm_per_px == pytest.approx(500.0)


@pytest.mark.parametrize("layout", ["rows", "tiles", "strips"])
def test_a_page_too_large_to_decode_is_read_in_pieces(tmp_path: Path, layout: str) -> None:
    side = 300
    y, x = np.mgrid[:side, :side]
    pixels = (2000 + 900 * np.sin(y / 60) + 900 * np.cos(x / 45)).astype(np.uint16)
    options = {"rows": {}, "tiles": {"tile": (48, 48), "compression": "zlib"},
               "strips": {"rowsperstrip": 7, "compression": "zlib"}}[layout]  # fmt: skip
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", metadata=None, **options)
    limits = Limits(image_pixels=side * side - 1, plane_side=100)
    with TiffReader().open(tmp_path / "a.tif", limits) as file:
        assert (file.planes[0].width, file.planes[0].height) == (100, 100)
        reduced = file.samples(0)
    wanted = pixels.reshape(100, 3, 100, 3).mean(axis=(1, 3))
    assert np.abs(reduced - wanted).max() < (1 if layout == "rows" else 60)


def test_deep_colors_with_lzw_keep_their_tones(tmp_path: Path) -> None:
    format_or_skip("imagecodecs")
    ramp = np.linspace(0, 3000, 64 * 64).reshape(64, 64)
    pixels = np.stack([ramp, ramp[::-1], ramp], axis=2).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", compression="lzw")
    (figure,) = figures_of(tmp_path / "a.tif")
    with open_figures(tmp_path / "a.tif") as figures:
        shown = next(figures).pixels()
    assert len(np.unique(shown[:, :, 0])) > 200
    assert figure.images[0].panel is None


def plane(**places: int | None) -> Plane:
    return Plane(10, 10, **places)  # type: ignore[arg-type]


def test_no_more_images_than_the_limit() -> None:
    planes = [plane(channel=c, t=t, position=p) for p in range(9) for t in range(9) for c in range(4)]
    plan = plan_images(planes, Selection(), LIMITS)
    assert len(plan.images) == 20  # four fields of a merge and four channels
    assert "4 of 81" in plan.note
    many = plan_images([plane(channel=c) for c in range(40)], Selection(), LIMITS)
    assert len(many.images) == 24
    assert "17 channels were left out" in many.note
    assert len(plan_images(planes, Selection("all"), Limits(image_pages=7)).images) == 7


def test_detectors_of_electrons_are_not_merged() -> None:
    planes = [Plane(10, 10, channel=at, channel_name=name, technique="STEM") for at, name in enumerate(("HAADF", "BF"))]
    assert [image.heading for image in plan_images(planes, Selection(), LIMITS).images] == ["HAADF", "BF"]


def test_a_panel_of_a_stack_is_cut_from_its_file_again(tmp_path: Path) -> None:
    stack = write_channels(tmp_path / "a.ome.tif")
    (figure,) = figures_of(tmp_path / "a.ome.tif")
    from mirsearch.corpus import Origin, figure_id

    own = Figure(
        figure_id(content_hash(tmp_path / "a.ome.tif")), figure.width, figure.height,
        origins=(Origin("folder", f"{tmp_path / 'a.ome.tif'}{figure.fragment}"),),
    )  # fmt: skip
    pixels, state = OriginalImages().crop(own, figure.images[2].box)
    assert state == "same"
    assert pixels is not None
    assert (pixels == samples_to_pixels(stack[:, 1].max(axis=0))).all()


def test_selections_in_locations() -> None:
    for selection in (Selection(), Selection("all"), Selection((0, 4), "mean"), Selection(images=3)):
        assert split_location(f"/a/b#c.tif{selection.fragment}") == ("/a/b#c.tif", selection)
    assert split_location("/a/b.pdf#page=3") == ("/a/b.pdf#page=3", None)
    assert parse_selection(" 1, 5,5").pages == (0, 4)
    for wrong in ("0", "a", "1,,2", "-1", "1-5"):
        with pytest.raises(UsageError):
            parse_selection(wrong)
    with pytest.raises(UsageError, match="median"):
        parse_selection(None, "median")
    assert [first_middle_last(range(600)), first_middle_last([7]), first_middle_last([1, 2])] == [
        [0, 300, 599],
        [7],
        [1, 2],
    ]


def test_colors_of_channels() -> None:
    assert channel_colors(["DAPI", "GFP", "mCherry"], [None] * 3) == [(0, 0, 255), (0, 255, 0), (255, 0, 0)]
    assert channel_colors(["a", "b"], [(255, 0, 0), (0, 0, 255)]) == [(255, 0, 0), (0, 0, 255)]
    assert len(set(channel_colors([""] * 6, [None] * 6))) == 6
    gray = np.full((2, 2, 3), 200, np.uint8)
    assert (merge_channels([gray, gray], [(255, 0, 0), (0, 255, 0)])[0, 0] == (200, 200, 0)).all()
