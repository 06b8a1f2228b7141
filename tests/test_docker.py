"""The files of docker/ as far as they can be checked without an engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

DOCKER = Path(__file__).resolve().parent.parent / "docker"
SCRIPTS = sorted(DOCKER.glob("*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(script: Path) -> None:
    shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"
    subprocess.run([shell, "-n", str(script)], check=True)


def test_passwords_are_made_once_and_for_oneself(tmp_path: Path) -> None:
    target = tmp_path / ".env"
    subprocess.run(["sh", str(DOCKER / "passwords.sh"), str(target)], check=True, capture_output=True)
    made = target.read_text()
    assert target.stat().st_mode & 0o077 == 0
    secrets = dict(re.findall(r"^(\w+)=(\w{48})$", made, re.MULTILINE))
    assert set(secrets) == {"ELASTIC_PASSWORD", "KIBANA_PASSWORD", "KIBANA_ENCRYPTION_KEY"}
    assert len(set(secrets.values())) == 3
    subprocess.run(["sh", str(DOCKER / "passwords.sh"), str(target)], check=True)
    assert target.read_text() == made


def test_the_compose_file_is_complete() -> None:
    yaml = pytest.importorskip("yaml")
    told = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    services = told["services"]
    for name, service in services.items():
        assert service["mem_limit"], name
        for needed in service.get("depends_on", {}):
            assert needed in services
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in told["volumes"] or (DOCKER / source).is_file(), mount
    for name in ("elasticsearch", "kibana"):
        assert "healthcheck" in services[name]
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
    assert services["elasticsearch"]["environment"]["xpack.security.enabled"] == "true"


def test_no_secret_is_in_the_files() -> None:
    for path in DOCKER.rglob("*"):
        if path.is_file() and path.name != ".env":
            assert not re.search(
                r"(?i)password\s*[=:]\s*[\"']?[a-z0-9]{6,}[\"']?\s*$", path.read_text(), re.MULTILINE
            ), path


def test_compose_takes_the_file(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if not program:
        pytest.skip("docker-compose is not installed")
    target = tmp_path / ".env"
    subprocess.run(["sh", str(DOCKER / "passwords.sh"), str(target)], check=True, capture_output=True)
    command = [program, "--env-file", str(target), "-f", str(DOCKER / "compose.yaml"), "config"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert told.returncode == 0, told.stderr
    assert "elasticsearch:9.4.3" in told.stdout


def test_certificates_are_made_once(tmp_path: Path) -> None:
    """By the certutil of the Elasticsearch that the tests run."""
    from es_node import Node
    from es_release import DEFAULT_RELEASE, RELEASES, NoNodeError, ensure_home, find_jdk

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
