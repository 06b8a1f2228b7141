"""Pixel sizes in TIFFs of Zeiss, FEI, DigitalMicrograph, JEOL, TVIPS, Tescan and Olympus SIS."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from mirsearch.imaging.images import picture_size, read_pages
from mirsearch.imaging.pixel_sizes import pixel_size_nm
from tests.support.tiff_making import number_tag, text_tag, write_page, write_pages


def smartsem(header: float = 0.0, **values: str) -> tuple:
    """Return tag 34118: numbers without a name, the fourth of them the header's, then a key and its value by line."""
    lines = ["0", "0", "0", str(header), *["0"] * 32]
    for key, value in values.items():
        lines += [key, f"Some name = {value}"]
    return text_tag(34118, ("\r\n".join(lines) + "\r\n").encode("latin-1"))


@pytest.mark.parametrize(
    ("size", "header", "values", "nm"),
    [
        # what the picture itself has
        ((64, 48), 0, {"AP_IMAGE_PIXEL_SIZE": "2.5 nm"}, 2.5),
        ((64, 48), 0, {"AP_IMAGE_PIXEL_SIZE": "830.2 pm"}, 0.8302),
        ((64, 48), 0, {"AP_IMAGE_PIXEL_SIZE": "1.25 µm"}, 1250),
        # the screen's pixels are no picture's: whole pictures of other widths have others
        ((512, 384), 5.824988e-9, {"AP_PIXEL_SIZE": "5.825 nm", "AP_WIDTH": "5.965 µm"}, 11.65),
        ((512, 384), 5.824988e-9, {"AP_PIXEL_SIZE": "5.825 nm"}, 11.65),
        ((2048, 16), 2.465245e-8, {"AP_PIXEL_SIZE": "24.65 nm", "DP_IMAGE_STORE": "2048 * 1536"}, 12.326),
        ((64, 48), 0, {"AP_WIDTH": "6.4 um"}, 100),
        ((64, 48), 0, {"AP_PIXEL_SIZE": "10 nm", "AP_WIDTH": "10.24 µm"}, 160),
        ((1024, 16), 1.25e-8, {}, 12.5),
        # zero means absent
        ((1024, 16), 1.25e-8, {"AP_IMAGE_PIXEL_SIZE": "0.0 nm", "AP_PIXEL_SIZE": "12.5 nm"}, 12.5),
        ((64, 48), 0, {"AP_IMAGE_PIXEL_SIZE": "0 nm", "AP_PIXEL_SIZE": "0 nm"}, None),
        # a resized copy follows, a crop that keeps the width stays, other crops have none
        ((256, 192), 0, {"AP_IMAGE_PIXEL_SIZE": "5 nm", "DP_IMAGE_STORE": "1024 * 768"}, 20),
        ((1024, 700), 0, {"AP_IMAGE_PIXEL_SIZE": "5 nm", "DP_IMAGE_STORE": "1024 * 768"}, 5),
        ((300, 300), 0, {"AP_IMAGE_PIXEL_SIZE": "5 nm", "DP_IMAGE_STORE": "1024 * 768"}, None),
        # no lengths
        ((64, 48), 0, {"AP_IMAGE_PIXEL_SIZE": "5 V"}, None),
        ((64, 48), 0, {"AP_MAG": "10.00 K X"}, None),
    ],
)
def test_zeiss(tmp_path, size, header, values, nm):
    path = write_page(tmp_path, smartsem(header, **values), size=size)
    assert pixel_size_nm(path) == (None if nm is None else pytest.approx(nm, rel=1e-3))


def test_zeiss_without_a_size_does_not_fall_back_on_dots_per_inch(tmp_path):
    path = write_page(tmp_path, smartsem(AP_MAG="1"), resolution=(1e6, 1e6), resolutionunit="CENTIMETER")
    assert pixel_size_nm(path) is None


SCAN = "[Beam]\r\nBeam=EBeam\r\nScan=EScan\r\n[EBeam]\r\nHFW=3.2e-006\r\nVFW=2.4e-006\r\n"


@pytest.mark.parametrize("code", [34680, 34682])
@pytest.mark.parametrize(
    ("text", "nm"),
    [
        ("[Scan]\r\nPixelWidth=1.25e-009\r\nPixelHeight=1.25e-009\r\n", 1.25),
        ("[IScan]\r\nPixelWidth=9e-9\r\n[Beam]\r\nScan=EScan\r\n[EScan]\r\nPixelWidth=2e-9\r\n", 2),
        (f"{SCAN}[Image]\r\nResolutionX=64\r\nResolutionY=48\r\n", 50),
        ("[Scan]\nPixelWidth=4e-9\n[Image]\nResolutionX=64\nResolutionY=45\n", 4),
        ("[Scan]\nPixelWidth=4e-9\n[Image]\nResolutionX=128\nResolutionY=96\n", 8),
        ("[Scan]\nPixelWidth=4e-9\n[Image]\nResolutionX=1024\nResolutionY=884\n", None),
        ("[Scan]\nPixelWidth=0\nPixelHeight=0\n", None),
        ("[User]\nDate=1\n", None),
    ],
)
def test_fei_text(tmp_path, code, text, nm):
    path = write_page(tmp_path, text_tag(code, text), resolution=(1e6, 1e6), resolutionunit="CENTIMETER")
    assert pixel_size_nm(path) == (None if nm is None else pytest.approx(nm))


