"""The files of deploy/ and the script that serves in a container, as far as they can be tried here."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

import typer

from tests.conftest import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
SERVE_SH = REPOSITORY / "docker" / "serve.sh"


def check_options(words: list[str]) -> dict[str, object]:
    """Parse the words of a `mirsearch serve` as the command does, without serving."""
    from mirsearch.cli import app

    group: Any = typer.main.get_command(app)
    command = group.get_command(typer.Context(group), "serve")
    with command.make_context("serve", words) as context:
        return dict(context.params)


def test_the_unit_of_systemd_starts_a_server_that_there_is() -> None:
    text = (DEPLOY / "mirsearch.service").read_text(encoding="utf-8").replace("\\\n", " ")
    started = re.search(r"^ExecStart=(.+)$", text, re.MULTILINE)
    assert started is not None
    words = shlex.split(started[1].replace("${CREDENTIALS_DIRECTORY}", "/run/credentials"))
    assert words[1] == "serve"
    given = check_options(words[2:])
    assert given["workers"] == 2
    assert given["host"] == "127.0.0.1"


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("systemd-analyze is not installed")
    text = (DEPLOY / "mirsearch.service").read_text(encoding="utf-8")
    unit = tmp_path / "mirsearch.service"
    unit.write_text(text.replace("/opt/mirsearch/bin/mirsearch", sys.executable).replace("User=mirsearch", "User=root"))
    done = subprocess.run([program, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    if "Failed to initialize manager" in done.stderr:
        pytest.skip("systemd-analyze needs a running systemd here")
    assert str(unit) not in done.stderr, done.stderr


def test_nginx_accepts_its_file(tmp_path: Path) -> None:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if not program or not shutil.which("openssl"):
        pytest.skip("nginx or openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate),
            "-days", "2", "-subj", "/CN=search.example.org")  # fmt: skip
    subprocess.run(made, check=True, capture_output=True)
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for place, here in (("/etc/ssl/certs/search.example.org.pem", certificate),
                        ("/etc/ssl/private/search.example.org.key", key)):  # fmt: skip
        assert place in text
        text = text.replace(place, str(here))
    whole = tmp_path / "nginx.conf"
    folders = "".join(f"{kind}_temp_path {tmp_path}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    whole.write_text(f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}} http {{ {folders} {text} }}")
    done = subprocess.run([program, "-t", "-c", str(whole)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_container_serves_with_a_secret_token(tmp_path: Path) -> None:
    """Run the script with a program in place of mirsearch that tells how it is called."""
    program = tmp_path / "mirsearch"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nprintf "token %s\\n" "$(cat "$HOME/token")"\nenv\n')
    program.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path), "SEARCH_TOKEN": "t" * 48,
        "SEARCH_HOST": "search.example.org", "SEARCH_WORKERS": "3",
    }  # fmt: skip
    done = subprocess.run(["sh", str(SERVE_SH)], env=environment, capture_output=True, text=True, check=True)
    words, _, rest = done.stdout.partition("token ")
    assert rest.splitlines()[0] == "t" * 48
    assert "SEARCH_TOKEN" not in rest
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0
    given = words.splitlines()
    assert given[0] == "serve"
    parsed = check_options(given[1:])
    assert parsed["workers"] == 3
    assert parsed["allowed_host"] == ["search.example.org"] or parsed["allowed_host"] == ("search.example.org",)


def test_the_apptainer_file_copies_what_the_package_is_made_of() -> None:
    text = (DEPLOY / "mirsearch.def").read_text(encoding="utf-8")
    copied = re.findall(r"^    (\S+) /src/(\S+)$", text, re.MULTILINE)
    dockerfile = (REPOSITORY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert {source for source, _ in copied} == set(
        " ".join(re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE)).split()
    )
    assert all(source == target and (REPOSITORY / source).exists() for source, target in copied)


def test_the_commands_of_the_page_have_options_that_there_are() -> None:
    text = (REPOSITORY / "docs" / "deploying.md").read_text(encoding="utf-8")
    served = re.findall(r"^(?:mirsearch|apptainer run .+mirsearch\.sif) serve (.+)$", text, re.MULTILINE)
    assert len(served) == 2
    assert [check_options(shlex.split(words))["workers"] for words in served] == [2, 1]
    for option in re.findall(r"`(--[a-z-]+)[` ]", text):
        assert f"| `{option}" in (REPOSITORY / "docs" / "options.md").read_text(encoding="utf-8"), option
