"""Pictures: only of indexed figures, only from files that are the indexed ones, in the form of IIIF."""

from __future__ import annotations

import dataclasses
import io
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from PIL import Image
from starlette.testclient import TestClient

from mirsearch.errors import NotFoundError, UsageError
from mirsearch.imaging.images import crop, open_picture
from mirsearch.settings import ServeLimits
from mirsearch.web import apart
from mirsearch.web.app import create_app
from mirsearch.web.iiif import parse_region, parse_size
from mirsearch.web.uploads import UploadStore
from tests.support.web_site import ADDRESS, BROWSER, Served, open_site


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_region_is_cut_from_the_figure(client: TestClient, served: Served) -> None:
    stored = served.stored[0]
    x0, y0, x1, y1 = stored.panel.box
    answer = client.get(f"/iiif/{stored.figure.id}/{x0},{y0},{x1 - x0},{y1 - y0}/max/0/default.jpg")
    expected = crop(open_picture(stored.figure.image or "").pixels, stored.panel.box)
    shown = np.asarray(picture(answer.content).convert("RGB"))
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected).mean() < 12


def test_the_description_of_an_image(client: TestClient, served: Served) -> None:
    figure = served.stored[0].figure
    info = client.get(f"/iiif/{figure.id}/info.json").json()
    assert (info["width"], info["height"]) == (figure.width, figure.height)
    assert info["id"] == f"{ADDRESS}/iiif/{figure.id}"
    assert info["protocol"] == "http://iiif.io/api/image"
    assert figure.article is not None
    assert str(figure.article.title) in info["attribution"]
    moved = client.get(f"/iiif/{figure.id}")
    assert (moved.status_code, moved.headers["location"]) == (303, f"/iiif/{figure.id}/info.json")


@pytest.mark.parametrize(
    ("region", "size", "rotation", "quality", "status"),
    [
        ("full", "200,", "0", "default.jpg", 200), ("square", "!64,64", "0", "color.jpg", 200),
        ("pct:10,10,50,50", "pct:50", "0", "default.jpg", 200), ("full", "^!4000,4000", "0", "default.jpg", 200),
        ("full", "9000,", "0", "default.jpg", 400), ("full", "0,", "0", "default.jpg", 400),
        ("full", "100000000,100000000", "0", "default.jpg", 400), ("full", "^9999,", "0", "default.jpg", 400),
        ("0,0,0,0", "max", "0", "default.jpg", 400), ("99999,0,10,10", "max", "0", "default.jpg", 400),
        ("-5,0,10,10", "max", "0", "default.jpg", 400), ("full", "max", "90", "default.jpg", 400),
        ("full", "max", "0", "default.png", 400), ("all", "max", "0", "default.jpg", 400),
        ("full", ",", "0", "default.jpg", 400), ("full", "!50,", "0", "default.jpg", 400),
        ("full", "pct:0", "0", "default.jpg", 400), ("1.5,0,10,10", "max", "0", "default.jpg", 400),
    ],
)  # fmt: skip
def test_addresses_of_images(
    client: TestClient, served: Served, region: str, size: str, rotation: str, quality: str, status: int
) -> None:
    answer = client.get(f"/iiif/{served.stored[0].figure.id}/{region}/{size}/{rotation}/{quality}")
    assert answer.status_code == status
    assert status == 200 or answer.json()["detail"]


def test_regions_and_sizes_are_those_of_the_standard() -> None:
    assert parse_region("full", 300, 200) == (0, 0, 300, 200)
    assert parse_region("square", 300, 200) == (50, 0, 250, 200)
    assert parse_region("10,20,1000,1000", 300, 200) == (10, 20, 300, 200)
    assert parse_region("pct:50,50,50,50", 300, 200) == (150, 100, 300, 200)
    assert parse_size("max", 300, 200) == (300, 200)
    assert parse_size("150,", 300, 200) == (150, 100)
    assert parse_size(",100", 300, 200) == (150, 100)
    assert parse_size("!90,90", 300, 200) == (90, 60)
    assert parse_size("!900,900", 300, 200) == (300, 200)
    assert parse_size("^!900,900", 300, 200) == (900, 600)
    assert parse_size("30,40", 300, 200) == (30, 40)
    assert parse_size("max", 9000, 3000) == (4096, 1365)
    with pytest.raises(UsageError):
        parse_size("400,", 300, 200)


