"""The tools as a server of the Model Context Protocol, over standard input and output or over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from pydantic import BaseModel, ValidationError

from mirsearch import __version__
from mirsearch.errors import MirsearchError
from mirsearch.mcp.tools import FacetsTool, SearchTool, Shown, ShowTool, Tools
from mirsearch.settings import thread_count

_INSTRUCTIONS = """Panels of microscopy figures of scientific articles.
Search them by looks, physical scale and words; show a panel with its picture, caption, scale and article; count what
the corpus has. Cite the article of a hit, and name its license when you show its picture. A score compares the hits of
one answer; `match` tells how likely a hit is of the same kind."""
_READ_ONLY = types.ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)


@dataclass(frozen=True, slots=True)
class _Tool:
    title: str
    description: str
    arguments: type[BaseModel]
    run: Callable[[Any], Shown]


def _known_tools(tools: Tools) -> dict[str, _Tool]:
    return {
        "search": _Tool(
            "Search figures",
            "Find panels that look like an image at its physical scale, and whose captions have the given words. "
            "The arguments are the options of `mirsearch query`.",
            SearchTool, tools.search,
        ),
        "show": _Tool(
            "Show a panel, figure or article",
            "Return all data of a panel, or of the panels of a figure or article, with the picture.",
            ShowTool, tools.show,
        ),
        "facets": _Tool(
            "Count the corpus",
            "Count the panels that pass the filters by technique, kind, year, journal, license and field of view "
            "(by decade in nm), and the figures by source.",
            FacetsTool, tools.facets,
        ),
    }  # fmt: skip


def make_server(tools: Tools) -> Server[dict[str, Any]]:
    """Return the server of a corpus's tools."""
    known = _known_tools(tools)
    listed = [
        types.Tool(
            name=name, title=tool.title, description=tool.description, annotations=_READ_ONLY,
            input_schema=tool.arguments.model_json_schema(),
        )
        for name, tool in known.items()
    ]  # fmt: skip
    threads = anyio.CapacityLimiter(thread_count())

    async def list_tools(context: Any, wanted: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=listed)

    async def call_tool(context: Any, wanted: types.CallToolRequestParams) -> types.CallToolResult:
        tool = known.get(wanted.name)
        if tool is None:
            return _failed(f"there is no tool {wanted.name[:80]!r} (there are {', '.join(known)})")
        try:
            arguments = tool.arguments.model_validate(wanted.arguments or {})
            return _told(await anyio.to_thread.run_sync(tool.run, arguments, limiter=threads))
        except ValidationError as error:
            return _failed(_first_problem(error))
        except MirsearchError as error:
            return _failed(tools.hide(str(error)))

    return Server(
        "mirsearch", version=__version__, title="mirsearch", instructions=_INSTRUCTIONS,
        on_list_tools=list_tools, on_call_tool=call_tool,
    )  # fmt: skip


def _told(shown: Shown) -> types.CallToolResult:
    text = json.dumps(shown.data, ensure_ascii=False).encode("utf-8", "replace").decode()
    content: list[types.ContentBlock] = [types.TextContent(text=text)]
    pictures = (base64.b64encode(picture).decode() for picture in shown.pictures)
    content += [types.ImageContent(data=picture, mime_type="image/jpeg") for picture in pictures]
    return types.CallToolResult(content=content)


def _failed(message: str) -> types.CallToolResult:
    """Return a failure as the assistant should see it, so that it can ask better."""
    return types.CallToolResult(content=[types.TextContent(text=message)], is_error=True)


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the arguments'}: {first['msg']}"


async def serve_streams(server: Server[dict[str, Any]]) -> None:
    """Serve the program that started this one, until it closes this one's standard input."""
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def serve_http(server: Server[dict[str, Any]], port: int) -> None:
    """Serve programs of this machine at http://127.0.0.1:PORT/mcp until Ctrl-C; requests of web pages are refused."""
    import uvicorn

    uvicorn.run(
        server.streamable_http_app(host="127.0.0.1", stateless_http=True, json_response=True),
        host="127.0.0.1", port=port, http="h11", log_level="error", access_log=False,  # h11 bounds the size of a head
    )  # fmt: skip
