"""A cluster with security and TLS on: keys with least privileges, certificates, and crashes during a load."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mirsearch.errors import IndexAccessError, UsageError
from mirsearch.indexes import open_index
from mirsearch.query import Filters, SearchRequest
from tests.conftest import REPOSITORY
from tests.support.cli_runner import run
from tests.support.es_fixtures import node_or_skip
from tests.support.es_node import Node
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

pytest.importorskip("elasticsearch")
trustme = pytest.importorskip("trustme")
from mirsearch.indexes.elasticsearch import client as elasticsearch_client
from mirsearch.indexes.elasticsearch import mapping
from tests.kibana.test_kibana import Kibana, kibana

__all__ = ["kibana"]
CORPUS = MadeCorpus(seed=9)
DOCKER = REPOSITORY / "docker"
FIGURES = 120
PASSWORD = "a-password-of-the-tests"  # for a node that only these tests use
SEARCHING = ["read", "view_index_metadata"]
INGESTING = [*SEARCHING, "write", "maintenance"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, and with a node's certificate and key for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.private_key_pem.write_to_path(folder / "node.key")
    (folder / "node.pem").write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
    return folder


@pytest.fixture(scope="module")
def node(certificates: Path) -> Iterator[Node]:
    """A node with security on."""
    pair = (certificates / "node.pem", certificates / "node.key")
    settings = {"http.max_content_length": "2mb", "cluster.info.update.interval": "10s"}
    started = node_or_skip(password=PASSWORD, certificate=pair, settings=settings)
    try:
        yield started.start()
    finally:
        started.stop()


@pytest.fixture
def admin(node: Node, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """The environment of an administrator."""
    monkeypatch.setenv("MIRSEARCH_ES_USER", "elastic")
    monkeypatch.setenv("MIRSEARCH_ES_PASSWORD", PASSWORD)
    monkeypatch.setenv("MIRSEARCH_ES_CA", str(certificates / "ca.pem"))
    return node


@pytest.fixture
def figures(admin: Node) -> str:
    """Location of an index of three figures; beside it lies the index `private`, which no key may use."""
    for name in ("figures", "private"):
        index = open_index(f"{admin.url}/{name}", create=EXTRACTOR)
        with index.writer() as writer:
            for record in CORPUS.records(3):
                writer.put(record)
        index.close()
    return f"{admin.url}/figures"


def make_key(node: Node, name: str, privileges: list[str]) -> str:
    """Return an API key for the index `figures` alone."""
    role = {"index": [{"names": ["figures", "figures-0*"], "privileges": privileges}]}
    return str(node.call("POST", "/_security/api_key", {"name": name, "role_descriptors": {"only": role}})["encoded"])


def use_key(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.delenv("MIRSEARCH_ES_USER")
    monkeypatch.delenv("MIRSEARCH_ES_PASSWORD")
    monkeypatch.setenv("MIRSEARCH_ES_API_KEY", secret)


def test_a_searching_key_searches_and_does_nothing_else(
    figures: str, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_key(monkeypatch, make_key(node, "search", SEARCHING))
    index = open_index(figures)
    record = next(CORPUS.records(1))
    found = index.search(SearchRequest(vector=record.vectors[0], text="gold TiO2", field_of_view_nm=500.0))
    assert record.panels[0].id in [each.panel_id for each in found.panels]
    assert index.panels([record.panels[0].id])[0].figure == record.figure
    assert index.thumbnail(record.panels[0].id)
    assert len(list(index.select_panels(Filters()))) == index.stats()["panels"]
    assert index.vector(record.panels[0].id) == pytest.approx(record.vectors[0], abs=1e-6)
    with pytest.raises(IndexAccessError, match="lacks a privilege") as raised:
        index.writer().__enter__()
    assert raised.value.remedy == "grant the privileges listed in docs/security.md"
    with pytest.raises(IndexAccessError, match="lacks a privilege"):
        open_index(figures.replace("/figures", "/private"))
    with pytest.raises(IndexAccessError, match="lacks a privilege"):
        open_index(figures.replace("/figures", "/figures-of-others"), create=EXTRACTOR)
    index.close()


def test_an_ingesting_key_fills_the_index_and_no_other(
    figures: str, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mirsearch.indexes.elasticsearch import writer as elasticsearch_writer

    use_key(monkeypatch, make_key(node, "ingest", INGESTING))
    monkeypatch.setattr(elasticsearch_writer, "CHUNK_BYTES", 1)  # a large load; the key can't change settings
    index = open_index(figures, create=EXTRACTOR)
    records = list(CORPUS.records(50))
    with index.writer() as writer:
        for record in records:
            writer.put(record)
        writer.delete_figures([records[0].figure.id])
    assert index.stats()["figures"] == 49
    with pytest.raises(IndexAccessError, match="lacks a privilege"):
        open_index(figures.replace("/figures", "/private"), create=EXTRACTOR)
    index.close()


def test_a_key_of_an_administrator_creates_and_migrates(admin: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    from mirsearch.indexes.elasticsearch import admin as elasticsearch_admin
    from mirsearch.indexes.elasticsearch.generations import list_generations, prune, rollback
    from mirsearch.indexes.elasticsearch.migrate import migrate

    role = {"cluster": ["manage"], "index": [{"names": ["made", "made-0*"], "privileges": ["all"]}]}
    issued = admin.call("POST", "/_security/api_key", {"name": "admin", "role_descriptors": {"only": role}})
    use_key(monkeypatch, str(issued["encoded"]))
    assert elasticsearch_admin.create_index(f"{admin.url}/made", EXTRACTOR)
    assert migrate(f"{admin.url}/made").new == "made-000002"
    assert rollback(f"{admin.url}/made").new == "made-000001"
    assert [each.state for each in list_generations(f"{admin.url}/made")] == ["answers", "old"]
    assert [each.name for each in prune(f"{admin.url}/made")] == ["made-000002"]


def test_a_wrong_key(figures: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_key(monkeypatch, "bm90OmEga2V5")
    with pytest.raises(IndexAccessError, match="does not accept your credentials") as raised:
        open_index(figures)
    assert "MIRSEARCH_ES_API_KEY" in raised.value.remedy
    assert "bm90OmEga2V5" not in str(raised.value)


def test_no_credentials(figures: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIRSEARCH_ES_USER")
    monkeypatch.delenv("MIRSEARCH_ES_PASSWORD")
    with pytest.raises(IndexAccessError, match="does not accept your credentials"):
        open_index(figures)


def test_a_settings_file_instead_of_variables(figures: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = tmp_path / "es.toml"
    kept.write_text(f'user = "elastic"\npassword = "{PASSWORD}"\nca = "{os.environ["MIRSEARCH_ES_CA"]}"\n')
    kept.chmod(0o600)
    for name in ("USER", "PASSWORD", "CA"):
        monkeypatch.delenv(f"MIRSEARCH_ES_{name}")
    monkeypatch.setenv("MIRSEARCH_ES_SETTINGS", str(kept))
    open_index(figures).close()


def test_a_certificate_of_an_unknown_ca(figures: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIRSEARCH_ES_CA")
    with pytest.raises(IndexAccessError, match="is not trusted") as raised:
        open_index(figures)
    assert "MIRSEARCH_ES_CA" in raised.value.remedy


def test_a_fingerprint_instead_of_a_ca(figures: str, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIRSEARCH_ES_CA")
    first = (certificates / "node.pem").read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----"
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()
    monkeypatch.setenv("MIRSEARCH_ES_FINGERPRINT", ":".join(digest[at : at + 2].upper() for at in range(0, 64, 2)))
    open_index(figures).close()
    monkeypatch.setenv("MIRSEARCH_ES_FINGERPRINT", "0" * 64)
    with pytest.raises(IndexAccessError, match="another fingerprint"):
        open_index(figures)


def test_a_cloud_id(figures: str, admin: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cloud id contains a name, and then a host in two parts with its port."""
    location = "elasticsearch+cloud:///figures"
    with pytest.raises(UsageError, match="needs a cloud id"):
        open_index(location)
    monkeypatch.setenv("MIRSEARCH_ES_CLOUD_ID", "nonsense")
    with pytest.raises(UsageError, match="can't be made with these settings"):
        open_index(location)
    encoded = base64.b64encode(f"0.0.1:{admin.port}$127$kibana".encode()).decode()
    monkeypatch.setenv("MIRSEARCH_ES_CLOUD_ID", f"laboratory:{encoded}")
    index = open_index(location)
    assert index.stats()["figures"] >= 3
    index.close()
    monkeypatch.delenv("MIRSEARCH_ES_CA")
    with pytest.raises(IndexAccessError, match="is not trusted"):
        open_index(location)


