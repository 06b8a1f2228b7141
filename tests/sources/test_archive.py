"""Pictures in archives and documents, and what an archive can't do."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mirsearch.settings import LIMITS, Limits
from mirsearch.sources.archive import ArchiveSource
from mirsearch.sources.archive_contents import unpack
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.discover import find_figures
from mirsearch.sources.skipped import is_archive


def png(seed: int = 0, side: int = 40) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_zip(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def found(path: Path, tmp_path: Path) -> tuple[list[FoundFigure], list[SourceFailure]]:
    items = list(find_figures([path], options={"workspace": str(tmp_path / "workspace")}))
    return (
        [item for item in items if isinstance(item, FoundFigure)],
        [item for item in items if isinstance(item, SourceFailure)],
    )


@pytest.mark.parametrize("name", ["set.zip", "set.tar", "set.tar.gz", "set.tgz"])
def test_pictures_and_captions_of_archives(tmp_path: Path, name: str) -> None:
    entries = {"a/one.png": png(1), "a/captions.csv": b"file,caption\none.png,Rods\n", "b/two.tif.txt": b"words"}
    path = tmp_path / name
    if name.endswith("zip"):
        write_zip(path, entries)
    else:
        with tarfile.open(path, "w:gz" if name.endswith("gz") else "w") as archive:
            for entry, content in entries.items():
                info = tarfile.TarInfo(entry)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    figures, failures = found(path, tmp_path)
    assert [(figure.origin.location, figure.caption) for figure in figures] == [(f"{path}#a/one.png", "Rods")]
    assert figures[0].path.read_bytes() == png(1)
    assert failures == []


@pytest.mark.parametrize(("name", "folder"), [("talk.pptx", "ppt"), ("text.docx", "word")])
def test_pictures_of_documents(tmp_path: Path, name: str, folder: str) -> None:
    path = write_zip(
        tmp_path / name,
        {"[Content_Types].xml": b"<Types/>", f"{folder}/document.xml": b"<x/>", f"{folder}/media/image1.png": png(2),
         f"{folder}/media/drawing.emf": b"x" * 100, "docProps/thumbnail.jpeg": png(3)},
    )  # fmt: skip
    figures, _ = found(path, tmp_path)
    assert [figure.origin.location for figure in figures] == [f"{path}#media/image1.png"]


def test_an_archive_in_a_folder_is_opened_once(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "x.png").write_bytes(png(4))
    write_zip(folder / "set.zip", {"one.png": png(5)})
    first, second = found(folder, tmp_path)[0], found(folder, tmp_path)[0]
    assert sorted(figure.path.name for figure in first) == ["one.png", "x.png"]
    assert [figure.path for figure in first] == [figure.path for figure in second]


def test_paths_that_climb_out_and_archives_in_archives_are_told(tmp_path: Path) -> None:
    path = write_zip(
        tmp_path / "bad.zip",
        {"../out.png": png(6), "/etc/out.png": png(6), "c:\\out.png": png(6), "in.zip": b"PK", "good.png": png(7)},
    )
    figures, notes = found(path, tmp_path)
    assert [figure.path.name for figure in figures] == ["good.png"]
    assert [file.name for file in tmp_path.rglob("out.png")] == []
    reasons = " ".join(note.reason for note in notes)
    assert "1 archives in it were not opened" in reasons
    assert "3 entries with a path that leads out" in reasons


def test_links_in_a_tar_are_no_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(8))
    with tarfile.open(tmp_path / "links.tar", "w") as archive:
        for name, kind in (
            ("soft.png", tarfile.SYMTYPE),
            ("hard.png", tarfile.LNKTYPE),
            ("pipe.png", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, str(secret)
            archive.addfile(info)
    figures, notes = found(tmp_path / "links.tar", tmp_path)
    assert figures == []
    assert "no pictures" in notes[0].reason


def test_an_archive_that_unpacks_to_far_too_much_stops(tmp_path: Path) -> None:
    bomb = io.BytesIO()
    bomb.write(b"BM" + bytes(3 << 20))
    path = write_zip(tmp_path / "bomb.zip", {"first.png": png(9), "bomb.bmp": bomb.getvalue(), "last.png": png(10)})
    unpacked = unpack(path, tmp_path / "out", Limits(archive_bytes=1 << 20))
    assert unpacked.pictures == 1
    assert "bomb.bmp is too large" in unpacked.notes[0]
    assert not (tmp_path / "out" / "bomb.bmp").exists()


def test_a_size_that_is_a_lie_does_not_help(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "lie.zip", {"lie.bmp": b"BM" + bytes(2 << 20)})
    content = path.read_bytes()
    real = (len(b"BM") + (2 << 20)).to_bytes(4, "little")
    path.write_bytes(content.replace(real, (100).to_bytes(4, "little")))
    unpacked_or_error = ""
    try:
        unpacked_or_error = " ".join(unpack(path, tmp_path / "out", Limits(archive_bytes=1 << 20)).notes)
    except Exception as error:
        unpacked_or_error = str(error)
    assert unpacked_or_error
    written = sum(file.stat().st_size for file in (tmp_path / "out").rglob("*") if file.is_file())
    assert written <= 1 << 20


def test_the_number_of_pictures_and_entries_is_bounded(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "many.zip", {f"{number}.png": png(number, 4) for number in range(8)})
    for limits in (Limits(archive_pictures=3), Limits(archive_entries=3)):
        unpacked = unpack(path, tmp_path / f"out{limits.archive_pictures}", limits)
        assert unpacked.pictures == 3
        assert "the first 3 pictures were taken" in unpacked.notes[0]
    assert LIMITS.archive_pictures > 3


@pytest.mark.parametrize("kind", ["cut", "noise"])
def test_a_damaged_archive_is_told(tmp_path: Path, kind: str) -> None:
    path = write_zip(tmp_path / "cut.zip", {"a.png": os.urandom(3000)})
    content = bytearray(path.read_bytes())
    if kind == "noise":
        content[100:2000] = os.urandom(1900)
    path.write_bytes(content if kind == "noise" else content[:1500])
    figures, failures = found(path, tmp_path)
    assert figures == []
    assert len(failures) == 1


@pytest.mark.parametrize(("compression", "at"), [(zipfile.ZIP_DEFLATED, 35), (zipfile.ZIP_LZMA, 44)])
def test_damage_that_only_the_decompressor_sees_is_told(tmp_path: Path, compression: int, at: int) -> None:
    path = tmp_path / "damaged.zip"
    for names, told in ((["a.png", "b.png"], "it is damaged"), (["b.png"], "damaged or locked")):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, png(11), zipfile.ZIP_STORED if name == "a.png" else compression)
            start = archive.getinfo("b.png").header_offset + at
        content = bytearray(path.read_bytes())
        content[start : start + 60] = b"\xff" * 60
        path.write_bytes(content)
        figures, failures = found(path, tmp_path)
        assert ("a.png" in [figure.path.name for figure in figures]) == ("a.png" in names)
        assert told in failures[-1].reason


def test_recognizes_only_archives(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip", {"a.png": png()})
    (tmp_path / "b.zip").write_bytes(b"no archive")
    (tmp_path / "c.gz").write_bytes(b"\x1f\x8b")
    assert [is_archive(tmp_path / name) for name in ("a.zip", "b.zip", "c.gz", "none.zip")] == [True] + [False] * 3
    with pytest.raises(Exception, match="not a zip"):
        list(ArchiveSource().find_figures(SourceRequest((tmp_path / "b.zip",))))
