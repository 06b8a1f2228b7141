"""`mirsearch serve`: the search page and the HTTP API."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mirsearch import settings
from mirsearch.cli.parts import ExtractorChoice, load_extractor, load_index_extractor
from mirsearch.cli.shared_options import DeviceOption, IndexOption, OcrOption, ScaleBarsOption, WeightsOption
from mirsearch.cli.terminal import print_message, set_verbosity, verbosity
from mirsearch.files.interrupts import leave_now

if TYPE_CHECKING:
    from mirsearch.web.plan import ServePlan

ACCESS = "Who may ask"


def serve(
    index: IndexOption = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on; 0 takes any that is free.")] = 8765,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="File with tokens that open the server, one a line.", rich_help_panel=ACCESS),
    ] = None,
    auth_header: Annotated[
        str | None,
        typer.Option("--auth-header", help="Header in which a proxy names who has logged in.", rich_help_panel=ACCESS),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--trusted-proxy", help="Address or network of a proxy that is believed. May be repeated.",
            rich_help_panel=ACCESS,
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host", help="Another name by which the server is called. May be repeated.",
            rich_help_panel=ACCESS,
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="Number of processes that answer, for many users at once.")
    ] = 1,
    access_log: Annotated[
        str | None,
        typer.Option("--access-log", metavar="FILE", help="Log each request to a file; - is the terminal."),
    ] = None,
    access_log_format: Annotated[
        Literal["text", "json"], typer.Option("--access-log-format", help="Lines of text, or of JSON.")
    ] = "text",
    access_log_words: Annotated[
        bool, typer.Option("--access-log-words", help="Also log the words that people search for.")
    ] = False,
    allow_corrections: Annotated[
        bool,
        typer.Option(
            "--allow-corrections", help="Let people put readings right in the browser.", rich_help_panel=ACCESS
        ),
    ] = False,
    allow_ingest: Annotated[
        bool,
        typer.Option(
            "--allow-ingest", help="Let people add figures in the browser: files, or a keyword.", rich_help_panel=ACCESS
        ),
    ] = False,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
) -> None:  # fmt: skip
    """Serve the search page and the HTTP API, on this machine alone unless told otherwise. Ctrl-C stops it."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a query multiplies no large matrices
    from mirsearch.extras import check_extra

    check_extra("web", "mirsearch serve", ("fastapi", "uvicorn", "httptools", "python_multipart", "prometheus_client"))
    from mirsearch.web.access import make_access
    from mirsearch.web.access_log import AccessLogPlan
    from mirsearch.web.apart import Parts
    from mirsearch.web.corpus import Loaders
    from mirsearch.web.plan import ServePlan
    from mirsearch.web.shared import make_place

    access = make_access(host, allowed_host or (), token_file, auth_header, trusted_proxy or ())
    choice = ExtractorChoice(None, weights, device)
    loaders = Loaders(partial(load_index_extractor, choice=choice), Parts(ocr, scalebars))
    logged = None if access_log is None else AccessLogPlan(access_log, access_log_format, access_log_words)
    plan = ServePlan(
        settings.index_location(index), loaders, access, make_place(workers), allow_corrections,
        _ingest_options(choice, ocr, scalebars) if allow_ingest else None,
        access_log=logged, prepare=partial(set_verbosity, verbosity()),
    )  # fmt: skip
    _serve(plan, host, port, open_browser)
    print_message("stopped")
    leave_now(0)  # a search that was in hand may still run in its thread


def _ingest_options(choice: ExtractorChoice, ocr: str, scalebars: str) -> tuple[str, ...]:
    """Return the options with which a job ingests: the parts that the operator chose for the server."""
    options = [f"--ocr={ocr}", f"--scalebars={scalebars}"]
    options += [] if choice.weights is None else [f"--extractor-weights={choice.weights.resolve()}"]
    return (*options, *([] if choice.device is None else [f"--device={choice.device}"]))


def _make_index(location: str) -> None:
    """Make an empty index where there is none yet: figures may be added to it."""
    from mirsearch.indexes import open_existing, open_index
    from mirsearch.indexes.base import ExtractorIdentity

    index = open_existing(location)
    if index is None:
        model = load_extractor(settings.DEFAULT_EXTRACTOR)
        index = open_index(location, create=ExtractorIdentity(model.name, model.version, model.dims))
    index.close()


def _serve(plan: ServePlan, host: str, port: int, open_browser: bool) -> None:
    """Serve until the end is asked for, in this process or in several."""
    from mirsearch.web.app import create_app
    from mirsearch.web.server import serve_forever, server_address
    from mirsearch.web.shared import remove_place
    from mirsearch.web.workers import Workers, open_sockets

    try:
        if plan.ingest is not None:
            _make_index(plan.location)
        with ExitStack() as stack:
            site = plan.open_site()
            stack.callback(site.close)
            panels = site.corpus.counts()["panels"]
            sockets = open_sockets(host, port, plan.place.workers)
            for listening in sockets:
                stack.enter_context(listening)
            address = server_address(sockets[0], host)
            typer.echo(f"Serving {panels:,} panels of {plan.location} at {address} – Ctrl-C stops it")
            if open_browser:
                typer.launch(address)
            if plan.place.workers > 1:
                Workers(plan, sockets).run()
            else:
                Thread(target=site.warm_up, daemon=True).start()
                serve_forever(create_app(site), sockets[0], on_stop=site.stop)
    finally:
        remove_place(plan.place)