def test_a_resized_fei_picture_with_its_databar_follows(tmp_path):
    text = "[Scan]\nPixelWidth=4e-9\n[Image]\nResolutionX=1024\nResolutionY=884\n"
    assert pixel_size_nm(write_page(tmp_path, text_tag(34682, text), size=(512, 472))) == pytest.approx(8)


STAGE = '<StagePosition><X unit="m">0.000123</X></StagePosition>'


@pytest.mark.parametrize("code", [34680, 34682, 34683])
@pytest.mark.parametrize(
    ("xml", "nm"),
    [
        (f'<M>{STAGE}<PixelSize><X unit="m">2.5E-09</X><Y unit="m">2.5E-09</Y></PixelSize></M>', 2.5),
        (f'<M xmlns="urn:x">{STAGE}<PixelSize><X unit="nm">7</X></PixelSize></M>', 7),
        (f"<M>{STAGE}</M>", None),
        (f'<M>{STAGE}<PixelSize><X unit="1/m">2.5E9</X></PixelSize></M>', None),
        ('<FeiImage><pixelWidth unit="nm">52.6</pixelWidth><pixelHeight unit="nm">52.6</pixelHeight></FeiImage>', 52.6),
        ('<FeiImage><pixelWidth unit="um">0.0526</pixelWidth></FeiImage>', 52.6),
        ("<FeiImage><pixelWidth>52.6e-9</pixelWidth></FeiImage>", 52.6),
        ("<R><B><ImageSize><X>128</X><Y>96</Y></ImageSize><PixelSize><X>1e-9</X></PixelSize></B></R>", 2),
        ('<!DOCTYPE x [<!ENTITY a "2e-9">]><M><PixelSize><X>&a;</X></PixelSize></M>', None),
        ("<M><PixelSize><X>2e-9", None),
    ],
)
def test_fei_xml(tmp_path, code, xml, nm):
    path = write_page(tmp_path, text_tag(code, f'<?xml version="1.0" encoding="utf-8"?>\n{xml}'))
    assert pixel_size_nm(path) == (None if nm is None else pytest.approx(nm))


def test_fei_finds_its_text_in_any_of_its_tags(tmp_path):
    xml = '<M><PixelSize><X unit="m">2.5E-09</X></PixelSize></M>'
    assert pixel_size_nm(write_page(tmp_path, text_tag(34682, " "), text_tag(34683, xml))) == pytest.approx(2.5)
    assert pixel_size_nm(write_page(tmp_path, text_tag(34682, "[User]\n"), text_tag(34683, xml))) == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("symbol", "name", "nm"),
    [("µm", "micrometer", 168.7), ("nm", "nanometer", 0.1687), ("", "micrometer", 168.7), ("1/nm", "1/nanometer", None),
     ("eV", "electronvolt", None), ("s", "second", None), ("", "", None)],
)  # fmt: skip
def test_digital_micrograph(tmp_path, symbol, name, nm):
    tags = [number_tag(65009, 0.1687), number_tag(65010, 0.1687), text_tag(65003, symbol.encode("latin-1")),
            text_tag(65004, symbol.encode("latin-1")), text_tag(65012, name), text_tag(65013, name)]  # fmt: skip
    path = write_page(tmp_path, *tags, resolution=(1e6, 1e6), resolutionunit="CENTIMETER")
    assert pixel_size_nm(path) == (None if nm is None else pytest.approx(nm))


def jeol(mode: str, eos: str, value: str, unit: str) -> str:
    return (
        f"<TemReporter>\r\n<Eos><EosMode>{eos}</EosMode></Eos><ImageFormingSystem><ModeString>{mode}</ModeString>"
        f"<SelectorValue>{value}</SelectorValue><SelectorUnitString>{unit}</SelectorUnitString>"
        "</ImageFormingSystem></TemReporter>"
    )


@pytest.mark.parametrize(
    ("description", "nm"),
    [
        (jeol("MAG", "eosTEM", "150000", "X"), 25.4e6 / 93 / 150_000),
        (jeol("SAMAG", "eosTEM", "8000", "X"), 25.4e6 / 93 / 8000),
        (jeol("DIFF", "eosTEM", "400", "mm"), None),
        (jeol("MAG", "eosASID", "400000", "X"), None),
        (jeol("MAG", "eosTEM", "0", "X"), None),
        ("<TemReporter>", None),
        ("", None),
    ],
)
def test_jeol_tem(tmp_path, description, nm):
    path = write_page(tmp_path, text_tag(271, "JEOL Ltd."), description=description, resolution=(93, 93),
                      resolutionunit="INCH")  # fmt: skip
    assert pixel_size_nm(path) == (None if nm is None else pytest.approx(nm))


