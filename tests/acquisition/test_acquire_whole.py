"""`mirsearch ingest --keyword nano` of 47 articles, real analysis included: every field as it was served."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict

import pytest

from tests.acquisition.test_acquire import articles, wanted
from tests.support.cli_runner import run
from tests.support.serving import PLOT, WorldWriter, run_server


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The served articles, the summary and the panels of each figure."""
    world, folder = articles(), tmp_path_factory.mktemp("whole")
    writer = WorldWriter(folder / "world")
    for art in world:
        writer.add(art)
    with run_server(writer.write(page_limit=10)) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        patch.setenv("MIRSEARCH_CACHE", str(folder / "cache"))
        index = folder / "index"
        summary = run("ingest", "--keyword", "nano", "--index", index, "--format", "json").json()
        found = defaultdict(list)
        for line in run("export", "--index", index).out.splitlines():
            row = json.loads(line)
            found[row["figure"]].append(row)
        yield world, server, summary, found


def test_every_figure_that_should_come_and_no_other(corpus):
    world, _, summary, found = corpus
    expected = {sha256[:16] for sha256 in wanted(world)}
    assert len({art.number for art, _ in wanted(world).values()}) == 40
    assert set(found) == expected
    assert summary["figures"] == {"new": len(expected), "updated": 0, "already_there": 0, "failed": 0}
    (answer,) = summary["acquisitions"]
    assert answer["articles"]["taken"] == 40
    assert sum(answer["articles"]["skipped"].values()) == 6
    plots = sum(fig.caption == PLOT for art in world for fig in art.figures)
    assert answer["figures"]["skipped"] == {"caption speaks of no micrograph": plots}


def test_every_field_is_as_it_was_served(corpus):
    world, server, _, found = corpus
    for sha256, (art, fig) in wanted(world).items():
        address = f"{server.url}/pmc/{art.pmcid}.{max(art.versions)}/{fig.name}"
        for row in found[sha256[:16]]:
            assert (row["figure_caption"], row["figure_label"]) == (fig.caption, fig.label)
            assert row["caption"]
            assert [each["source"] for each in row["origins"]] == ["pmc", "file"]
            assert row["origins"][0]["location"] == address
            assert ("permission" in (row["permission_note"] or "")) == ("permission" in fig.caption)
            assert row["article"] == {
                "id": f"doi:{art.doi}", "title": f"Study {art.number} of nano wires", "doi": art.doi,
                "pmcid": art.pmcid, "journal": "Served Letters", "year": 2024,
                "license": "CC0 1.0" if art.number == 102 else "CC BY 4.0", "url": f"https://doi.org/{art.doi}",
                "authors": ["Ada Larch"], "retracted": False,
            }  # fmt: skip
            (answer,) = row["provenance"]
            assert answer.pop("retrieved").startswith("20")
            assert answer == {
                "article": art.pmcid, "url": address, "md5": hashlib.md5(fig.data).hexdigest(), "sha256": sha256,
                "rights_holder": art.holder, "retracted": False,
                "covered_by_license": "permission" not in fig.caption,
            }  # fmt: skip


KINDS = ["429", "429-after", "500", "503", "cut", "cut-early", "md5", "empty", "wall", "long"]


def exported(index) -> list[dict]:
    """Panels without what differs between two places and two times."""
    rows = [json.loads(line) for line in run("export", "--index", index).out.splitlines()]
    for row in rows:
        row.pop("image")
        row["origins"] = [each["location"] for each in row["origins"] if each["source"] != "file"]
        for each in row["provenance"]:
            each.pop("retrieved")
    return rows


def kept(cache, server) -> set[str]:
    """Paths whose answers are in the cache."""
    file = cache / "http" / "answers.sqlite"
    if not file.exists():
        return set()
    with contextlib.closing(sqlite3.connect(file)) as db:
        return {url.removeprefix(server.url) for (url,) in db.execute("SELECT url FROM answers")}


def test_killed_among_faults_and_completed_it_is_the_same_corpus(tmp_path, monkeypatch):
    writer = WorldWriter(tmp_path / "world")
    for art in articles()[:6]:
        writer.add(art)
    moments = random.Random(3)
    with run_server(writer.write(page_limit=4)) as server:
        for name, value in {**server.environment, "MIRSEARCH_HTTP_RATE": "20"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "undisturbed"))
        run("ingest", "--keyword", "nano", "--index", tmp_path / "a")
        monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "killed"))
        words = [sys.executable, "-m", "mirsearch", "ingest", "--keyword", "nano", "--index", str(tmp_path / "b")]
        for number in range(4):
            before = kept(tmp_path / "killed", server)
            server.faults({"match": ".", "share": 0.2, "kind": KINDS, "after": 0}, seed=number)
            with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                while process.poll() is None and not server.log():
                    time.sleep(0.02)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(moments.uniform(0.1, 1.2))
                process.kill()
            assert not {path for path in server.paths() if "/search?" not in path} & before
        server.faults()
        run("failures", "--retry", "--index", tmp_path / "b")
        summary = run("ingest", "--keyword", "nano", "--index", tmp_path / "b", "--format", "json").json()
        assert summary["failures"] == []
        assert exported(tmp_path / "b") == exported(tmp_path / "a")
