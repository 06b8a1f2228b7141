"""Weights that libraries fetch: an unreachable host is named within seconds, and a cache is used without requests."""

from __future__ import annotations

import socket
import threading

import pytest

from mirsearch.errors import MissingDependencyError, UsageError
from mirsearch.extractors.torch import fetching
from mirsearch.extractors.torch.fetching import connection_problem, fetch
from tests.support.cli_runner import run
from tests.support.torch_needed import torch_or_skip

pytestmark = pytest.mark.usefixtures("offline")


def never() -> None:
    raise AssertionError("it was tried")


def test_what_is_cached_is_taken_and_nobody_asked(offline, tmp_path):
    cached = tmp_path / "weights.pth"
    cached.write_bytes(b"")
    before = len(offline)
    assert fetch(lambda: 5, "the weights", "https://weights.example/a.pth", cached) == 5
    assert fetch(lambda: 6, "the weights") == 6  # the hub's own cache
    assert len(offline) == before


def test_the_hub_is_asked_last(monkeypatch):
    constants = pytest.importorskip("huggingface_hub").constants
    monkeypatch.setattr(fetching, "connection_problem", lambda address: None)
    seen = []

    def load() -> str:
        seen.append(constants.HF_HUB_OFFLINE)
        if constants.HF_HUB_OFFLINE:
            raise OSError("not in the cache")
        return "fetched"

    assert fetch(load, "the weights") == "fetched"
    assert seen == [True, False]


def test_a_host_out_of_reach_is_named_at_once_with_the_remedy(tmp_path):
    with pytest.raises(MissingDependencyError) as told:
        fetch(never, "the weights of x", "https://weights.example/a.pth", tmp_path / "none")
    assert str(told.value).startswith(
        "the weights of x are not on this machine, and weights.example can't be reached: "
    )
    assert "--extractor-weights FILE" in told.value.remedy
    assert "\n" not in str(told.value)


def test_a_host_that_gives_nothing_is_told_as_such(monkeypatch):
    monkeypatch.setattr(fetching, "connection_problem", lambda address: None)

    def load() -> None:
        raise OSError("404: no such file\nand more")

    with pytest.raises(MissingDependencyError, match=r"weights\.example does not provide them: 404: no such file \("):
        fetch(load, "the weights", "https://weights.example/a.pth")


def test_other_errors_are_left_as_they_are():
    def load() -> None:
        raise UsageError("a wrong call")

    with pytest.raises(UsageError):
        fetch(load, "the weights")


def test_who_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(fetching, "CONNECT_TIMEOUT_S", 0.05)
    answered = threading.Event()

    def silent(*_: object, **__: object) -> None:
        answered.wait()
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silent)
    assert connection_problem("https://weights.example") == "no answer in 0.05 s"
    answered.set()


def test_who_answers_is_reached_and_a_proxy_is_left_to_answer(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert connection_problem(f"http://127.0.0.1:{server.getsockname()[1]}") is None
    monkeypatch.setattr(fetching, "getproxies", lambda: {"https": "http://proxy.example:3128"})
    assert connection_problem("https://weights.example") is None


@pytest.mark.parametrize(
    ("spec", "host"),
    [("resnet50-gem", "download.pytorch.org"), ("timm:resnet18.a1_in1k", "huggingface.co"),
     ("open-clip:ViT-B-32/laion2b_s34b_b79k", "huggingface.co")],
    ids=["gem", "timm", "open-clip"],
)  # fmt: skip
def test_each_says_in_one_line_that_its_weights_are_out_of_reach(spec, host, tmp_path):
    torch_or_skip("torchvision", "open_clip", "timm")
    told = run("models", "export", spec, "--output", tmp_path / "x.mirmodel", code=1).err
    assert f"{host} can't be reached" in told
    assert "--extractor-weights FILE" in told
    assert told.count("\n") == 1
