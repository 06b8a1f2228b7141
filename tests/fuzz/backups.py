"""The archives that `mirsearch index restore` unpacks."""

from __future__ import annotations

import atexit
import io
import shutil
import tempfile
from pathlib import Path

from mirsearch.transfer.archive import ABOUT, DATABASE, ArchiveWriter, unpack
from tests.fuzz.files import _with_checksums
from tests.fuzz.target import Target

FOLDER = Path(tempfile.mkdtemp(prefix="mirsearch-fuzz-backup-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def backups(data: bytes) -> None:
    """Unpack an archive, and look that nothing lies beside its folder."""
    path, place = FOLDER / "a.tar", FOLDER / "place" / "inside"
    shutil.rmtree(place.parent, ignore_errors=True)
    place.mkdir(parents=True)
    path.write_bytes(_with_checksums(data))
    try:
        unpack(path, place)
    finally:
        assert list(place.parent.iterdir()) == [place]
        assert sorted(FOLDER.iterdir()) == [path, place.parent]


def _seed(*names: str) -> bytes:
    stream = io.BytesIO()
    writer = ArchiveWriter(stream)
    for name in (ABOUT, DATABASE, *names):
        writer.add_bytes(name, b"{}" * 300)
    writer.finish()
    return stream.getvalue()


SEEDS = (
    _seed(),
    _seed("acquired/figures/1.png", "acquired/ledger.sqlite"),
    _seed("acquired/" + "long/" * 8 + "x" * 90),
)
WORDS = (b"../", b"/etc/", b"acquired/", b"SHA256SUMS", b"ustar", b"L", b"S", b"x", b"2", b"77777777777\0", b"\x80\xff")
TARGETS = (Target("backups", backups, SEEDS, WORDS),)
