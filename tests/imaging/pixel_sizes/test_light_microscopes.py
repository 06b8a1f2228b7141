"""Pixel sizes of OME, ImageJ, resolution tags, Aperio, MetaMorph, Micro-Manager and WiRE."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from mirsearch.imaging.images import read_pages
from mirsearch.imaging.pixel_sizes import pixel_size_nm
from tests.support.tiff_making import text_tag, write_page, write_pages


@pytest.mark.parametrize(
    ("unit", "per_unit", "nm"),
    [
        ("um", 200.0, 5),
        ("micron", 20.0, 50),
        ("Micrometre", 20.0, 50),
        ("NANOMETER", 0.5, 2),
        ("A", 0.05, 2),
        ("\\u00B5m", 20.0, 50),
        ("mm", 1000.0, 1000),
        ("mm", 45.6, 21930),
        # print, screen and scan
        ("inch", 72.0, None),
        ("inches", 300.0, None),
        ("Inch", 4800.0, None),
        ("cm", 118.11, None),
        ("cm", 28.35, None),
        ("mm", 11.811, None),
        ("mm", 2.835, None),
        ("mm", 3.78, None),
        ("millimetre", 47.244, None),
        # no lengths
        ("pixel", 20.0, None),
        ("sec", 20.0, None),
        ("1/nm", 20.0, None),
        ("degree", 20.0, None),
    ],
)
def test_imagej(tmp_path, unit, per_unit, nm):
    path = write_page(tmp_path, imagej=True, resolution=(per_unit, per_unit), metadata={"unit": unit})
    assert pixel_size_nm(path) == (None if nm is None else pytest.approx(nm, rel=1e-3))


def test_imagej_with_a_print_unit_and_a_fine_resolution_is_a_microscope(tmp_path):
    path = write_page(tmp_path, imagej=True, resolution=(154_321.0, 154_321.0), metadata={"unit": "cm"})
    assert pixel_size_nm(path) == pytest.approx(1e7 / 154_321)


@pytest.mark.parametrize(
    ("per_unit", "code", "unit", "nm"),
    [
        (72, 2, "micron", None),
        (118.11, 3, "micron", None),
        (100_000, 3, "micron", 100),
        # other programs write ImageJ's pixels per unit, but leave inch
        (5.93, 2, "micron", 168.6),
        (50, 2, "micron", 20),
        (41.8, 2, "nm", 0.0239),
    ],
)
def test_resolution_that_an_editor_wrote_is_not_in_imagejs_unit(tmp_path, per_unit, code, unit, nm):
    path = write_page(tmp_path, description=f"ImageJ=1.54f\nunit={unit}\n", resolution=(per_unit, per_unit),
                      resolutionunit=code)  # fmt: skip
    assert pixel_size_nm(path) == (None if nm is None else pytest.approx(nm, rel=1e-3))


def test_all_pages_of_a_stack_have_the_size_of_the_first(tmp_path):
    path = tmp_path / "stack.tif"
    options = {"axes": "ZYX", "unit": "um"}
    tifffile.imwrite(path, np.zeros((3, 8, 8), np.uint8), imagej=True, resolution=(10.0, 10.0), metadata=options)
    assert [page.nm_per_px for page in read_pages(path)] == [pytest.approx(100)] * 3


def ome(*images: str, attributes: str = "") -> str:
    namespace = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    return f'<?xml version="1.0"?><OME xmlns="{namespace}"{attributes}>{"".join(images)}</OME>'


def image(attributes: str, *data: str, size_z: int = 1) -> str:
    sizes = f'SizeX="64" SizeY="48" SizeC="1" SizeT="1" SizeZ="{size_z}"'
    return f"<Image><Pixels {sizes} {attributes}>{''.join(data)}</Pixels></Image>"


def ome_sizes(folder, xml: str, count: int, name: str = "image.ome.tif") -> list[float | None]:
    pages = [{"description": xml.encode()} if n == 0 else {} for n in range(count)]
    path = write_pages(folder / name, pages)
    return [pixel_size_nm(path, n) for n in range(count)]


def test_each_image_of_ome_has_its_own_size(tmp_path):
    label = image('PhysicalSizeX="10"', '<TiffData IFD="0" PlaneCount="1"/>')
    field = image('PhysicalSizeX="250" PhysicalSizeXUnit="nm"', '<TiffData IFD="1" PlaneCount="2"/>', size_z=2)
    bare = image("", '<TiffData IFD="3"/>')
    assert ome_sizes(tmp_path, ome(label, field, bare), 4) == [10_000, 250, 250, None]


def test_tiffdata_in_any_order_and_without_numbers(tmp_path):
    first = image('PhysicalSizeX="1"', '<TiffData IFD="2" FirstZ="1"/><TiffData IFD="0" FirstZ="0"/>', size_z=2)
    second = image('PhysicalSizeX="2"', '<TiffData IFD="1" FirstZ="0"/>')
    assert ome_sizes(tmp_path, ome(first, second), 3) == [1000, 2000, 1000]
    whole = image('PhysicalSizeX="3"', "<TiffData/>", size_z=3)
    assert ome_sizes(tmp_path, ome(whole), 3) == [3000] * 3
    assert ome_sizes(tmp_path, ome(image('PhysicalSizeX="3"')), 2) == [3000] * 2


def test_pages_of_other_files_of_a_set_do_not_count(tmp_path):
    there = '<TiffData IFD="0" PlaneCount="1"><UUID FileName="{}">urn:uuid:{}</UUID></TiffData>'
    xml = ome(image('PhysicalSizeX="1"', there.format("a.ome.tif", 1)),
              image('PhysicalSizeX="2"', there.format("b.ome.tif", 2)), attributes=' UUID="urn:uuid:2"')  # fmt: skip
    assert ome_sizes(tmp_path, xml, 1, "b.ome.tif") == [2000]
    assert ome_sizes(tmp_path, xml, 1, "renamed.ome.tif") == [2000]


@pytest.mark.parametrize(
    "attributes",
    ['PhysicalSizeX="352.7777"', 'PhysicalSizeX="1" PhysicalSizeXUnit="pixel"', 'PhysicalSizeX="0"',
     'PhysicalSizeX="1" PhysicalSizeXUnit="reference frame"', 'PhysicalSizeX="x"', 'PhysicalSizeX="-2"'],
)  # fmt: skip
def test_what_is_no_length_per_pixel_in_ome(tmp_path, attributes):
    assert ome_sizes(tmp_path, ome(image(attributes, "<TiffData/>")), 1) == [None]


def test_a_resized_copy_of_an_ome_plane_follows_and_a_crop_has_none(tmp_path):
    for size, nm in (((32, 24), 2000), ((64, 30), 1000), ((40, 40), None)):
        path = write_page(tmp_path, size=size, description=ome(image('PhysicalSizeX="1"', "<TiffData/>")).encode())
        assert pixel_size_nm(path) == nm


def test_entities_of_ome_xml_are_not_resolved(tmp_path):
    bomb = ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "0.1"><!ENTITY b "&a;&a;">]>'
            '<OME><Image><Pixels PhysicalSizeX="&b;"/></Image></OME>')  # fmt: skip
    assert ome_sizes(tmp_path, bomb, 1) == [None]


@pytest.mark.parametrize(
    ("resolution", "unit", "nm"),
    [
        ((72, 72), 2, None),
        ((300, 300), 2, None),
        ((12000, 12000), 2, None),
        ((1, 1), 1, None),
        ((3_000_000, 3_000_000), 3, 3.333333),
        ((10 / 0.65e-3, 10 / 0.65e-3), 3, 650),
        ((20_000, 20_000), 3, 500),
        ((10_000, 10_000), 3, 1000),
        # scanners, also with whole dots per cm
        ((6400, 6400), 2, None),
        ((14400, 14400), 2, None),
        ((2519, 2519), 3, None),
        ((5669, 5669), 3, None),
        ((7559, 7559), 3, None),
        # sensors of cameras
        *(((1e4 / pitch, 1e4 / pitch), 3, None) for pitch in (1.67, 1.85, 2.4, 3.45, 4.65, 5.86, 6.45, 6.5, 9.0)),
        # overflows, and sides that differ
        (((2**32 - 1, 1), (2**32 - 1, 1)), 3, None),
        (((2**32 - 1, 1000), (2**32 - 1, 1000)), 3, None),
        ((100_000, 300_000), 3, None),
    ],
)
def test_resolution_only_where_it_means_a_microscope(tmp_path, resolution, unit, nm):
    path = write_page(tmp_path, resolution=resolution, resolutionunit=unit)
    assert pixel_size_nm(path) == (None if nm is None else pytest.approx(nm, rel=1e-4))


def test_aperio(tmp_path):
    base = "Aperio Image Library v11\r\n6400x4800 [0,0 640x480] (256x256) J2K|AppMag = 20|MPP = 0.4990|Left = 25"
    small = "Aperio Image Library v11\r\n6400x4800 [0,0 640x480] (256x256) -> 64x48 - |AppMag = 20|MPP = 0.4990"
    label = "Aperio Image Library v11\r\nlabel 387x463"
    pages = [{"size": (640, 480), "description": base}, {"description": small},
             {"size": (387, 463), "description": label, "subfiletype": 1}]  # fmt: skip
    path = write_pages(tmp_path / "slide.svs", pages)
    assert [pixel_size_nm(path, n) for n in range(3)] == [pytest.approx(499), pytest.approx(4990), None]


def test_a_part_cut_out_of_a_slide_keeps_its_pixels(tmp_path):
    cut = "Aperio Image Library v11\r\n46000x32914 [0,100 46000x32814] (256x256) J2K|AppMag = 20|MPP = 0.4990"
    assert pixel_size_nm(write_page(tmp_path, description=cut)) == pytest.approx(499)
    smaller = cut.replace(" J2K", " -> 1024x732 - ")
    assert pixel_size_nm(write_page(tmp_path, description=smaller)) is None


def test_smaller_levels_have_larger_pixels(tmp_path):
    description = "Aperio Image Library v11\r\n640x480|MPP = 0.25"
    pages = [{"size": (640, 480), "description": description, "tile": (64, 64)},
             {"size": (160, 120), "tile": (64, 64)}, {"size": (200, 300), "tile": (64, 64)}]  # fmt: skip
    path = write_pages(tmp_path / "slide.tif", pages)
    assert [pixel_size_nm(path, n) for n in range(3)] == [pytest.approx(250), pytest.approx(1000), None]


@pytest.mark.parametrize(("state", "unit", "nm"), [("on", "um", 161.3), ("off", "um", None), ("on", "pixels", None)])
def test_metamorph(tmp_path, state, unit, nm):
    props = "".join(
        f'<prop id="spatial-calibration-{key}" type="x" value="{value}"/>'
        for key, value in {"state": state, "x": "0.1613", "y": "0.1613", "units": unit}.items()
    )
    path = write_page(tmp_path, description=f"<MetaData><PlaneInfo>{props}</PlaneInfo></MetaData>")
    assert pixel_size_nm(path) == (None if nm is None else pytest.approx(nm))


@pytest.mark.parametrize(("microns", "nm"), [(0.325, 650), (0, None)])
def test_micro_manager(tmp_path, microns, nm):
    path = write_page(tmp_path, text_tag(51123, json.dumps({"PixelSizeUm": microns, "Width": 128, "Height": 96})))
    assert pixel_size_nm(path) == (None if nm is None else pytest.approx(nm))


def wire_exif(maker: str = "Renishaw") -> Image.Exif:
    exif = Image.Exif()
    exif[271] = maker
    exif.get_ifd(34665).update({41486: 128.0, 41487: 96.0, 41488: 5})
    return exif


def test_field_of_view_of_wire_and_no_camera(tmp_path):
    picture = Image.new("L", (64, 48), 90)
    picture.save(tmp_path / "wire.jpg", exif=wire_exif())
    picture.save(tmp_path / "camera.jpg", exif=wire_exif("Canon"))
    picture.resize((32, 24)).save(tmp_path / "half.jpg", exif=wire_exif())
    sizes = [next(read_pages(tmp_path / f"{name}.jpg")).nm_per_px for name in ("wire", "camera", "half")]
    assert sizes == [pytest.approx(2000), None, pytest.approx(4000)]


def test_field_of_view_of_wire_in_tiffs(tmp_path):
    field = (65185, 12, 2, (64.0, 48.0), True)
    assert pixel_size_nm(write_page(tmp_path, field)) == pytest.approx(1000)
    assert pixel_size_nm(write_page(tmp_path, text_tag(271, "Renishaw"))) is None


def test_dots_per_m_of_png_and_bmp_never_count(tmp_path):
    for suffix in ("png", "bmp", "jpg"):
        path = tmp_path / f"fine.{suffix}"
        Image.new("L", (64, 48)).save(path, dpi=(254_000, 254_000) if suffix != "jpg" else (60_000, 60_000))
        assert next(read_pages(path)).nm_per_px is None
