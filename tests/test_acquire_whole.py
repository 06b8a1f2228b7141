"""`mirsearch ingest --keyword nano` of 47 articles, real analysis included: every field as it was served."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict

import pytest
from cli_runner import run
from serving import PLOT, WorldWriter, served
from test_acquire import articles, wanted


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The served articles, the summary and the panels of each figure."""
    world, folder = articles(), tmp_path_factory.mktemp("whole")
    writer = WorldWriter(folder / "world")
    for art in world:
        writer.add(art)
    with served(writer.write(page_limit=10)) as server, pytest.MonkeyPatch.context() as patch:
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
    (told,) = summary["acquisitions"]
    assert told["articles"]["taken"] == 40
    assert sum(told["articles"]["skipped"].values()) == 6
    plots = sum(fig.caption == PLOT for art in world for fig in art.figures)
    assert told["figures"]["skipped"] == {"caption speaks of no micrograph": plots}


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
            (told,) = row["provenance"]
            assert told.pop("retrieved").startswith("20")
            assert told == {
                "article": art.pmcid, "url": address, "md5": hashlib.md5(fig.data).hexdigest(), "sha256": sha256,
                "rights_holder": art.holder, "retracted": False,
                "covered_by_license": "permission" not in fig.caption,
            }  # fmt: skip
