"""No secret is printed, whatever a server sends back and however a command ends."""

from __future__ import annotations

import base64
import html
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, quote_plus

import pytest

from mirsearch.errors import IndexAccessError
from mirsearch.indexes import open_index
from mirsearch.text import masking

PASSWORD = "Sup3r S3cret/Pw+&?"
KEY = base64.b64encode(b"kid:Sup3rS3cretKey").decode()
BASIC = base64.b64encode(f"elastic:{PASSWORD}".encode()).decode()
LOGINS = {
    "password": {"MIRSEARCH_ES_USER": "elastic", "MIRSEARCH_ES_PASSWORD": PASSWORD},
    "key": {"MIRSEARCH_ES_API_KEY": KEY},
}
SHOWN = ("S3cret", KEY[:16], KEY[-10:], BASIC[11:24], BASIC[-12:])
"""What of a secret must not be seen."""


@pytest.fixture
def fresh(monkeypatch) -> None:
    """No secrets are known."""
    monkeypatch.setattr(masking, "_forms", ())
    monkeypatch.setattr(masking, "_words", ())


def spellings(secret: str) -> dict[str, str]:
    """How a server may send a password back."""
    return {
        "plain": secret, "address": quote(secret, safe=""), "form": quote_plus(secret), "path": quote(secret),
        "json": json.dumps({"header": secret}), "nested json": json.dumps(json.dumps([secret])),
        "python": repr([secret]),
        "utf-8 json": json.dumps(secret, ensure_ascii=False), "html": html.escape(secret), "hex": secret.encode().hex(),
        "bytes": repr(secret.encode()), "base64": base64.b64encode(secret.encode()).decode(),
        "base64 for addresses": base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
        "header": "Basic " + base64.b64encode(f"elastic:{secret}".encode()).decode(),
        "latin-1 header": "Basic " + base64.b64encode(f"elastic:{secret}".encode("latin-1")).decode(),
        "another user's header": "Basic " + base64.b64encode(f"another:{secret}".encode()).decode(),
        "lower-case address": quote(secret, safe="").lower() if secret.islower() else secret,
    }  # fmt: skip


@pytest.mark.parametrize("secret", [PASSWORD, "Sup3r S3cret/Pw+äß", "p\"'&<\\ä/?#Z", "graphene", "0123456789", "x9!"])
def test_every_spelling_of_a_password_is_masked(fresh, secret):
    masking.remember_secret(secret, "elastic")
    for name, spelling in spellings(secret).items():
        if len(secret) < 4 and name == "another user's header":  # three letters are in any base64
            continue
        message = f"401: rejected <{spelling}> here"
        masked = masking.mask(message)
        assert "rejected" in masked, name
        assert spelling not in masked, name
        assert secret not in masked, name
        assert masking.MASK in masked, name


def test_the_parts_of_a_key_are_masked(fresh):
    masking.remember_secret(KEY)
    for text in (KEY, KEY.rstrip("="), "kid:Sup3rS3cretKey", "Sup3rS3cretKey", quote(KEY, safe="")):
        assert masking.mask(f"got ApiKey {text}!") == f"got ApiKey {masking.MASK}!"


@pytest.mark.parametrize("secret", ["graphene", "2024", "0.5", "x9!"])
def test_results_keep_their_words_and_numbers(fresh, secret):
    masking.remember_secret(secret, "elastic")
    result = json.dumps({"caption": "graphene oxide x9!", "year": 2024, "score": 0.5})
    assert masking.mask_result(result) == result
    assert masking.mask("elasticsearch of 2 graphenes") == "elasticsearch of 2 graphenes"


