"""Which extra of a package brings a module that is not installed, so that an error can name the line to type."""

from __future__ import annotations

import re
from collections import Counter
from importlib.metadata import PackageNotFoundError, requires

from mirsearch.errors import MissingDependencyError

_REQUIREMENT = re.compile(r"([\w.-]+).*;.*\bextra *== *['\"]([\w.-]+)['\"]")


def missing(what: str, error: ModuleNotFoundError, package: str = "mirsearch") -> MissingDependencyError | None:
    """The error that names the extra of `package` which brings the module; None where no extra does.

    Of several extras, the one that brings the least.
    """
    try:
        found = [match for each in requires(package) or [] if (match := _REQUIREMENT.match(each))]
    except PackageNotFoundError:
        return None
    module = _plain((error.name or "").partition(".")[0])
    sizes = Counter(match[2] for match in found)
    extras = sorted((match[2] for match in found if _plain(match[1]) == module), key=sizes.__getitem__)
    if not extras:
        return None
    return MissingDependencyError(
        f"{what} needs the package {module}, which is not installed",
        f"install it with: pip install '{package}[{extras[0]}]'",
    )


def _plain(name: str) -> str:
    """A name of a package or module as both spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()
