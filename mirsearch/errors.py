"""The errors that mirsearch raises on purpose. The command line prints each as one line and sets an exit code."""

from __future__ import annotations


class MirsearchError(Exception):
    """An operation failed. `message` names the input, `remedy` says what to do. Exit code 1."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class UsageError(MirsearchError):
    """A command has a wrong option, value or path. Exit code 2."""

    exit_code = 2


class ImageError(MirsearchError):
    """An image file can't be read, or is too large to be read safely."""


class SourceError(MirsearchError):
    """The input of a source (a table, an XML file, an exsclaim.json, a service) can't be used."""


class FetchError(SourceError):
    """The content of an address could not be fetched. `cause` is one of FETCH_CAUSES.

    `retry_after` is the wait in seconds that the host asked for, or None. `transient` is True if another attempt may
    succeed.
    """

    def __init__(
        self, message: str, remedy: str = "", *, host: str = "", cause: str = "network",
        retry_after: float | None = None, transient: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(message, remedy)
        self.host, self.cause, self.retry_after, self.transient = host, cause, retry_after, transient


FETCH_CAUSES = (
    "network", "unreached", "timeout", "status", "busy", "gone", "blocked", "refused", "too large", "content",
    "checksum", "stopped", "left alone",
)  # fmt: skip
"""Why an address could not be fetched. "refused": by mirsearch's own rules; "blocked": by the host."""


class PluginError(MirsearchError):
    """A plug-in is not installed, or fails to load."""


class MissingDependencyError(MirsearchError):
    """An optional package or program is not installed. The remedy names the extra or the package."""


class WorkersError(MirsearchError):
    """The workers of an ingest can't be reached, have other models, or are gone."""


class IndexAccessError(MirsearchError):
    """An index can't be opened, read or written."""


class IndexMissingError(IndexAccessError):
    """There is no index at this place."""


class IndexMismatchError(IndexAccessError):
    """The index was built with another extractor or by a newer version of mirsearch."""


class IndexBusyError(IndexAccessError):
    """Another process is writing to the index."""


class NotFoundError(MirsearchError):
    """The index has no panel, figure or article with this id."""
