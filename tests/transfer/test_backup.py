"""Backups: complete, consistent while others write, checked, and never out of their folder."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import mirsearch
from mirsearch.errors import MirsearchError, UsageError
from mirsearch.indexes import open_index
from mirsearch.transfer.archive import ABOUT, DATABASE, SUMS, ArchiveError
from mirsearch.transfer.backup import back_up, restore
from tests.support.cli_runner import run
from tests.support.index_records import IDENTITY, record
from tests.support.whole_indexes import assert_same_answers, contents, fill

Locate = Callable[[str, str], str]
KINDS = [(one, other) for one in ("embedded", "elasticsearch") for other in ("embedded", "elasticsearch")]


@pytest.fixture
def locate(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    made: list[str] = []

    def location(kind: str, name: str) -> str:
        if kind == "embedded":
            return str(tmp_path / name)
        made.append(f"{request.getfixturevalue('es_url')}/test-backup-{os.getpid()}-{name}")
        return made[-1]

    yield location
    if made:
        from mirsearch.indexes.elasticsearch.admin import drop_index

        for each in made:
            drop_index(each)


@pytest.mark.parametrize(("kind", "other"), KINDS)
def test_a_backup_is_put_back_into_either_kind(kind: str, other: str, locate: Locate, tmp_path: Path) -> None:
    source, target = locate(kind, "source"), locate(other, "target")
    with closing(open_index(source, create=IDENTITY)) as index:
        fill(index, tmp_path)
    told = run("index", "backup", tmp_path / "b.tar", "--index", source, "--format", "json").json()
    assert (told["figures"], told["bytes"]) == (30, (tmp_path / "b.tar").stat().st_size)
    run("index", "restore", tmp_path / "b.tar", "--index", target)
    run("verify", "--index", target)
    with closing(open_index(source)) as index, closing(open_index(target)) as restored:
        assert contents(restored) == contents(index)
        tolerance = 1e-6 if kind == other == "embedded" else 1e-4
        assert_same_answers(index, restored, text=kind == other, tolerance=tolerance)
    assert not list(tmp_path.glob(".*.part*"))


def test_other_programs_can_unpack_and_check_an_archive(tmp_path: Path) -> None:
    with closing(open_index(str(tmp_path / "index"), create=IDENTITY)) as index:
        fill(index, tmp_path)
        (tmp_path / "index" / "acquired" / ("long" * 30)).mkdir()
        (tmp_path / "index" / "acquired" / ("long" * 30) / "x.png").write_bytes(b"x" * 700)
        back_up(index, tmp_path / "b.tar")
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-xf", tmp_path / "b.tar"], cwd=tmp_path / "out", check=True)
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", SUMS], cwd=tmp_path / "out", check=True)
    restored = mirsearch.restore(tmp_path / "b.tar", tmp_path / "again")
    assert (tmp_path / "again" / "acquired" / ("long" * 30) / "x.png").read_bytes() == b"x" * 700
    restored.close()


def test_a_backup_is_one_state_while_others_write(tmp_path: Path) -> None:
    """A writer puts figures in pairs, in one commit each. No backup has a half of one."""
    location, begun, stop = str(tmp_path / "index"), threading.Event(), threading.Event()
    with closing(open_index(location, create=IDENTITY)) as index, index.writer() as writer:
        for number in range(200):
            writer.put(record(number))

    def write() -> None:
        with closing(open_index(location)) as index, index.writer() as writer:
            for number in range(200, 100_000, 2):
                if stop.is_set():
                    return
                writer.put(record(number))
                writer.put(record(number + 1))
                writer.commit()
                begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert begun.wait(120)
        counts = []
        with closing(open_index(location)) as index:
            for number in range(4):
                about, _ = back_up(index, tmp_path / f"{number}.tar")
                counts.append(about.figures)
    finally:
        stop.set()
        thread.join()
    assert all(count % 2 == 0 for count in counts)
    assert counts == sorted(counts)
    assert counts[-1] > 200
    assert restore(tmp_path / "3.tar", str(tmp_path / "again")).figures == counts[-1]


def test_an_index_is_overwritten_only_if_forced_and_then_in_one_step(tmp_path: Path) -> None:
    with closing(open_index(str(tmp_path / "a"), create=IDENTITY)) as index:
        fill(index, tmp_path)
        back_up(index, tmp_path / "a.tar")
        expected = contents(index)
    target = str(tmp_path / "b")
    with closing(open_index(target, create=IDENTITY)) as index:
        fill(index, tmp_path, 5, first=70)
        with pytest.raises(UsageError, match="has an index"):
            restore(tmp_path / "a.tar", target)
        assert index.stats()["figures"] == 5
        restore(tmp_path / "a.tar", target, force=True)
        assert contents(index) == expected  # also for who had it open
        assert {path.name for path in (tmp_path / "b" / "acquired" / "figures").iterdir()} >= {"0.png", "5.png"}
    run("verify", "--index", target)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "other.txt").write_text("mine")
    with pytest.raises(MirsearchError, match="other files"):
        restore(tmp_path / "a.tar", str(tmp_path / "c"), force=True)


def test_a_damaged_index_is_put_back(tmp_path: Path) -> None:
    location = tmp_path / "a"
    with closing(open_index(str(location), create=IDENTITY)) as index:
        fill(index, tmp_path)
        back_up(index, tmp_path / "a.tar")
        expected = contents(index)
    for damage in (b"\0" * 4096, b""):
        data = (location / "corpus.sqlite3").read_bytes()
        (location / "corpus.sqlite3").write_bytes(damage + (data[4096:] if damage else b""))
        assert run("stats", "--index", location, code=1).err
        restore(tmp_path / "a.tar", str(location), force=True)
        with closing(open_index(str(location))) as index:
            assert contents(index) == expected


def test_elasticsearch_answers_while_its_contents_are_replaced(locate: Locate, tmp_path: Path) -> None:
    target = locate("elasticsearch", "target")
    with closing(open_index(str(tmp_path / "a"), create=IDENTITY)) as index:
        fill(index, tmp_path)
        back_up(index, tmp_path / "a.tar")
        expected = contents(index)
    with closing(open_index(target, create=IDENTITY)) as index:
        fill(index, tmp_path, 5, first=70)
    with pytest.raises(UsageError, match="not empty"):
        restore(tmp_path / "a.tar", target)
    restore(tmp_path / "a.tar", target, force=True)
    with closing(open_index(target)) as index:
        assert contents(index) == expected
    run("index", "rollback", "--index", target)
    with closing(open_index(target)) as index:
        assert index.stats()["figures"] == 5


CHILD = """
import os, signal, sys
from pathlib import Path
from mirsearch.transfer import backup
want = sys.argv[3]
def tell(what, done, total):
    if what == want:
        os.kill(os.getpid(), signal.SIGKILL)
