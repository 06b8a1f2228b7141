"""Names of units of length, and of what is no length."""

from __future__ import annotations

import pytest

from mirsearch.imaging.pixel_sizes.units import nm_per_unit


@pytest.mark.parametrize(
    ("names", "nm"),
    [
        ("nm NM Nm nanometer nanometers Nanometre nanometres NANOMETER nanomètre nanómetro nanometro 纳米", 1.0),
        ("µm μm um UM uM µM micron Microns MICRON micrometer micrometre micrometres Mikrometer micromètres 微米", 1e3),
        (r"\u00B5m \u00b5m \u03BCm \xb5m &micro;m Âµm Î¼m µ ㎛ micra", 1e3),
        (r"Å å A \u00C5 Angstrom angstroms Ångström angstroem ÅNGSTRÖM Ã…", 0.1),
        ("mm MM millimeter Millimetres milimetro", 1e6),
        ("cm CM centimetre", 1e7),
        ("m M meter metres mètre", 1e9),
        ("pm PM picometer picometre", 1e-3),
        ("in IN inch Inches", 2.54e7),
    ],
)
def test_lengths_in_any_case_and_spelling(names, nm):
    assert {name: nm_per_unit(name) for name in names.split()} == dict.fromkeys(names.split(), pytest.approx(nm))


@pytest.mark.parametrize("name", ["µm/pixel", "µm per pixel", " um/px ", "[µm]", "micron\0\0"])
def test_what_stands_around_a_unit_is_left_out(name):
    assert nm_per_unit(name) == 1e3


@pytest.mark.parametrize(
    "name",
    ["1/nm", "1/Å", "nm^-1", "nm⁻¹", "nm-1", "/nm", "nm/s", "s", "sec", "min", "ms", "deg", "°", "rad", "mrad", "eV",
     "px", "pixel", "pixels", "", "arb. units", "a.u.", "a", "K", "V", "µm²", "reference frame", "x" * 1000, None],
)  # fmt: skip
def test_what_is_no_length_is_none(name):
    assert nm_per_unit(name) is None
