"""A world without a network: what asks anyone but this machine fails, and caches of weights are empty."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

_HERE = ("127.0.0.1", "::1", "localhost")


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    """For all tests of a module; what was asked for."""
    asked: list[Any] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in _HERE:
            asked.append(address)
            raise OSError("a test asked for the network")
        connect(self, address)

    def guarded_look_up(host: Any, *others: Any, **options: Any) -> Any:
        if host not in _HERE:
            asked.append(host)
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
        yield asked


@pytest.fixture
def nobody_asked(offline: list[Any]) -> Iterator[None]:
    """Fails a test in which anyone was asked, even where the failure was taken for an answer."""
    before = len(offline)
    yield
    assert offline[before:] == []
