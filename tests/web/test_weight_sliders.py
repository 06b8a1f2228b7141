"""The sliders of the weights, and that of the meaning where an index has sentence vectors."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from starlette.testclient import TestClient

from mirsearch.indexes import open_index
from mirsearch.indexes.meanings import with_meaning
from mirsearch.ranking import Formula, Weights
from mirsearch.search.own_score import OwnScore, write_own_score
from mirsearch.web.app import create_app
from mirsearch.web.state import parse_state
from mirsearch.web.weight_sliders import make_sliders
from tests.support.made_meaning import MODEL, MadeSentences, made_sentences
from tests.support.web_site import ADDRESS, BROWSER, Served, open_site

__all__ = ["made_sentences"]

EVERYBODYS = Weights()


def shown(chosen: list[str], own: Weights = EVERYBODYS, has_meaning: bool = True) -> dict[str, str]:
    return {slider.term: slider.value for slider in make_sliders(chosen, own, has_meaning).sliders}


def test_sliders_show_what_counts() -> None:
    assert shown([]) == {"visual": "0.6", "scale": "0.3", "text": "0.3", "meaning": "0.06"}
    assert shown([], Weights(0.5, 0.2, 0.4), False) == {"visual": "0.5", "scale": "0.2", "text": "0.4"}
    assert shown(["text=0.5"])["meaning"] == "0.1"
    assert shown(["meaning=0.2", "text=wrong", "scale=-1"]) == {
        "visual": "0.6", "scale": "0.3", "text": "0.3", "meaning": "0.2"
    }  # fmt: skip
    assert make_sliders(["visual=2"], Weights(), True).sliders[0].most == "2"
    assert make_sliders(["image_text=1"], Weights(), True).rest == ("image_text=1",)


def moved(own: Weights = EVERYBODYS, chosen: tuple[str, ...] = (), **values: str) -> list[str]:
    """The weights of the address to which the form leads when a person has moved some sliders."""
    sliders = make_sliders(chosen, own, True)
    form = {"weight_base": sliders.base} | {f"weight_{slider.term}": slider.value for slider in sliders.sliders}
    return parse_state([*(form | {f"weight_{term}": value for term, value in values.items()}).items()]).fields.weight


@pytest.mark.parametrize("own", [Weights(), Weights(0.537, 0.21, 0.4)])
def test_only_moved_sliders_are_part_of_the_address(own: Weights) -> None:
    assert moved(own) == []
    assert moved(own, meaning="0.5") == ["meaning=0.5"]
    visual, scale = (f"{round(own.of(term), 2):g}" for term in ("visual", "scale"))
    assert moved(own, text="0.9") == [f"visual={visual}", f"scale={scale}", "text=0.9"]
    assert moved(own, chosen=("meaning=0.5",)) == ["meaning=0.5"]


def test_an_index_with_sentence_vectors_has_the_slider(
    served: Served, tmp_path: Path, made_sentences: MadeSentences
) -> None:
    location = str(tmp_path / "index")
    shutil.copytree(served.location, location)
    index = open_index(location)
    with_meaning(index).add_meaning(MODEL)
    write_own_score(index, OwnScore(Formula(Weights(0.5, 0.2, 0.3)), "2026-01-01", 10, 0.1))
    index.close()
    site = open_site(location)
    try:
        client = TestClient(create_app(site), base_url=ADDRESS, headers=BROWSER, follow_redirects=False)
        page = client.get("/search?text=nanowires").text
        assert re.search(r'name="weight_meaning" min="0" max="1" step="0.01" value="0.06"', page)
        assert re.search(r'name="weight_visual" [^>]*value="0.5"', page)
        assert re.search(r"meaning 0\.\d+: the text about it", page)
        base = re.search(r'name="weight_base" value="([^"]*)"', page)
        assert base
        sent = {"text": "nanowires", "weight_base": base[1], "weight_meaning": "0.4", "weight_visual": "0.5",
                "weight_scale": "0.2", "weight_text": "0.3"}  # fmt: skip
        address = client.post("/search", data=sent, files={"file": ("", b"")}).headers["location"]
        assert address == "/search?text=nanowires&weight=meaning%3D0.4"
        hits = client.get(address.replace("/search", "/search.json")).json()
        assert hits["weights"]["meaning"] == 0.4
        assert hits["weights"]["visual"] == 0.5
        assert all(hit["terms"]["meaning"] is not None for hit in hits["hits"])
        assert 'name="weight_meaning" min="0" max="1" step="0.01" value="0.4"' in client.get(address).text
    finally:
        site.close()


def test_others_have_none(client: TestClient) -> None:
    assert "weight_meaning" not in client.get("/search?text=image").text