class Echo(BaseHTTPRequestHandler):
    """What looks like Elasticsearch, and sends back what it was sent."""

    protocol_version = "HTTP/1.1"
    how = "error"
    product = True

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        login = self.headers.get("Authorization") or ""
        kind, status, body = "application/json", 500, ""
        if self.how == "error":
            reason = f"oops, header Authorization: {login} {json.dumps(dict(self.headers))}"
            body = json.dumps({"error": {"type": login, "reason": reason}, "status": 500})
        elif self.how == "cut":  # our messages are cut at 300 characters, here in the middle of the secret
            body = json.dumps({"error": {"type": "x", "reason": "-" * (293 - len(login) // 2) + " " + login}})
        elif self.how == "text":
            kind, body = "text/plain", f"bad gateway: {login}"
        else:
            kind, status, body = "text/html", 200, f"<html>{login}</html>"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if self.product:
            self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[str]:
    pytest.importorskip("elasticsearch")
    Echo.how, Echo.product = "error", True
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/figures"
        server.shutdown()


def mirsearch(*words: str, code: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the program, or Python code after its start, in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MIRSEARCH_ES_")}
    how = ["-c", code] if code else ["-m", "mirsearch"]
    return subprocess.run(
        [sys.executable, *how, *words], capture_output=True, text=True, check=False, encoding="utf-8",
        env=kept | {"PYTHONIOENCODING": "utf-8"} | variables,
    )  # fmt: skip


def assert_clean(done: subprocess.CompletedProcess[str], code: int = 1) -> None:
    printed = done.stdout + done.stderr
    assert done.returncode == code, printed
    assert "Traceback" not in printed
    assert [part for part in SHOWN if part in printed] == []


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("error", ["-vv", "stats"]), ("error", ["-vv", "query", "--text", "x", "--show-request"]),
        ("cut", ["stats"]), ("text", ["-vv", "index", "create", "--extractor", "efficientnet"]),
        ("html", ["index", "create", "--extractor", "efficientnet"]),
    ],
)  # fmt: skip
def test_a_server_that_sends_the_credentials_back(echo, login, how, words):
    Echo.how = how
    done = mirsearch(*words, "--index", echo, MIRSEARCH_ES_PATIENCE="0", **LOGINS[login])
    assert_clean(done)
    assert len(done.stderr.splitlines()) == 1
    assert masking.MASK in done.stderr or how in ("html", "cut")


def test_a_web_page_instead_of_an_answer_is_told(echo, monkeypatch):
    Echo.how = "html"
    with pytest.raises(IndexAccessError, match=r"is not Elasticsearch: <html></html> \(check the address and port"):
        open_index(echo)
    Echo.product = False
    with pytest.raises(IndexAccessError, match="is not Elasticsearch"):
        open_index(echo)


def test_errors_raised_to_programs_have_no_secrets(echo, monkeypatch):
    for name, value in LOGINS["password"].items():
        monkeypatch.setenv(name, value)
    with pytest.raises(IndexAccessError) as raised:
        open_index(echo)
    assert [part for part in SHOWN if part in str(raised.value)] == []


def test_tracebacks_logs_warnings_and_threads_are_masked():
    code = """
import logging, sys, threading, warnings
from mirsearch.cli.terminal import mask_output, set_verbosity
mask_output(); set_verbosity(2)
secret = sys.argv[1]
logging.getLogger("mirsearch").debug("sent %s", secret)
logging.getLogger("urllib3").warning("sent %s", {"Authorization": "Basic " + sys.argv[2]})
warnings.warn(secret)
thread = threading.Thread(target=lambda: 1 / 0 if not secret else int(secret)); thread.start(); thread.join()
print("result", secret)
try:
    raise ValueError(secret)
except ValueError as error:
    raise RuntimeError([secret, secret.encode()]) from error
"""
    done = mirsearch(PASSWORD, BASIC, code=code, **LOGINS["password"])
    assert done.stderr.count("Traceback") == 3
    assert done.stderr.count(masking.MASK) >= 6
    assert [part for part in SHOWN if part in done.stdout + done.stderr] == []


def test_a_command_that_fails_unforeseen_shows_no_secret():
    code = """
import sys
from mirsearch.cli import main, plugins_cmd
secret = sys.argv.pop()
def plugins() -> None:
    raise ValueError(f"Authorization: Basic {secret}")
plugins_cmd.plugins = plugins
sys.argv.append("plugins")
main()
"""
    done = mirsearch(BASIC, code=code, **LOGINS["password"])
    assert f"ValueError: Authorization: Basic {masking.MASK}" in done.stderr
    assert [part for part in SHOWN if part in done.stdout + done.stderr] == []


def test_a_password_in_an_address_or_a_proxy_is_masked():
    code = "import os; from mirsearch.cli.terminal import mask_output; mask_output(); exit(os.environ['HTTPS_PROXY'])"
    done = mirsearch(code=code, HTTPS_PROXY="http://me:S3cret%2FPw@proxy.example:3128")
    assert done.stderr == f"http://{masking.MASK}@proxy.example:3128\n"
    assert_clean(mirsearch("stats", "http://elastic:S3cretPw@127.0.0.1:1/figures"), code=2)
    assert_clean(mirsearch("stats", "--index", "http://elastic:S3cretPw@127.0.0.1:1/figures"), code=2)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_the_output_is_the_same_otherwise(encoding):
    code = (
        "print('5 \\xb5m', flush=True); import sys; print(sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.errors)"
    )
    start = "from mirsearch.cli.terminal import mask_output; mask_output()\n"
    variables = {**LOGINS["key"], "PYTHONIOENCODING": f"{encoding}:replace"}
    plain, masked = (
        subprocess.run(
            [sys.executable, "-c", before + code], capture_output=True, check=True, env=os.environ | variables
        )
        for before in ("", start)
    )
    assert masked.stdout == plain.stdout
    assert masked.stderr == plain.stderr == b""