@pytest.mark.parametrize(("mode", "nm"), [(0, 1.42), (3, None)])
def test_tvips(tmp_path, mode, nm):
    first = np.zeros(1, np.dtype(tifffile.TIFF.TVIPS_HEADER_V1))
    second = np.zeros(1, np.dtype(tifffile.TIFF.TVIPS_HEADER_V2))
    first["Version"], second["Magic"] = 2, 0xAAAAAAAA
    second["PixelSizeX"], second["PixelSizeY"], second["TemMode"] = 1.42, 1.42, mode
    second["ImageSizeX"], second["ImageSizeY"] = 64, 48
    data = first.tobytes() + second.tobytes()
    path = write_page(tmp_path, (37706, 4, len(data) // 4, struct.unpack(f"<{len(data) // 4}I", data), True))
    assert pixel_size_nm(path) == (None if nm is None else pytest.approx(nm))


def test_tescan(tmp_path):
    text = b"\x01\x00\x07[MAIN]\r\nDevice=MIRA3\r\nPixelSizeX=5.4e-009\r\nPixelSizeY=5.4e-009\r\n\x00[SEM]\r\nHV=1\r\n"
    assert pixel_size_nm(write_page(tmp_path, (50431, 1, len(text), text, True))) == pytest.approx(5.4)


def sis_tag(nm: float, at: int) -> tuple[bytes, bytes]:
    """Return tag 33560 of Olympus SIS and what its entry points to, at this place of the file."""
    head = struct.pack("<4s6xhhhhh6x32sH", b"SIS0", 0, 0, 1, 0, 120, b"", 1) + struct.pack("<hhI", 1, 1, at)
    return head, struct.pack("<10xhdd8xd2x34s32s", -9, nm, nm, 600_000.0, b"camera", b"")


def write_sis(folder: Path, *pages: tuple[int, bool]) -> Path:
    """Write pages of these widths, those marked with the tag of Olympus SIS: 0.0239 nm per px."""
    empty = (33560, 7, 68, b"\0" * 68, True)
    path = write_pages(folder / "sis.tif", [{"tags": [empty] if tagged else [], "size": (width, width * 3 // 4)}
                                            for width, tagged in pages])  # fmt: skip
    with tifffile.TiffFile(path) as tiff:
        places = [page.tags[33560].valueoffset for page in tiff.pages if 33560 in page.tags]
    data = bytearray(path.read_bytes())
    head, block = sis_tag(0.0239, len(data))
    for at in places:
        data[at : at + len(head)] = head
    path.write_bytes(bytes(data) + block)
    return path


@pytest.mark.parametrize(
    ("pages", "figures"),
    [
        ([(64, False), (64, True)], [1]),
        ([(32, False), (64, True)], [1]),
        ([(64, True), (32, False)], [0]),
        ([(64, True)], [0]),
        ([(64, True), (64, False), (64, False)], [0, 1, 2]),  # planes of a stack
        ([(128, False), (64, True)], [0, 1]),
    ],
)
def test_olympus_size_of_the_page_that_has_it_and_no_figure_of_the_preview(tmp_path, pages, figures):
    path = write_sis(tmp_path, *pages)
    found = list(read_pages(path))
    assert [page.number for page in found] == figures
    assert found[-1].nm_per_px == pytest.approx(0.0239)
    assert picture_size(path) == (pages[figures[0]][0], pages[figures[0]][0] * 3 // 4)


def test_pages_of_olympus_without_any_size_are_all_figures(tmp_path):
    make = text_tag(271, "Olympus Soft Imaging Solutions")
    path = write_pages(tmp_path / "sis.tif", [{"tags": [make]}, {"tags": [make]}])
    assert [page.number for page in read_pages(path)] == [0, 1]


def test_a_pixel_that_is_not_square_has_its_width_also_in_pictures_lying_on_their_side(tmp_path):
    text = "[Scan]\nPixelWidth=4e-9\nPixelHeight=8e-9\n"
    upright, sideways = (write_page(tmp_path, text_tag(34682, text), (274, 3, 1, turn, True)) for turn in (1, 1))
    assert pixel_size_nm(upright) == pytest.approx(4)
    sideways = write_page(tmp_path, text_tag(34682, text), (274, 3, 1, 6, True))
    assert pixel_size_nm(sideways) == pytest.approx(8)
    assert math.isclose(next(read_pages(sideways)).nm_per_px or 0, 8)