@pytest.mark.parametrize("way", ["user", "key", "file"])
def test_no_secret_is_ever_shown(
    way: str,
    figures: str,
    node: Node,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Log everything, and run commands that succeed and commands that fail."""
    encoded = make_key(node, "shown", SEARCHING)
    secret = base64.b64decode(encoded).decode().partition(":")[2]
    if way == "key":
        use_key(monkeypatch, encoded)
    elif way == "file":
        (tmp_path / "es.toml").write_text(f'user = "elastic"\npassword = "{PASSWORD}"\n')
        (tmp_path / "es.toml").chmod(0o600)
        monkeypatch.setenv("MIRSEARCH_ES_SETTINGS", str(tmp_path / "es.toml"))
        monkeypatch.delenv("MIRSEARCH_ES_USER")
        monkeypatch.delenv("MIRSEARCH_ES_PASSWORD")
    basic = base64.b64encode(f"elastic:{PASSWORD}".encode()).decode()
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"no picture")
    caplog.set_level(logging.DEBUG)
    shown = repr(elasticsearch_client.read_credentials())
    for words, code in (
        (["query", "--text", "gold", "--show-request"], 0),
        (["stats"], 0),
        (["-vv", "export"], 0),
        (["-vv", "show", "nothing"], 1),
        (["-vv", "ingest", picture], 1),
        (["-vv", "stats", "--index", figures.replace("/figures", "/nowhere")], 1),
        (["-vv", "stats", "--index", figures.replace("127.0.0.1", "localhost.invalid")], 1),
    ):
        at = [] if "--index" in words else ["--index", figures]
        ran = run(*words, *at, code=code)
        shown += ran.out + ran.err
    shown += caplog.text
    assert "_search" in shown
    for hidden in (PASSWORD, basic, encoded, secret):
        assert hidden not in shown


def test_http_against_a_node_with_https(figures: str) -> None:
    with pytest.raises(IndexAccessError, match="closed the connection"):
        open_index(figures.replace("https://", "http://"))


def test_requests_too_large_are_split_and_a_document_too_large_is_named(admin: Node) -> None:
    import dataclasses

    index = open_index(f"{admin.url}/large", create=EXTRACTOR)
    records = list(CORPUS.records(8))
    big = [dataclasses.replace(each, thumbnails=tuple(b"x" * 300_000 for _ in each.panels)) for each in records]
    with index.writer() as writer:
        for record in big:
            writer.put(record)
    assert index.stats()["panels"] == sum(len(each.panels) for each in records)
    huge = dataclasses.replace(records[0], thumbnails=tuple(b"x" * 2_000_000 for _ in records[0].panels))
    with pytest.raises(IndexAccessError, match=r"-|refuses a request of this size") as raised, index.writer() as writer:
        writer.put(huge)
    assert records[0].panels[0].id in str(raised.value)
    assert "max_content_length" in raised.value.remedy
    index.close()


def test_a_disk_that_is_nearly_full(admin: Node) -> None:
    """The node itself blocks writes when the disk has less room than its settings require; it lifts the block later."""
    disk = "cluster.routing.allocation.disk"
    index = open_index(f"{admin.url}/full", create=EXTRACTOR)
    records = list(CORPUS.records(6))
    wanted = {f"{disk}.watermark.{name}": "9pb" for name in ("low", "high", "flood_stage")}

    def load() -> None:
        with index.writer() as writer:
            writer.put(records[0])
            writer.commit()
            admin.call("PUT", "/_cluster/settings", {"persistent": {f"{disk}.threshold_enabled": True, **wanted}})
            await_block(admin, "full", blocked=True)
            for record in records:
                writer.put(record)

    with pytest.raises(IndexAccessError, match="read-only") as raised:
        load()
    assert raised.value.remedy.startswith("free disk space")
    assert index.search(SearchRequest(vector=records[0].vectors[0])).panels
    admin.call("PUT", "/_cluster/settings", {"persistent": dict.fromkeys((f"{disk}.threshold_enabled", *wanted))})
    await_block(admin, "full", blocked=False)
    with index.writer() as writer:
        for record in records:
            writer.put(record)
    assert index.stats()["figures"] == len(records)
    index.close()


def await_block(node: Node, name: str, *, blocked: bool) -> None:
    """Wait until the node blocks writes to an index, or no longer blocks them."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        (settings,) = node.call("GET", f"/{name}/_settings?flat_settings=true").values()
        if blocked == (settings["settings"].get("index.blocks.read_only_allow_delete") == "true"):  # type: ignore[index]
            return
        time.sleep(0.5)
    pytest.fail(f"the block of {name} did not become {blocked}")


def test_the_script_that_sets_the_password_of_kibana(node: Node, certificates: Path, tmp_path: Path) -> None:
    script = DOCKER / "kibana_password.sh"
    curl = tmp_path / "curl"  # records the arguments that a list of processes would show
    curl.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/shown\nexec {shutil.which("curl")} "$@"\n')
    curl.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "ELASTICSEARCH": node.url, "WAIT": "0",
        "CA": str(certificates / "ca.pem"),
        "ELASTIC_PASSWORD": PASSWORD, "KIBANA_PASSWORD": "0123456789abcdef", "SEARCH_PASSWORD": "fedcba9876543210",
        "INDEX": "searched",
    }  # fmt: skip
    assert set(service("passwords")["environment"]) <= set(environment)
    subprocess.run(["bash", str(script)], env=environment, check=True)
    kibana = Node(node.release, password="0123456789abcdef", port=node.port, certificate=node.certificate)
    identity = kibana.call("GET", "/_security/_authenticate", user="kibana_system")
    kibana.stop()
    assert identity["username"] == "kibana_system"
    page = Node(node.release, password="fedcba9876543210", port=node.port, certificate=node.certificate)
    asked = {
        "index": [
            {"names": ["searched", "searched-000001"], "privileges": ["read", "view_index_metadata"]},
            {"names": ["searched"], "privileges": ["write"]},
            {"names": ["other"], "privileges": ["read"]},
        ]
    }
    told = page.call("POST", "/_security/user/_has_privileges", asked, user="mirsearch_search")["index"]
    page.stop()
    assert told == {
        "searched": {"read": True, "view_index_metadata": True, "write": False},
        "searched-000001": {"read": True, "view_index_metadata": True}, "other": {"read": False},
    }  # fmt: skip
    arguments = (tmp_path / "shown").read_text()
    assert node.url in arguments
    assert "fedcba9876543210" not in arguments
    assert PASSWORD not in arguments
    assert "0123456789abcdef" not in arguments
    environment["ELASTIC_PASSWORD"] = "wrong"
    wrong = subprocess.run(["bash", str(script)], env=environment, capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "not the password that this data volume was created with" in wrong.stderr


def service(name: str) -> dict[str, Any]:
    """Return a service of the compose file."""
    yaml = pytest.importorskip("yaml")
    found: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"][name]
    return found


def test_the_script_that_installs_everything(node: Node, certificates: Path, kibana: str) -> None:
    """Run it with only the variables that the compose file sets, against this node and a fake Kibana."""
    values = {"MIRSEARCH_INDEX": f"{node.url}/installed", "MIRSEARCH_ES_USER": "elastic", "KIBANA": kibana,
              "MIRSEARCH_ES_PASSWORD": PASSWORD, "MIRSEARCH_ES_CA": str(certificates / "ca.pem")}  # fmt: skip
    assert set(service("install")["environment"]) == set(values)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    around = {"PATH": path} | {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    for words in ("created", "renewed"):
        done = subprocess.run(["sh", str(DOCKER / "install.sh")], env=around | values,
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert words in done.stdout
        assert PASSWORD not in done.stdout + done.stderr
    assert list(node.call("GET", "/_alias/installed")) == ["installed-000001"]
    assert node.call("GET", "/_scripts/" + mapping.SCRIPT_ID)["found"]
    assert [path for path, _, _ in Kibana.seen] == [
        "/api/status", "/api/saved_objects/_import?overwrite=true"
    ] * 2  # fmt: skip
    values["MIRSEARCH_ES_PASSWORD"] = "wrong"
    done = subprocess.run(["sh", str(DOCKER / "install.sh")], env=around | values,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert len(Kibana.seen) == 4  # the script stops at the first failure
    assert "does not accept your credentials" in done.stderr


def test_the_health_checks(node: Node, certificates: Path, kibana: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def healthy(name: str, **changes: str) -> bool:
        command = service(name)["healthcheck"]["test"][1].replace("$$", "$")
        for old, new in {
            "config/certificates/ca.crt": str(certificates / "ca.pem"), "https://localhost:9200": node.url,
            "http://localhost:5601": kibana,
        }.items():  # fmt: skip
            command = command.replace(old, new)
        assert PASSWORD not in command
        environment = {"PATH": os.environ["PATH"], "ELASTIC_PASSWORD": PASSWORD} | changes
        return subprocess.run(["sh", "-c", command], env=environment, capture_output=True, check=False).returncode == 0

    assert healthy("elasticsearch")
    assert not healthy("elasticsearch", ELASTIC_PASSWORD="wrong")
    assert healthy("kibana")
    monkeypatch.setattr(Kibana, "status", 503)
    assert not healthy("kibana")


def contents(location: str) -> tuple[list[object], int]:
    """Return the contents of an index without the times of writing, and the number of its figures."""
    index = open_index(location)
    try:
        panels = list(index.select_panels(Filters()))
        vectors = [index.vector(each.panel.id).tobytes() for each in panels[::97]]
        return [*panels, *vectors], int(index.stats()["figures"])
    finally:
        index.close()


def start_load(location: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(REPOSITORY / "tests" / "support" / "es_ingest_child.py"), location, str(FIGURES)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def undisturbed(node: Node, certificates: Path) -> tuple[list[object], int]:
    """The contents of an index after an undisturbed load."""
    patch = pytest.MonkeyPatch()
    patch.setenv("MIRSEARCH_ES_USER", "elastic")
    patch.setenv("MIRSEARCH_ES_PASSWORD", PASSWORD)
    patch.setenv("MIRSEARCH_ES_CA", str(certificates / "ca.pem"))
    try:
        complete_load(f"{node.url}/undisturbed")
        return contents(f"{node.url}/undisturbed")
    finally:
        patch.undo()


def after_commits(load: subprocess.Popen[str], count: int) -> bool:
    """Wait until a load has reported `count` commits; return False if it ended before."""
    assert load.stdout is not None
    return all(load.stdout.readline() for _ in range(count))


def test_another_run_completes_a_load_that_was_killed_twice(admin: Node, undisturbed: tuple[list[object], int]) -> None:
    location = f"{admin.url}/client-killed"
    held = 0
    for commits in (
        2,
        7,
    ):  # the second run knows the figures that the first committed, and commits nothing new for them
        load = start_load(location)
        assert after_commits(load, commits), load.communicate()[1]
        load.send_signal(signal.SIGKILL)
        load.communicate()
        index = open_index(location)
        before, held = held, index.stats()["figures"]
        index.close()
        assert before < 10 * commits <= held < FIGURES
    complete_load(location)
    assert contents(location) == undisturbed


def test_a_load_waits_for_a_node_killed_twice_and_loses_nothing(
    admin: Node, undisturbed: tuple[list[object], int]
) -> None:
    location = f"{admin.url}/node-killed"
    load = start_load(location)
    for commits in (2, 5):
        assert after_commits(load, commits), load.communicate()[1]
        admin.kill()
        admin.start()
    errors = load.communicate(timeout=240)[1]
    assert load.returncode == 0, errors
    assert contents(location) == undisturbed


def complete_load(location: str) -> None:
    """Run the load until it ends."""
    again = start_load(location)
    errors = again.communicate(timeout=240)[1]
    assert again.returncode == 0, errors
