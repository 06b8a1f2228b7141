"""Why a host could not be reached, in the words of what went wrong first."""

from __future__ import annotations

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError

from mirsearch import settings
from mirsearch.errors import FetchError

_MAX_CHAIN_LENGTH = 12
_REMEDY = "check the network, and HTTPS_PROXY where one is needed"


def connection_error(error: BaseException, host: str, url: str) -> FetchError:
    """The error for a request that no answer came to; its cause is "unreached" where nobody took the connection."""
    chain = _error_chain(error)
    cause = "timeout" if isinstance(error, requests.Timeout) else "network"
    if any(isinstance(each, NewConnectionError | ConnectTimeoutError) for each in chain):
        cause = "unreached"
    if isinstance(error, requests.Timeout):
        told = "does not answer in time"
    else:
        proxy = "its proxy: " if any(isinstance(each, ProxyError) for each in chain) else ""
        told = f"can't be reached: {proxy}{_short_message(chain[-1])}"
    return FetchError(f"{host} {told}", _remedy(url), host=host, cause=cause, transient=True)


def _remedy(url: str) -> str:
    """What to check: first the variable that names the base of an address, where one does."""
    services = (settings.EUROPEPMC, settings.PMC, settings.ARXIV, settings.ARXIV_OAI)
    named = (each.variable for each in services if each.is_custom and url.startswith(each.base))
    variable = next(named, None)
    return f"check {variable}, which names it; then the network" if variable else _REMEDY


def _error_chain(error: BaseException) -> list[BaseException]:
    """An error and those it came from: requests and urllib3 tell them in different places."""
    chain = [error]
    while len(chain) < _MAX_CHAIN_LENGTH:
        last = chain[-1]
        told = (getattr(last, "reason", None), *last.args, last.__cause__)
        inner = next((each for each in told if isinstance(each, BaseException)), None)
        if inner is None or inner in chain:
            break
        chain.append(inner)
    return chain


def _short_message(error: BaseException) -> str:
    told = getattr(error, "strerror", None) or (error.args[0] if error.args else error)
    return " ".join(str(told).split())[:120]
