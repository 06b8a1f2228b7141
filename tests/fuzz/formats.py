"""Parsers of microscopes' files, and of archives with pictures."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from mirsearch.errors import MirsearchError
from mirsearch.readers.figures import open_figures
from mirsearch.sources.archive_contents import unpack
from tests.fuzz.target import Target
from tests.fuzz.texts import FOLDER
from tests.support.format_writing import write_czi, write_dm, write_lif, write_ser

SUFFIXES = {b"\0\0\0\3": ".dm3", b"\0\0\0\4": ".dm4", b"II\x97\1": ".ser", b"ZISR": ".czi", b"p\0\0\0": ".lif"}
CZI_XML = "<ImageDocument><Metadata><Scaling><Items><Distance Id='X'><Value>1e-8</Value></Distance></Items></Scaling>"


def microscope_files(data: bytes) -> None:
    path = FOLDER / f"stack{SUFFIXES.get(data[:4], '.mrc')}"
    path.write_bytes(data)
    with open_figures(path) as figures:
        for figure in figures:
            with suppress(MirsearchError):
                figure.pixels()
    path.unlink()


def archives(data: bytes) -> None:
    path, folder = FOLDER / ("a.zip" if b"PK" in data[:4] else "a.tar"), FOLDER / "unpacked"
    path.write_bytes(data)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    unpack(path, folder)
    assert all(folder in place.resolve().parents for place in folder.rglob("*"))


def _stack_seeds() -> tuple[bytes, ...]:
    samples = np.arange(2 * 12 * 16).reshape(2, 12, 16)
    header = np.zeros(256, "<i4")
    header[:10], header[10:13] = (16, 12, 2, 1, 0, 0, 0, 16, 12, 2), np.array((160, 120, 20), "<f4").view("<i4")
    header[52] = int.from_bytes(b"MAP ", "little")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [
            write_dm(folder / "a.dm3", samples[0].astype(np.uint8)),
            write_dm(folder / "a.dm4", samples.astype(np.int16), version=4),
            write_ser(folder / "a.ser", samples.astype(np.uint16), 1e-9),
            write_czi(folder / "a.czi", {(0, 0): samples[0].astype(np.uint8)}, CZI_XML + "</Metadata></ImageDocument>"),
            write_lif(folder / "a.lif", samples.astype(np.uint8), 1e-6, ("Green", "Gray")),
        ]
        return (*(path.read_bytes() for path in paths), header.tobytes() + samples.astype(np.int16).tobytes())


def _archive_seeds() -> tuple[bytes, ...]:
    picture, packed, archived = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.new("L", (9, 9), 7).save(picture, "PNG")
    members = {
        "a/b.png": picture.getvalue(),
        "captions.csv": b"file,caption\nb.png,x\n",
        "../c.png": picture.getvalue(),
    }
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    with tarfile.open(fileobj=archived, mode="w") as archive_of_files:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive_of_files.addfile(member, io.BytesIO(content))
    return packed.getvalue(), archived.getvalue()


TARGETS = (
    Target(
        "microscope-files",
        microscope_files,
        _stack_seeds(),
        (b"%%%%", b"ZISRAWSUBBLOCK", b"<Element>", b"\x15\0\4Data"),
    ),
    Target("archives", archives, _archive_seeds(), (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"../", b"ustar", b"\xff" * 8)),
)
