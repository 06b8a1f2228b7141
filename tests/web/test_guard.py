"""Who may ask, from where, how much at once; and the headers of every answer."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from starlette.testclient import TestClient

from mirsearch.errors import UsageError
from mirsearch.settings import ServeLimits
from mirsearch.web.access import Access, host_name, make_access, session_of
from mirsearch.web.app import create_app
from mirsearch.web.guard import Guard
from mirsearch.web.site import Site
from tests.support.web_site import ADDRESS, BROWSER, new_shared

TOKEN = "a-token-of-enough-letters"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"# of the group\n{TOKEN}\nanother-token-of-the-group\n")
    path.chmod(0o600)
    return path


def guarded(site: Site, access: Access, peer: str = "127.0.0.1", address: str = ADDRESS) -> TestClient:
    """A client of the same pages under other rules."""
    other = copy.copy(site)
    other.access, other.shared = access, new_shared()
    return TestClient(create_app(other), base_url=address, client=(peer, 50000), follow_redirects=False)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "localhost.evil.example", "127.0.0.1.evil.example", "10.1.2.3", "", "a b",
     "@", "127.0.0.1@evil.example", "[::1", "localhost/../x", "localhost:port"],
)  # fmt: skip
def test_a_foreign_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/api/v1/facets", headers={"host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8765", "[::1]:8765", "localhost."])
def test_its_own_names_are_known(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


def test_a_numeric_address_is_a_name_only_of_who_listens_everywhere(token_file: Path) -> None:
    everywhere = make_access("0.0.0.0", token_file=token_file)
    assert everywhere.knows_host("192.168.1.7:8765")
    assert not everywhere.knows_host("evil.example")
    assert make_access("0.0.0.0", ["Search.Example.org"], token_file).knows_host("search.example.org")
    assert not make_access("192.168.1.7", token_file=token_file).knows_host("192.168.1.8")
    assert host_name("[::1]:80") == "::1"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
        {"origin": ADDRESS, "sec-fetch-site": "cross-site"}, {"cookie": "mirsearch_session=x"},
    ],
)  # fmt: skip
def test_posts_of_other_sites_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    for path in ("/search", "/api/v1/search", "/login"):
        answer = client.post(path, data={"text": "image"}, headers=headers)
        assert answer.status_code == 403, path
    own = {"origin": "null", "sec-fetch-site": "same-origin"}
    assert client.post("/search", data={"text": "image"}, headers=own).status_code == 303
    assert client.post("/search", data={"text": "image"}, headers={"origin": ADDRESS}).status_code == 303
    assert client.post("/search", data={"text": "image"}).status_code == 303


def test_every_answer_has_the_headers(client: TestClient) -> None:
    answers = [client.get(path) for path in ("/", "/static/web.js", "/healthz", "/nothing", "/api/v1/facets")]
    answers.append(client.get("/", headers={"host": "evil.example"}))
    for answer in answers:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
        assert answer.headers["cache-control"]


def test_a_token_opens_the_server(site: Site, token_file: Path) -> None:
    client = guarded(site, make_access("127.0.0.1", token_file=token_file))
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}, {"authorization": ""}):
        answer = client.get("/api/v1/facets", headers=headers)
        assert answer.status_code == 401
        assert "remedy" in answer.json()
    assert client.get("/api/v1/facets", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    for path in ("/healthz", "/login", "/static/web.css"):
        assert client.get(path).status_code == 200
    assert client.get("/iiif/x/info.json").status_code == 401


def test_a_person_logs_in(site: Site, token_file: Path) -> None:
    client = guarded(site, make_access("127.0.0.1", token_file=token_file))
    first = client.get("/", headers=BROWSER)
    assert (first.status_code, first.headers["location"]) == (303, "/login")
    assert client.post("/login", data={"token": "wrong"}, headers=BROWSER).status_code == 403
    answer = client.post("/login", data={"token": TOKEN}, headers=BROWSER)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert client.get("/", headers=BROWSER).status_code == 200
    client.cookies.clear()
    client.cookies.set("mirsearch_session", session_of("no-such-token-at-all"))
    assert client.get("/api/v1/facets").status_code == 401


def test_attempts_to_log_in_are_few(site: Site, token_file: Path) -> None:
    client = guarded(site, make_access("127.0.0.1", token_file=token_file))
    codes = [client.post("/login", data={"token": f"guess {n}"}, headers=BROWSER).status_code for n in range(12)]
    assert codes == [403] * 10 + [429] * 2


def test_only_a_trusted_proxy_names_a_person(site: Site) -> None:
    access = make_access("127.0.0.1", auth_header="X-Remote-User", proxies=["10.0.0.0/8"])
    person = {"x-remote-user": "ada"}
    assert guarded(site, access, "10.2.3.4").get("/api/v1/facets", headers=person).status_code == 200
    assert guarded(site, access, "10.2.3.4").get("/api/v1/facets").status_code == 401
    assert guarded(site, access, "10.2.3.4").get("/api/v1/facets", headers={"x-remote-user": " "}).status_code == 401
    assert guarded(site, access, "192.168.0.1").get("/api/v1/facets", headers=person).status_code == 401
    assert access.client("10.2.3.4", {"x-forwarded-for": "8.8.8.8, 1.2.3.4"}) == "1.2.3.4"
    assert access.client("10.2.3.4", {"x-forwarded-for": "who knows"}) == "10.2.3.4"
    assert access.client("9.9.9.9", {"x-forwarded-for": "1.2.3.4"}) == "9.9.9.9"


def test_behind_https_the_origin_is_that_of_the_proxy(site: Site) -> None:
    access = make_access("127.0.0.1", ["search.example.org"], auth_header="X-User", proxies=["10.0.0.1"])
    client = guarded(site, access, "10.0.0.1", "http://search.example.org")
    headers = {"x-user": "ada", "x-forwarded-proto": "https", "origin": "https://search.example.org"}
    assert client.post("/search", data={"text": "image"}, headers=headers).status_code == 303
    headers["origin"] = "http://search.example.org"
    assert client.post("/search", data={"text": "image"}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"host": "0.0.0.0"}, "--token-file"),
        ({"host": "192.168.1.7"}, "--token-file"),
        ({"host": "127.0.0.1", "auth_header": "X-User"}, "--trusted-proxy"),
        ({"host": "0.0.0.0", "proxies": ["10.0.0.1"]}, "--token-file"),
        ({"host": "127.0.0.1", "proxies": ["proxy.example"]}, "is not an address"),
    ],
)
def test_rules_that_let_everybody_in_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_access(**options)
    assert words in str(caught.value)


def test_a_token_file_must_be_secret_and_long(tmp_path: Path) -> None:
    path = tmp_path / "token"
    for text, mode in (("short\n", 0o600), ("", 0o600), (TOKEN, 0o644), ("äöü" * 9, 0o600)):
        path.write_text(text)
        path.chmod(mode)
        with pytest.raises(UsageError):
            make_access("0.0.0.0", token_file=path)
    with pytest.raises(UsageError):
        make_access("0.0.0.0", token_file=tmp_path / "none")


def test_a_body_is_bounded_while_it_comes_in(site: Site) -> None:
    app = create_app(site).app
    assert isinstance(app, Guard)
    limits = ServeLimits(upload_bytes=50_000, form_bytes=2_000)
    client = TestClient(
        Guard(app.app, site.access, site.shared.clients, limits), base_url=ADDRESS, follow_redirects=False
    )
    sent = 0

    def pieces() -> object:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        for _ in range(1000):
            sent += 1000
            yield b"x" * 1000

    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = client.post("/api/v1/search", content=pieces(), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["title"] in ("Content Too Large", "Request Entity Too Large")
    assert client.post("/search", content=b"x" * 60_000, headers=headers).status_code == 413
    assert client.post("/login", content=b"x" * 3_000).status_code == 413


def test_one_client_has_so_many_requests_in_hand_at_most(site: Site) -> None:
    import anyio

    async def ask() -> list[int]:
        release, codes = anyio.Event(), []

        async def slow(scope: object, receive: object, send: object) -> None:
            await release.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        guard = Guard(slow, site.access, site.shared.clients, ServeLimits(client_requests=3))

        async def one(peer: str) -> None:
            async def send(message: dict[str, object]) -> None:
                if message["type"] == "http.response.start":
                    codes.append(message["status"])

            scope = {
                "type": "http", "method": "GET", "path": "/", "scheme": "http", "client": (peer, 1),
                "headers": [(b"host", b"localhost")],
            }  # fmt: skip
            await guard(scope, None, send)

        async with anyio.create_task_group() as group:
            for peer in ("1.1.1.1",) * 5 + ("2.2.2.2",):
                group.start_soon(one, peer)
            await anyio.sleep(0.05)
            refused = list(codes)
            release.set()
        return [*refused, *codes[len(refused) :]]

    assert anyio.run(ask) == [429, 429, 200, 200, 200, 200]
