"""Explain why a host could not be reached, by the first cause."""

from __future__ import annotations

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError

from mirsearch import settings
from mirsearch.errors import FetchError

_MAX_CHAIN_LENGTH = 12
_REMEDY = "check the network, and HTTPS_PROXY where one is needed"


def connection_error(error: BaseException, host: str, url: str) -> FetchError:
    """Return the error for a request without an answer. Its cause is "unreached" if no connection was made."""
    chain = _error_chain(error)
    cause = "timeout" if isinstance(error, requests.Timeout) else "network"
    if any(isinstance(link, NewConnectionError | ConnectTimeoutError) for link in chain):
        cause = "unreached"
    if isinstance(error, requests.Timeout):
        reason = "does not answer in time"
    else:
        proxy = "its proxy: " if any(isinstance(link, ProxyError) for link in chain) else ""
        reason = f"can't be reached: {proxy}{_short_message(chain[-1])}"
    return FetchError(f"{host} {reason}", _remedy(url), host=host, cause=cause, transient=True)


def _remedy(url: str) -> str:
    """Return what to check: first the environment variable that sets the base URL, if one does."""
    services = (settings.EUROPEPMC, settings.PMC, settings.ARXIV, settings.ARXIV_OAI)
    variables = (service.variable for service in services if service.is_custom and url.startswith(service.base))
    variable = next(variables, None)
    return f"check {variable}, which sets this address; then the network" if variable else _REMEDY


def _error_chain(error: BaseException) -> list[BaseException]:
    """Return an error and its causes: requests and urllib3 store them in different places."""
    chain = [error]
    while len(chain) < _MAX_CHAIN_LENGTH:
        last = chain[-1]
        causes = (getattr(last, "reason", None), *last.args, last.__cause__)
        inner = next((cause for cause in causes if isinstance(cause, BaseException)), None)
        if inner is None or inner in chain:
            break
        chain.append(inner)
    return chain


def _short_message(error: BaseException) -> str:
    message = getattr(error, "strerror", None) or (error.args[0] if error.args else error)
    return " ".join(str(message).split())[:120]
