"""The errors mirsearch raises on purpose; the command line turns each into one line and an exit code."""

from __future__ import annotations


class MirsearchError(Exception):
    """Work that failed: `message` names the input, `remedy` what to do about it. Exit code 1."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class UsageError(MirsearchError):
    """A call that can't be carried out as typed: a wrong option, value or path. Exit code 2."""

    exit_code = 2


class ImageError(MirsearchError):
    """An image file that can't be read, or is too large to be read safely."""


class SourceError(MirsearchError):
    """Input of a source (a table, an XML file, an exsclaim.json, a service) that can't be used."""


class FetchError(SourceError):
    """An address that could not be had; `host` is who was asked, `cause` one of FETCH_CAUSES, `wait` seconds asked for.

    `passing` tells that another try may go better.
    """

    def __init__(
        self, message: str, remedy: str = "", *, host: str = "", cause: str = "network", wait: float | None = None,
        passing: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(message, remedy)
        self.host, self.cause, self.wait, self.passing = host, cause, wait, passing


FETCH_CAUSES = (
    "network", "unreached", "timeout", "status", "busy", "gone", "blocked", "refused", "too large", "content",
    "checksum", "stopped", "left alone",
)  # fmt: skip
"""Why an address could not be had; "refused" is by mirsearch's own rules, "blocked" by the host."""


class PluginError(MirsearchError):
    """A plug-in that is not installed, or that fails to load."""


class MissingDependencyError(MirsearchError):
    """An optional package or program is not there; the remedy names the extra or the package."""


class IndexAccessError(MirsearchError):
    """An index that can't be opened, read or written."""


class IndexMismatchError(IndexAccessError):
    """The index was built with another extractor, or by a newer version of mirsearch."""


class IndexBusyError(IndexAccessError):
    """Another process is writing to the index."""


class NotFoundError(MirsearchError):
    """No panel, figure or article of that id is in the index."""
