"""Tests without a network: a request to any other machine fails, and caches of weights are empty."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

_HERE = ("127.0.0.1", "::1", "localhost")


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    """Block the network for all tests of a module. The value lists what was requested."""
    requested: list[Any] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in _HERE:
            requested.append(address)
            raise OSError("a test asked for the network")
        connect(self, address)

    def guarded_look_up(host: Any, *others: Any, **options: Any) -> Any:
        if host not in _HERE:
            requested.append(host)
            raise OSError("a test asked for the network")
        return look_up(host, *others, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        patch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("hub")))
        for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            patch.delenv(name, raising=False)
        if find_spec("huggingface_hub") is not None:
            patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
        yield requested


@pytest.fixture
def nobody_asked(offline: list[Any]) -> Iterator[None]:
    """Fail a test that requested the network, even if the code ignored the failure."""
    before = len(offline)
    yield
    assert offline[before:] == []
