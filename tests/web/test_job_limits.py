"""What a job may hold: names, files, bytes, and how many jobs there may be."""

from __future__ import annotations

import dataclasses
import io
import random
import re
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

import anyio
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from mirsearch.errors import MirsearchError, NotFoundError, UsageError
from mirsearch.settings import ServeLimits
from mirsearch.web.jobs.fields import JobFields
from mirsearch.web.jobs.files import IncomingFiles, JobFiles, TakenNames, safe_name
from mirsearch.web.jobs.job import Job, new_id
from mirsearch.web.jobs.store import JobStore
from mirsearch.web.problems import ProblemError
from tests.web.test_any_input import VALUES


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("one.png", "one.png"), ("study/a b/Åre (1).tif", "study/a b/Åre (1).tif"), ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"), ("C:\\images\\a.png", "C_/images/a.png"), ("a/./b/../c.png", "a/b/c.png"),
        ("..", "file"), ("", "file"), ("\x00\u202egnp.exe\n", "gnp.exe"), ("aux.png", "_aux.png"),
        ("a#b?.png", "a_b_.png"), ("trailing. ", "trailing"), ("\udcff.png", "_.png"),
    ],
)  # fmt: skip
def test_a_name_from_outside_leads_nowhere(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_names_are_bounded_and_no_two_files_share_one() -> None:
    long = safe_name("x/" * 40 + "ö" * 400 + ".tiff")
    assert len(long.encode()) <= 600
    assert long.endswith(".tiff")
    assert len(long.split("/")) <= 16
    assert safe_name("ö" * 400 + ".tiff") != safe_name("ö" * 401 + ".tiff")
    names = TakenNames()
    given = ("a.png", "A.png", "a.png/b.png", "a.png/c.png", "c/d.png", "c", "C/e.png")
    kept = ["a.png", "A (2).png", "a (3).png/b.png", "a (3).png/c.png", "c/d.png", "c (2)", "c/e.png"]
    assert [names.take(each) for each in given] == kept


def job(client: str, size: int = 1, **fields: object) -> Job:
    return dataclasses.replace(Job(new_id(), "t", client=client, size=size, created=time.time()), **fields)  # type: ignore[arg-type]


def test_jobs_are_bounded_in_number_and_bytes_and_forgotten(tmp_path: Path) -> None:
    limits = ServeLimits(client_jobs=2, jobs_waiting=3, jobs_bytes=100, jobs_kept=2, jobs_seconds=50)
    store = JobStore(tmp_path, limits)
    first, second = store.add(job("one")), store.add(job("one"))
    for owner, size, status in (("one", 1, 429), ("two", 99, 507)):
        with pytest.raises(ProblemError) as told:
            store.add(job(owner, size))
        assert told.value.problem.status == status
    store.add(job("two"))
    with pytest.raises(ProblemError):
        store.add(job("three"))
    taken = store.take_next()
    assert taken is not None
    assert (taken.id, store.get(first.id).state) == (first.id, "running")
    assert store.cancel(first.id).is_stopping
    assert store.cancel(second.id).state == "cancelled"
    store.end_orphans()
    assert store.get(first.id).state == "cancelled"  # it was asked to stop before its server ended
    store.update(first.id, finished=time.time() - 60)
    assert [old.id for old in store.drop_old()] == [first.id]
    with pytest.raises(NotFoundError):
        store.get(first.id)
    store.close()
    again = JobStore(tmp_path, limits)
    assert [each.state for each in again.all()] == ["waiting", "cancelled"]
    again.close()


def test_files_beyond_the_limits_are_kept_nowhere(tmp_path: Path) -> None:
    async def receive(sizes: list[int]) -> IncomingFiles:
        files = JobFiles(tmp_path, ServeLimits(job_bytes=100, job_files=2))
        incoming = files.begin(new_id())
        try:
            for number, size in enumerate(sizes):
                await files.receive(incoming, UploadFile(io.BytesIO(b"x" * size)), f"{number}.png")
        except UsageError:
            files.drop(incoming)
            raise
        return incoming

    assert anyio.run(receive, [40, 60]).size == 100
    for sizes, words in (([40, 61], "100 bytes"), ([1, 1, 1], "2 files")):
        with pytest.raises(UsageError, match=words):
            anyio.run(receive, sizes)
    assert len(list((tmp_path / "uploads").iterdir())) == 1


def test_any_fields_are_refused_or_become_options_of_the_command() -> None:
    names = [field.alias or name for name, field in JobFields.model_fields.items()]
    rng, taken = random.Random(5), 0
    for _ in range(800):
        values: dict[str, object] = {"keyword": ["nano"]} if rng.random() < 0.7 else {}
        for name in rng.sample(names, rng.randint(1, 3)):
            value = rng.choice((*VALUES, "europepmc", "--index=/etc", "-"))
            values[name] = [value] if name in ("keyword", "id", "exclude") else value
        try:
            words = JobFields.model_validate(values).words()
        except (ValidationError, MirsearchError):
            continue
        taken += 1
        options = words[: words.index("--")] if "--" in words else words
        assert all(
            re.match(rf"--({'|'.join(name.replace('_', '-') for name in names)})(=|$)", word) for word in options
        )
        assert not any("\x00" in word for word in words), values
    assert taken > 20