def test_a_changed_file_is_not_shown(served: Served) -> None:
    stored = served.stored[-1]
    path = Path(stored.figure.image or "")
    before, times = path.read_bytes(), path.stat()
    site = open_site(served.location)
    client = TestClient(create_app(site), base_url=ADDRESS, headers=BROWSER)
    try:
        Image.new("RGB", (stored.figure.width, stored.figure.height), "red").save(path, "PNG")
        assert client.get(f"/iiif/{stored.figure.id}/full/max/0/default.jpg").status_code == 404
        small = client.get(f"/pictures/{stored.panel.id}.jpg?side=720")
        assert small.status_code == 200
        assert np.asarray(picture(small.content).convert("RGB"))[..., 1].max() > 100  # not red
        page = client.get(f"/figures/{stored.figure.id}").text
        assert "has changed" in page
        assert f"/pictures/{stored.panel.id}.jpg" in page
        path.unlink()
        assert client.get(f"/iiif/{stored.figure.id}/full/max/0/default.jpg").status_code == 404
        path.symlink_to("/etc/passwd")
        assert client.get(f"/iiif/{stored.figure.id}/full/max/0/default.jpg").status_code == 404
        path.unlink()
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        site.close()


def test_a_panel_has_two_sizes(client: TestClient, served: Served) -> None:
    stored = max(served.stored, key=lambda each: each.panel.width)
    small, sharp = (client.get(f"/pictures/{stored.panel.id}.jpg{more}") for more in ("", "?side=720"))
    assert max(picture(small.content).size) <= 320
    assert max(picture(sharp.content).size) == min(720, max(stored.panel.width, stored.panel.height))
    for side in ("1", "100000", "x", "-1", "٣"):
        assert client.get(f"/pictures/{stored.panel.id}.jpg", params={"side": side}).status_code == 400


class File:
    """A part of a form that yields its bytes in pieces."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    async def read(self, size: int = -1, /) -> bytes:
        return self._stream.read(min(size, 1000))


def test_uploads_are_kept_within_bounds(tmp_path: Path) -> None:
    import anyio

    async def fill() -> None:
        store = UploadStore(tmp_path / "kept", ServeLimits(upload_bytes=5_000, kept_bytes=10_000))
        other_process = UploadStore(store.folder)
        try:
            first = await store.receive(File(b"a" * 3000), "a.png", "one")
            assert store.get(first.id).path.read_bytes() == b"a" * 3000
            with pytest.raises(UsageError, match="5,000 bytes"):
                await store.receive(File(b"x" * 5001), "x.png", "one")
            with pytest.raises(UsageError, match="empty"):
                await store.receive(File(b""), "x.png", "one")
            assert other_process.get(first.id) == store.get(first.id)
            greedy = [await store.receive(File(bytes([n]) * 3000), "b.png", "two") for n in range(4)]
            assert store.get(first.id).name == "a.png"  # who fills the store loses its own images first
            with pytest.raises(NotFoundError):
                store.get(greedy[0].id)
            assert sum(path.stat().st_size for path in store.folder.iterdir()) <= 10_000
            assert store.folder.stat().st_mode & 0o077 == 0
        finally:
            store.close()
        assert not store.folder.exists()

    anyio.run(fill)


def test_uploads_are_kept_for_a_time(tmp_path: Path) -> None:
    import anyio

    async def wait() -> None:
        store = UploadStore(tmp_path / "kept", ServeLimits(kept_seconds=0))
        try:
            upload = await store.receive(File(b"a" * 10), "../../a<b>.png", "one")
            assert upload.name == "a<b>.png"
            with pytest.raises(NotFoundError, match="no longer kept"):
                store.get(upload.id)
            assert list(store.folder.iterdir()) == []
        finally:
            store.close()

    anyio.run(wait)


def test_a_picture_that_takes_too_much_is_refused_and_others_are_read(
    client: TestClient, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = io.BytesIO()
    Image.new("1", (8_100, 8_000)).save(huge, "PNG")
    answer = client.post("/api/v1/search", files={"image": ("huge.png", huge.getvalue())})
    assert answer.status_code == 422
    assert "8100 × 8000 px are more than this server takes" in answer.json()["detail"]
    with monkeypatch.context() as patch:
        patch.setattr(apart, "SERVE_LIMITS", dataclasses.replace(apart.SERVE_LIMITS, reading_seconds=0.01))
        slow = io.BytesIO()
        Image.effect_noise((1_500, 1_500), 90).save(slow, "PNG")
        answer = client.post("/api/v1/search", files={"image": ("slow.png", slow.getvalue())})
    assert answer.status_code == 422
    assert "took more than" in answer.json()["detail"]
    assert client.post("/api/v1/search", files={"image": ("a.png", served.query.read_bytes())}).status_code == 200