backup.restore(Path(sys.argv[1]), sys.argv[2], force=len(sys.argv) > 4, progress=tell)
"""
BACKUP_CHILD = """
import os, signal, sys
from pathlib import Path
from mirsearch.indexes import open_index
from mirsearch.transfer import backup
def tell(what, done, total):
    if what == sys.argv[3] and done:
        os.kill(os.getpid(), signal.SIGKILL)
backup.back_up(open_index(sys.argv[1]), Path(sys.argv[2]), tell)
"""


def test_what_is_killed_leaves_the_old_state_and_can_be_run_again(tmp_path: Path) -> None:
    source = str(tmp_path / "a")
    with closing(open_index(source, create=IDENTITY)) as index:
        fill(index, tmp_path)
        expected = contents(index)
    for stage in ("read", "archived"):
        child = subprocess.run([sys.executable, "-c", BACKUP_CHILD, source, tmp_path / "a.tar", stage], check=False)
        assert child.returncode == -signal.SIGKILL
        assert not (tmp_path / "a.tar").exists()
    run("index", "backup", tmp_path / "a.tar", "--index", source)
    for stage in ("unpacked", "checked"):
        command = [sys.executable, "-c", CHILD, tmp_path / "a.tar", tmp_path / "b", stage]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        assert not (tmp_path / "b").exists()
    run("index", "restore", tmp_path / "a.tar", "--index", tmp_path / "b")
    with closing(open_index(str(tmp_path / "b"))) as index:
        assert contents(index) == expected
    assert not list(tmp_path.glob(".*.part*"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    with closing(open_index(str(folder / "index"), create=IDENTITY)) as index:
        fill(index, folder)
        back_up(index, folder / "a.tar")
    return folder / "a.tar"


def _members(archive: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(archive) as tar:
        return [(info, tar.extractfile(info).read()) for info in tar if info.isfile()]  # type: ignore[union-attr]


def _rewrite(archive: Path, target: Path, change) -> None:  # type: ignore[no-untyped-def]
    """Write an archive with changed members, and hashes that fit them."""
    members = [(info, content) for info, content in _members(archive) if info.name != SUMS]
    members = change(members)
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {info.name}\n" for info, content in members)
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        for info, content in (*members, (tarfile.TarInfo(SUMS), sums.encode())):
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("name", [
    "../evil", "/etc/evil", "acquired/../../evil", "acquired//x", "acquired/.", "evil", "acquired/a\\b", "acquired/c:x",
    "corpus.sqlite3/x", "write.lock", "acquired/a\nb", "acquired/" + "d/" * 20 + "x", "acquired/" + "n" * 2000,
])  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(name: str, archive: Path, tmp_path: Path) -> None:
    _rewrite(archive, tmp_path / "x.tar", lambda members: [*members, (tarfile.TarInfo(name), b"x")])
    with pytest.raises(ArchiveError):
        restore(tmp_path / "x.tar", str(tmp_path / "deep" / "index"))
    assert {path.name for path in tmp_path.iterdir()} <= {"deep", "x.tar"}
    assert not list((tmp_path / "deep").glob("*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE,
                                  tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE, b"Z"])  # fmt: skip
def test_other_things_than_files_are_refused(kind: bytes, archive: Path, tmp_path: Path) -> None:
    info = tarfile.TarInfo("acquired/link")
    info.type, info.linkname = kind, "/etc/passwd"
    data = archive.read_bytes()
    (tmp_path / "x.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + data)
    with pytest.raises(ArchiveError):
        restore(tmp_path / "x.tar", str(tmp_path / "index"))
    assert not (tmp_path / "index").exists()


def test_a_size_that_the_archive_does_not_have_is_refused_at_once(archive: Path, tmp_path: Path) -> None:
    info = tarfile.TarInfo("acquired/bomb")
    info.size = 1 << 40
    (tmp_path / "x.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + archive.read_bytes())
    with pytest.raises(ArchiveError, match="more bytes than the archive"):
        restore(tmp_path / "x.tar", str(tmp_path / "index"))


def test_damage_anywhere_is_refused(archive: Path, tmp_path: Path) -> None:
    data = archive.read_bytes()
    step = max(len(data) // 40, 1)
    for at in (*range(0, len(data) - 1024, step), 1, 600):
        (tmp_path / "x.tar").write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        try:
            restore(tmp_path / "x.tar", str(tmp_path / "index"))
        except MirsearchError:
            assert not (tmp_path / "index").exists()
        else:  # only what says nothing of a file's contents: its time, mode, owner, padding
            with closing(open_index(str(tmp_path / "index"))) as index:
                assert index.stats()["figures"] == 30
            shutil.rmtree(tmp_path / "index")
    for size in (0, 100, 512, len(data) // 2, len(data) - 1024 - 512):
        (tmp_path / "x.tar").write_bytes(data[:size])
        with pytest.raises(MirsearchError):
            restore(tmp_path / "x.tar", str(tmp_path / "index"))


def _with_database(change) -> Callable[..., object]:  # type: ignore[no-untyped-def]
    def changed(members):  # type: ignore[no-untyped-def]
        return [(info, change(content) if info.name == DATABASE else content) for info, content in members]

    return changed


def _sql(*statements: str) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        path = Path(os.environ["PYTEST_SQL_FOLDER"]) / "x.sqlite3"
        path.write_bytes(content)
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = DELETE")
            for statement in statements:
                database.execute(statement)
        return path.read_bytes()

    return change


@pytest.mark.parametrize("statements", [
    ("CREATE TRIGGER t AFTER INSERT ON panels BEGIN DELETE FROM figures; END",),
    ("CREATE VIEW words_v AS SELECT * FROM panels",),
    ("CREATE VIRTUAL TABLE figures_x USING fts5 (a)",),
    ("CREATE TABLE mine (a)",),
    ("UPDATE figures SET caption = 'other'",),
    ("DELETE FROM vectors",),
    ("PRAGMA application_id = 5",),
    ("PRAGMA user_version = 99",),
])  # fmt: skip
def test_a_database_that_is_no_whole_index_is_refused(
    statements: tuple[str, ...], archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_SQL_FOLDER", str(tmp_path))
    _rewrite(archive, tmp_path / "x.tar", _with_database(_sql(*statements)))
    with pytest.raises(MirsearchError):
        restore(tmp_path / "x.tar", str(tmp_path / "index"))
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("about", [b"", b"[]", b"{}", b"\xff", b'{"format": 99}', b'{"format": [[[['])
def test_what_an_archive_tells_of_itself_is_checked(about: bytes, archive: Path, tmp_path: Path) -> None:
    def change(members):  # type: ignore[no-untyped-def]
        return [(info, about if info.name == ABOUT else content) for info, content in members]

    _rewrite(archive, tmp_path / "x.tar", change)
    with pytest.raises(ArchiveError):
        restore(tmp_path / "x.tar", str(tmp_path / "index"))


def test_an_archive_of_a_later_layout_is_told(archive: Path, tmp_path: Path) -> None:
    def change(members):  # type: ignore[no-untyped-def]
        return [
            (info, json.dumps(json.loads(content) | {"format": 2}).encode() if info.name == ABOUT else content)
            for info, content in members
        ]

    _rewrite(archive, tmp_path / "x.tar", change)
    with pytest.raises(ArchiveError, match="layout"):
        restore(tmp_path / "x.tar", str(tmp_path / "index"))


def test_places_where_nothing_can_be_written_are_told(archive: Path, tmp_path: Path) -> None:
    with closing(open_index(str(tmp_path / "index"), create=IDENTITY)) as index:
        with pytest.raises(UsageError, match="inside the index"):
            back_up(index, tmp_path / "index" / "b.tar")
        with pytest.raises(UsageError, match="folder that exists"):
            back_up(index, tmp_path / "none" / "b.tar")
    assert run("index", "restore", tmp_path / "none.tar", "--index", tmp_path / "x", code=2).err
