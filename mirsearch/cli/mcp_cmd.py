"""`mirsearch mcp`: tools for assistants."""

from __future__ import annotations

import os
from functools import partial
from typing import Annotated

import typer

from mirsearch import settings
from mirsearch.cli.parts import ExtractorChoice, load_index_extractor
from mirsearch.cli.shared_options import DeviceOption, IndexOption, OcrOption, ScaleBarsOption, WeightsOption
from mirsearch.cli.terminal import print_message


def mcp(
    index: IndexOption = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=1, max=65_535, help="Answer over HTTP at this port of 127.0.0.1, not over standard input."
        ),
    ] = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
) -> None:  # fmt: skip
    """Let an assistant search and show the corpus over the Model Context Protocol. Writes nothing."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a query multiplies no large matrices
    from mirsearch.extras import check_extra

    check_extra("mcp", "mirsearch mcp", ("mcp_types", "mcp", "pydantic", "starlette"))
    import anyio

    from mirsearch.mcp.server import make_server, serve_http, serve_streams
    from mirsearch.mcp.tools import Tools
    from mirsearch.web.apart import Parts
    from mirsearch.web.corpus import Corpus, Loaders

    loaders = Loaders(
        partial(load_index_extractor, choice=ExtractorChoice(None, weights, device)), Parts(ocr, scalebars)
    )  # fmt: skip
    corpus = Corpus(settings.index_location(index), loaders)
    try:
        server = make_server(Tools(corpus, reads_files=port is None))
        panels = corpus.counts()["panels"]
        if port is None:
            print_message(f"tools for {panels:,} panels of {corpus.location}, over standard input and output")
            anyio.run(serve_streams, server)
        else:
            print_message(f"tools for {panels:,} panels of {corpus.location} at http://127.0.0.1:{port}/mcp")
            serve_http(server, port)
    finally:
        corpus.close()
