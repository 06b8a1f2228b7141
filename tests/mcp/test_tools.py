"""`mirsearch mcp` as an assistant's program uses it: started by a client, asked over its standard input and output."""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")
pytest.importorskip("fastapi", reason="the extra web is not installed")

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from PIL import Image

from mirsearch.web.site import Site
from tests.support.cli_runner import run
from tests.support.web_site import Served

DOCS = Path(__file__).parent.parent.parent / "docs"


def content(result: Any) -> tuple[dict[str, Any], list[Image.Image]]:
    """The JSON and the pictures of an answer that is no failure."""
    assert not result.is_error, result.content[0].text
    pictures = [one for one in result.content if one.type == "image"]
    assert {one.mime_type for one in pictures} <= {"image/jpeg"}
    return json.loads(result.content[0].text), [Image.open(io.BytesIO(base64.b64decode(one.data))) for one in pictures]


def failure(result: Any) -> str:
    assert result.is_error
    text: str = result.content[0].text
    return text


async def _tools_are_listed(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"search", "show", "facets"}
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
    options = set(tools["search"].input_schema["properties"])
    assert {"text", "like", "technique", "fov", "year", "top", "no_scale", "image_path", "image_base64"} <= options


async def _searches(client: Client, served: Served) -> None:
    by_file, pictures = content(
        await client.call_tool("search", {"image_path": str(served.query), "top": 3, "pictures": 2})
    )
    command = run("query", served.query, "--index", served.location, "--top", "3", "--format", "json")
    expected = [hit["id"] for hit in json.loads(command.out)["hits"]]
    assert [hit["id"] for hit in by_file["hits"]] == expected
    assert [max(picture.size) <= 320 for picture in pictures] == [True, True]
    data = base64.b64encode(served.query.read_bytes()).decode()
    by_bytes, none = content(await client.call_tool("search", {"image_base64": data, "top": 3}))
    assert [hit["id"] for hit in by_bytes["hits"]] == expected
    assert none == []
    like, _ = content(await client.call_tool("search", {"like": expected[0], "kind": ["micrograph"], "top": 2}))
    assert len(like["hits"]) == 2
    assert str(served.folder) not in json.dumps([by_file, by_bytes, like])


async def _shows(client: Client, served: Served) -> None:
    stored = served.stored[0]
    shown, pictures = content(await client.call_tool("show", {"id": stored.panel.id}))
    assert [panel["id"] for panel in shown["panels"]] == [stored.panel.id]
    assert len(pictures) == 1
    figure, whole = content(await client.call_tool("show", {"id": stored.figure.id}))
    assert len(figure["panels"]) == sum(one.figure.id == stored.figure.id for one in served.stored)
    assert len(whole) == 1
    assert whole[0].width / whole[0].height == pytest.approx(stored.figure.width / stored.figure.height, rel=0.01)
    _, without = content(await client.call_tool("show", {"id": stored.panel.id, "pictures": False}))
    assert without == []


async def _counts(client: Client, served: Served) -> None:
    counts, _ = content(await client.call_tool("facets", {}))
    assert sum(counts["kinds"].values()) == len(served.stored)
    some, _ = content(await client.call_tool("facets", {"kind": ["plot"]}))
    assert sum(some["kinds"].values()) == counts["kinds"].get("plot", 0)


async def _tells_failures(client: Client, served: Served) -> None:
    assert "no_such.png" in failure(await client.call_tool("search", {"image_path": "/tmp/no_such.png"}))
    assert "base64" in failure(await client.call_tool("search", {"image_base64": "?!"}))
    assert "image" in failure(await client.call_tool("search", {"image_base64": base64.b64encode(b"no").decode()}))
    assert "year" in failure(await client.call_tool("search", {"text": "a", "year": "soon"}))
    assert "colour" in failure(await client.call_tool("search", {"text": "a", "colour": "red"}))
    assert "no-such" in failure(await client.call_tool("show", {"id": "no-such"}))
    assert "search, show, facets" in failure(await client.call_tool("delete", {"id": "x"}))


def test_an_assistant_searches_shows_and_counts(served: Served) -> None:
    entry = re.search(r"```json\n(.+?)```", (DOCS / "assistants.md").read_text(encoding="utf-8"), re.DOTALL)
    assert entry is not None
    told = json.loads(entry[1])["mcpServers"]["mirsearch"]
    assert told["command"] == "mirsearch"
    words = ["-m", "mirsearch", *told["args"][:-1], served.location]

    async def talk() -> None:
        with anyio.fail_after(120):
            async with Client(stdio_client(StdioServerParameters(command=sys.executable, args=words))) as client:
                await _tools_are_listed(client)
                await _searches(client, served)
                await _shows(client, served)
                await _counts(client, served)
                await _tells_failures(client, served)

    anyio.run(talk)


def test_a_missing_extra_is_named(served: Served) -> None:
    code = "import sys; sys.modules['mcp'] = None\nfrom mirsearch.cli import main\nmain()"
    command = (sys.executable, "-c", code, "mcp", "--index", served.location)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'mirsearch[mcp]'" in done.stderr
    assert done.stdout == ""


def test_over_http_programs_of_this_machine_are_answered_and_no_file_is_read(site: Site, served: Served) -> None:
    from mirsearch.mcp.server import make_server, serve_http
    from mirsearch.mcp.tools import Tools

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    tools = Tools(site.corpus, reads_files=False)
    threading.Thread(target=serve_http, args=(make_server(tools), port), daemon=True).start()
    address = f"http://127.0.0.1:{port}/mcp"

    async def talk() -> None:
        with anyio.fail_after(60):
            while not await _is_open(port):
                await anyio.sleep(0.05)
            async with Client(address) as client:
                await _counts(client, served)
                asked = {"image_path": str(served.query)}
                assert "reads no files" in failure(await client.call_tool("search", asked))

    anyio.run(talk)
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        kind = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        connection.request("POST", "/mcp", b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', kind | headers)
        assert connection.getresponse().status in (403, 421), headers
        connection.close()


async def _is_open(port: int) -> bool:
    try:
        stream = await anyio.connect_tcp("127.0.0.1", port)
    except OSError:
        return False
    await stream.aclose()
    return True
