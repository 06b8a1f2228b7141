"""Errors of plug-ins that are absent, broken, or lack a package."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from mirsearch import plugins
from mirsearch.errors import PluginError

SCRIPT_WITHOUT_MODULE = """
import runpy, sys
sys.modules[{module!r}] = None
sys.argv = ["mirsearch", *{arguments!r}]
runpy.run_module("mirsearch", run_name="__main__")
"""


def run_without_module(module: str, *arguments: str) -> tuple[int, str]:
    """Exit code and stderr of a command where `module` can't be imported."""
    code = SCRIPT_WITHOUT_MODULE.format(module=module, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_a_package_that_is_missing_is_named_with_its_extra():
    code, errors = run_without_module("elasticsearch", "stats", "--index", "http://127.0.0.1:9/figures")
    assert code == 1
    assert errors.splitlines() == [
        "mirsearch: the index 'elasticsearch' needs the package elasticsearch, which is not installed "
        "(install it with: pip install 'mirsearch[elasticsearch]')"
    ]


@pytest.mark.parametrize(
    "arguments",
    [("index", "create"), ("index", "migrate"), ("index", "rollback")],
    ids="-".join,
)
def test_commands_on_a_server_name_the_extra(arguments):
    code, errors = run_without_module("elasticsearch", *arguments, "--index", "http://127.0.0.1:9/figures")
    assert code == 1
    assert errors.startswith("mirsearch: ")
    assert len(errors.splitlines()) == 1
    assert "pip install 'mirsearch[elasticsearch]'" in errors


def test_a_module_that_no_extra_brings_is_a_broken_plug_in(monkeypatch):
    point = EntryPoint("odd", "mirsearch_has_no_such:Part", "mirsearch.sources")
    monkeypatch.setattr(plugins, "_registered", lambda: EntryPoints([point]))
    with pytest.raises(PluginError, match=r"plug-in 'odd' .* fails to load: ModuleNotFoundError"):
        plugins.load("sources", "odd")


@pytest.mark.parametrize("group", plugins.GROUPS)
def test_an_absent_plugin_is_reported_with_the_installed_ones(group):
    with pytest.raises(PluginError, match=f"no {plugins.GROUPS[group]} named 'absent' is installed") as caught:
        plugins.load(group, "absent")
    assert caught.value.remedy == f"installed: {', '.join(plugins.names(group))}"
