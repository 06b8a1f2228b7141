"""Check the files of docker/ as far as possible without a container engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

DOCKER = REPOSITORY / "docker"
BIN = str(Path(sys.executable).parent)
SCRIPTS = sorted(DOCKER.glob("*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(script: Path) -> None:
    shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"
    subprocess.run([shell, "-n", str(script)], check=True)


def test_passwords_are_made_once_and_only_the_owner_can_read_them(tmp_path: Path) -> None:
    target = tmp_path / ".env"
    subprocess.run(["sh", str(DOCKER / "passwords.sh"), str(target)], check=True, capture_output=True)
    written = target.read_text()
    assert target.stat().st_mode & 0o077 == 0
    secrets = dict(re.findall(r"^(\w+)=(\w{48})$", written, re.MULTILINE))
    names = ["ELASTIC_PASSWORD", "KIBANA_PASSWORD", "KIBANA_ENCRYPTION_KEY", "SEARCH_PASSWORD", "SEARCH_TOKEN"]
    assert list(secrets) == names
    assert len(set(secrets.values())) == len(names)
    subprocess.run(["sh", str(DOCKER / "passwords.sh"), str(target)], check=True)
    assert target.read_text() == written
    target.write_text("".join(line for line in written.splitlines(keepends=True) if "SEARCH" not in line))
    subprocess.run(["sh", str(DOCKER / "passwords.sh"), str(target)], check=True)
    renewed = dict(re.findall(r"^(\w+)=(\w{48})$", target.read_text(), re.MULTILINE))
    assert list(renewed) == names
    assert renewed["ELASTIC_PASSWORD"] == secrets["ELASTIC_PASSWORD"]


def test_scripts_pass_a_linter() -> None:
    program = shutil.which("shellcheck", path=BIN) or shutil.which("shellcheck")
    if not program:
        pytest.skip("shellcheck is not installed (extra dev)")
    done = subprocess.run([program, *map(str, SCRIPTS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_compose_file_follows_the_specification(tmp_path: Path) -> None:
    program = shutil.which("check-jsonschema", path=BIN)
    if not program:
        pytest.skip("check-jsonschema is not installed (extra dev)")
    broken = tmp_path / "compose.yaml"
    broken.write_text((DOCKER / "compose.yaml").read_text().replace("mem_limit:", "memory_limits:"))
    command = [program, "--builtin-schema", "vendor.compose-spec"]
    for path, code in ((DOCKER / "compose.yaml", 0), (broken, 1)):
        done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr


FAKE_DOCKER = """#!/bin/sh
echo "$*" >> "$DOCKER_LOG"
test -s docker/.env || exit 9
case "$*" in *" cp "*) for last; do :; done; echo certificate > "$last";; esac
exit "${DOCKER_FAILS:-0}"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A copy of the files that `make up` needs, and an environment whose `docker` only records its calls."""
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    shutil.copytree(DOCKER, tmp_path / "copy" / "docker", ignore=shutil.ignore_patterns(".env", "ca.crt"))
    shutil.copy(DOCKER.parent / "Makefile", tmp_path / "copy")
    fake = tmp_path / "bin" / "docker"
    fake.parent.mkdir()
    fake.write_text(FAKE_DOCKER)
    fake.chmod(0o755)
    path = f"{fake.parent}{os.pathsep}{os.environ['PATH']}"
    return tmp_path / "copy", {"PATH": path, "DOCKER_LOG": str(tmp_path / "log")}


def test_make_up_and_down_call_docker_as_they_should(checkout: tuple[Path, dict[str, str]]) -> None:
    folder, environment = checkout

    def make(target: str) -> list[str]:
        output = subprocess.run(
            ["make", target], cwd=folder, env=environment, capture_output=True, text=True, check=True
        ).stdout
        calls = Path(environment["DOCKER_LOG"]).read_text().splitlines()
        Path(environment["DOCKER_LOG"]).unlink()
        secrets = re.findall(r"=(\w{48})$", (folder / "docker" / ".env").read_text(), re.MULTILINE)
        assert len(secrets) == 5
        assert not any(secret in output + "".join(calls) for secret in secrets)
        return calls

    compose = "compose --env-file docker/.env -f docker/compose.yaml"
    certificate = "elasticsearch:/usr/share/elasticsearch/config/certificates/ca.crt docker/ca.crt"
    for _ in range(2):  # a second run makes no new passwords
        before = (folder / "docker" / ".env").read_text() if (folder / "docker" / ".env").exists() else None
        assert make("up") == [f"{compose} up --build --detach", f"{compose} cp {certificate}"]
        assert (folder / "docker" / "ca.crt").read_text() == "certificate\n"
        assert before in (None, (folder / "docker" / ".env").read_text())
    assert make("down") == [f"{compose} down"]


def test_make_up_stops_when_docker_fails(checkout: tuple[Path, dict[str, str]]) -> None:
    folder, environment = checkout
    done = subprocess.run(
        ["make", "up"],
        cwd=folder,
        env={**environment, "DOCKER_FAILS": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Kibana:" not in done.stdout
    assert len(Path(environment["DOCKER_LOG"]).read_text().splitlines()) == 1


def test_what_the_image_copies_is_enough_to_install(tmp_path: Path) -> None:
    """The files that the Dockerfile copies make a package that can be installed and that finds the mappings."""
    pytest.importorskip("hatchling", reason="building needs hatchling (extra dev)")
    dockerfile = (DOCKER / "Dockerfile").read_text()
    for words in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE):
        *sources, target = words.split()
        for source in sources:
            origin, copy = DOCKER.parent / source, tmp_path / "src" / target
            if origin.is_dir():
                shutil.copytree(origin, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                copy.mkdir(parents=True, exist_ok=True)
                shutil.copy(origin, copy)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
               "--disable-pip-version-check", "--no-compile", "--target", str(tmp_path / "site"),
               str(tmp_path / "src")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    program = (
        "from mirsearch.indexes.elasticsearch import mapping; mapping.script_body(); print(mapping.mappings_folder())"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shown.strip() == str(tmp_path / "site" / "mirsearch" / "mappings")


def test_the_compose_file_is_complete() -> None:
    yaml = pytest.importorskip("yaml")
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    services = compose["services"]
    for name, service in services.items():
        assert service["mem_limit"], name
        for needed in service.get("depends_on", {}):
            assert needed in services
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in compose["volumes"] or (DOCKER / source).is_file(), mount
    for name in ("elasticsearch", "kibana", "search"):
        assert "healthcheck" in services[name]
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
    assert services["elasticsearch"]["environment"]["xpack.security.enabled"] == "true"


def test_no_secret_is_in_the_files() -> None:
    for path in DOCKER.rglob("*"):
        if path.is_file() and path.name != ".env":
            assert not re.search(
                r"(?i)password\s*[=:]\s*[\"']?[a-z0-9]{6,}[\"']?\s*$", path.read_text(), re.MULTILINE
            ), path


def test_compose_accepts_the_file(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if not program:
        pytest.skip("docker-compose is not installed")
    target = tmp_path / ".env"
    subprocess.run(["sh", str(DOCKER / "passwords.sh"), str(target)], check=True, capture_output=True)
    command = [program, "--env-file", str(target), "-f", str(DOCKER / "compose.yaml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    assert "elasticsearch:9.4.3" in done.stdout


def test_certificates_are_made_once(tmp_path: Path) -> None:
    """Run the script with the certutil of the Elasticsearch that the tests use."""
    from tests.support.es_node import Node
    from tests.support.es_release import DEFAULT_RELEASE, RELEASES, NoNodeError, ensure_home, find_jdk

    release = RELEASES[DEFAULT_RELEASE]
    try:
        home, jdk = ensure_home(release), find_jdk(release.jdk)
    except NoNodeError as reason:
        pytest.skip(f"no Elasticsearch to test with: {reason}")
    if not shutil.which("unzip") or not (home / "lib" / "tools" / "security-cli").is_dir():
        pytest.skip("no unzip or no certutil")
    config = tmp_path / "config"
    shutil.copytree(home / "config", config)
    words = Node._properties(home, str(config), "certutil")
    libraries = "modules/x-pack-core,modules/x-pack-security,lib/tools/security-cli"
    words = [each.replace("lib/tools/certutil-cli", libraries) for each in words]
    classes = f"{home}/lib/*:{home}/lib/cli-launcher/*"
    tool = tmp_path / "certutil"
    quoted = " ".join(f"'{each}'" for each in [str(jdk / "bin" / "java"), *words, "-cp", classes])
    tool.write_text(f'#!/bin/bash\ncd {home}\nexec {quoted} org.elasticsearch.launcher.CliToolLauncher "$@"\n')
    tool.chmod(0o755)
    folder = tmp_path / "certificates"
    folder.mkdir()
    environment = {**os.environ, "CERTUTIL": str(tool), "OWNER": f"{os.getuid()}:{os.getgid()}"}
    command = ["bash", str(DOCKER / "certificates.sh"), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert sorted(each.name for each in folder.iterdir()) == ["ca.crt", "node.crt", "node.key"]
    before = (folder / "node.crt").read_bytes()
    subprocess.run(command, env=environment, check=True)
    assert (folder / "node.crt").read_bytes() == before
    shown = ["openssl", "verify", "-CAfile", str(folder / "ca.crt"), str(folder / "node.crt")]
    if shutil.which("openssl"):
        assert subprocess.run(shown, capture_output=True, text=True, check=False).returncode == 0
