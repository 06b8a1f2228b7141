"""Model files: a written file can be read; changed, truncated or invented files are refused with a remedy."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path

import pytest

from mirsearch.errors import PluginError, UsageError
from mirsearch.models import artifact
from mirsearch.models.artifact import ArtifactError, Card, find_artifact, list_installed, read_artifact, write_artifact

CARD = Card("pca", "projection", {"name": "e", "version": "1", "dims": 3}, {"dims": 2}, license="CC0-1.0")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_artifact(tmp_path / "pca.mirmodel", CARD, {"weights.npz": b"some weights" * 1000, "b": b""})
    return tmp_path / "pca.mirmodel"


def rewritten(path: Path, card: object = None, member: bytes | None = None) -> None:
    """Replace the card or the payload, as one could with a zip program."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    if card is not None:
        entries["card.json"] = card if isinstance(card, bytes) else json.dumps(card).encode()
    if member is not None:
        entries["weights.npz"] = member
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def card_of(path: Path) -> dict[str, object]:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("card.json"))


def test_what_is_written_is_read(written: Path) -> None:
    found = read_artifact(written, "projection")
    assert dataclasses.replace(found.card, files={}, version="") == CARD
    assert found.payload("weights.npz") == b"some weights" * 1000
    artifact.verify_artifact(found)
    assert list(written.parent.iterdir()) == [written]


def test_the_same_model_is_the_same_file_and_version(written: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.mirmodel"
    write_artifact(again, CARD, {"b": b"", "weights.npz": b"some weights" * 1000})
    assert again.read_bytes() == written.read_bytes()


def test_the_version_follows_what_decides_the_output(written: Path, tmp_path: Path) -> None:
    first = read_artifact(written).card.version
    payloads = {"weights.npz": b"some weights" * 1000, "b": b""}
    told = dataclasses.replace(CARD, metrics={"map": 0.5}, notes="later")
    assert write_artifact(tmp_path / "x.mirmodel", told, payloads).version == first
    for other in (dataclasses.replace(CARD, settings={"dims": 3}), dataclasses.replace(CARD, base={"name": "f"})):
        assert write_artifact(tmp_path / "x.mirmodel", other, payloads).version != first
    assert write_artifact(tmp_path / "x.mirmodel", CARD, payloads | {"b": b"1"}).version != first


def test_changed_payloads_and_cards_are_refused(written: Path) -> None:
    rewritten(written, member=b"other weights")
    with pytest.raises(ArtifactError, match="damaged"):
        artifact.verify_artifact(read_artifact(written))
    rewritten(written, card=card_of(written) | {"settings": {"dims": 1}})
    with pytest.raises(ArtifactError, match="not the version"):
        read_artifact(written)


@pytest.mark.parametrize(
    "card",
    [b"no json", b"\xff", [], {}, {"format": 99}, b'{"format": 1}', b"[" * 100_000],
)
def test_cards_that_are_none_are_refused(written: Path, card: object) -> None:
    rewritten(written, card=card)
    with pytest.raises(ArtifactError, match="card"):
        read_artifact(written)


def test_names_in_a_card_can_not_climb(written: Path) -> None:
    rewritten(written, card=card_of(written) | {"name": "../x"})
    with pytest.raises(ArtifactError, match="name"):
        read_artifact(written)


def test_cut_files_are_refused(written: Path) -> None:
    content = written.read_bytes()
    for length in (0, 1, 40, len(content) // 2, len(content) - 1):
        written.write_bytes(content[:length])
        with pytest.raises(ArtifactError):
            artifact.verify_artifact(read_artifact(written))


def test_a_bomb_is_not_unpacked(written: Path) -> None:
    rewritten(written, card=b" " * (5 << 20) + b"{}")
    with pytest.raises(ArtifactError, match="larger"):
        read_artifact(written)


def test_another_kind_is_refused(written: Path) -> None:
    with pytest.raises(ArtifactError, match="projection, not detector"):
        read_artifact(written, "detector")


@pytest.mark.parametrize("name", ["", "../up", "a/b", "card.json", "-x"])
def test_payload_names_are_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        write_artifact(tmp_path / "x.mirmodel", CARD, {name: b""})
    assert not list(tmp_path.iterdir())


def test_models_are_found_by_name_or_path(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRSEARCH_MODELS", str(written.parent))
    assert find_artifact("pca").card == find_artifact(str(written), "projection").card
    with pytest.raises(PluginError, match=r"no model named 'pcb' is installed \(installed: pca;"):
        find_artifact("pcb")
    with pytest.raises(PluginError, match="there is no such model file"):
        find_artifact(str(written.parent / "other.mirmodel"))
    with pytest.raises(UsageError):
        artifact.installed_path("../pca")


def test_what_is_installed_is_listed_with_what_is_damaged(written: Path) -> None:
    (written.parent / "bad.mirmodel").write_bytes(b"no zip")
    bad, good = list_installed(written.parent)
    assert isinstance(bad, ArtifactError)
    assert isinstance(good, artifact.Artifact)
    assert good.card.name == "pca"
    assert list_installed(written.parent / "nowhere") == []
