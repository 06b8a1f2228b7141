"""Finds the extra of a package that installs a missing module, so that an error can name the command to type."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires

from mirsearch.errors import MirsearchError, MissingDependencyError

_REQUIREMENT = re.compile(r"([\w.-]+).*;.*\bextra *== *['\"]([\w.-]+)['\"]")


def missing_extra_error(
    required_by: str, error: ModuleNotFoundError, package: str = "mirsearch"
) -> MissingDependencyError | None:
    """Return the error that names the extra of `package` that installs the missing module; None if no extra does.

    `required_by` names the part that needs the module. If several extras have it, the error names the smallest one.
    """
    try:
        requirements = [match for line in requires(package) or [] if (match := _REQUIREMENT.match(line))]
    except PackageNotFoundError:
        return None
    module = _plain((error.name or "").partition(".")[0])
    sizes = Counter(match[2] for match in requirements)
    extras = sorted((match[2] for match in requirements if _plain(match[1]) == module), key=sizes.__getitem__)
    if not extras:
        return None
    return MissingDependencyError(
        f"{required_by} needs the package {module}, which is not installed",
        f"install it with: pip install '{package}[{extras[0]}]'",
    )


def check_extra(extra: str, required_by: str, modules: Iterable[str]) -> None:
    """Import the modules of an extra. Raises MissingDependencyError, which names it, where one is not installed."""
    try:
        for module in modules:
            import_module(module)
    except ModuleNotFoundError as error:
        missing = missing_extra_error(required_by, error)
        raise missing or MirsearchError(str(error), f"pip install 'mirsearch[{extra}]'") from error


def _plain(name: str) -> str:
    """Return the name of a package or module in one spelling: lower case, with hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()
