"""A served index that figures may be added to, and small pictures to add; needs the extra `web`."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from mirsearch.cli.parts import load_extractor
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.web.app import create_app
from mirsearch.web.site import Site
from tests.support.web_site import ADDRESS, open_site

PROGRAM = {"accept": "application/json"}
SECONDS = 120
"""Time for a job on a busy machine."""


def small_picture(number: int, width: int = 72) -> bytes:
    """A picture that is read fast, and unlike all others. A wider one is read more slowly."""
    blocks = np.random.default_rng(number).integers(0, 256, (6, 9), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(blocks).resize((width, 2 * width // 3), Image.Resampling.NEAREST).save(data, "PNG")
    return data.getvalue()


def empty_index(location: str) -> str:
    """Make an index without figures."""
    extractor = load_extractor("efficientnet")
    open_index(location, create=ExtractorIdentity(extractor.name, extractor.version, extractor.dims)).close()
    return location


def ingest_site(location: str) -> Site:
    """The site of an index that figures may be added to."""
    return open_site(location, ingest=())


def program(site: Site) -> TestClient:
    """A program that asks the site."""
    return TestClient(create_app(site), base_url=ADDRESS, headers=PROGRAM, follow_redirects=False)


def form_files(files: dict[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    """The parts of a form that hold files, by the names that a browser gives."""
    return [("files", item) for item in files.items()]


def add_files(client: TestClient, files: dict[str, bytes], **fields: str) -> dict[str, Any]:
    """Add files as a job."""
    answer = client.post("/api/v1/jobs", data=fields, files=form_files(files))
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    return job


def wait_for(client: TestClient, job_id: str, is_right: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until a job is as it is to be."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        job: dict[str, Any] = client.get(f"/api/v1/jobs/{job_id}").json()
        if is_right(job):
            return job
        time.sleep(0.05)
    raise AssertionError(job)


def wait_for_end(client: TestClient, job_id: str) -> dict[str, Any]:
    """Wait until a job has ended."""
    return wait_for(client, job_id, lambda job: job["state"] not in ("waiting", "running"))


def files_below(folder: Path) -> list[str]:
    """The files below a folder, by their names relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
