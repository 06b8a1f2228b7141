"""Shards in the form of WebDataset: tar files in which the files of one sample share the name before the first dot."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from mirsearch.transfer.dataset.pictures import Picture

SHARDS = "shards"
"""The folder of the shards."""
SHARD_BYTES = 512 << 20
SHARD_SAMPLES = 10_000
"""A shard ends when it has so many bytes or samples."""


class ShardWriter:
    """Writes samples into shards one after the other, in constant memory."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._shard = folder / SHARDS, -1
        self._tar: tarfile.TarFile | None = None
        self._bytes = self._samples = 0
        self.names: list[str] = []

    def add(self, picture: Picture, image: dict[str, Any], panels: list[dict[str, Any]]) -> None:
        """Add a picture with its panels: NAME.jpg or .png, NAME.json, and the caption as NAME.txt."""
        if self._tar is None or self._bytes >= SHARD_BYTES or self._samples >= SHARD_SAMPLES:
            self._begin_shard()
        told = json.dumps({"image": image, "panels": panels}, ensure_ascii=False).encode("utf-8", "replace")
        caption = str(image["caption"] or "").encode("utf-8", "replace")
        for suffix, content in ((picture.suffix, picture.content), (".json", told), (".txt", caption)):
            self._add_file(f"{picture.name}{suffix}", content)
        self._samples += 1

    def _add_file(self, name: str, content: bytes) -> None:
        assert self._tar is not None
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o644
        self._tar.addfile(info, io.BytesIO(content))
        self._bytes += len(content)

    def _begin_shard(self) -> None:
        self.close()
        self._folder.mkdir(exist_ok=True)
        self._shard += 1
        self._bytes = self._samples = 0
        self.names.append(f"{SHARDS}/panels-{self._shard:06d}.tar")
        self._tar = tarfile.open(self._folder.parent / self.names[-1], "w", format=tarfile.GNU_FORMAT)  # noqa: SIM115

    def close(self) -> None:
        """Complete the last shard."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None
