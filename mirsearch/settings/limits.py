"""Upper bounds on what comes from outside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds on input from outside."""

    image_bytes: int = 1 << 30
    image_pixels: int = 250_000_000
    image_pages: int = 500
    image_expansion: int = 5_000
    figure_images: int = 24
    stack_bytes: int = 64 << 30
    stack_planes: int = 100_000
    plane_side: int = 4_096
    page_side: int = 200_000
    archive_bytes: int = 4 << 30
    archive_entries: int = 100_000
    archive_pictures: int = 2_000
    image_free_bytes: int = 64 << 20
    xml_bytes: int = 100 << 20
    json_bytes: int = 500 << 20
    json_values: int = 10_000_000
    table_bytes: int = 200 << 20
    table_rows: int = 1_000_000
    download_bytes: int = 256 << 20
    pdf_bytes: int = 500 << 20
    pdf_pages: int = 1_000
    pdf_figures: int = 500
    pdf_seconds: int = 120
    worker_seconds: int = 60
    worker_memory_bytes: int = 2 << 30
    worker_bytes: int = 512 << 20
    caption_chars: int = 50_000
    caption_parsed_chars: int = 8_000
    caption_latex_chars: int = 20_000
    postscript_seconds: int = 30
    mentions: int = 20
    mention_chars: int = 1_000
    field_chars: int = 2_000
    card_bytes: int = 4 << 20
    model_bytes: int = 4 << 30
    query_top: int = 10_000
    query_images: int = 16
    query_terms: int = 64
    weights_bytes: int = 8 << 30
    extractor_side: int = 4096


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class ServeLimits:
    """Upper bounds of `mirsearch serve`: what a client may send, ask for and hold, and what is kept for it."""

    upload_bytes: int = 128 << 20
    upload_pixels: int = 64_000_000
    kept_bytes: int = 1 << 30
    kept_images: int = 20_000
    kept_seconds: int = 86_400
    form_bytes: int = 64 << 10
    top: int = 1_000
    connections: int = 512
    client_requests: int = 128
    waiting_seconds: int = 60
    header_seconds: int = 10
    stalled_seconds: int = 30
    request_seconds: int = 600
    reading_seconds: int = 120
    stop_seconds: int = 10
    cache_bytes: int = 256 << 20
    answer_bytes: int = 32 << 20
    job_bytes: int = 2 << 30
    job_files: int = 5_000
    job_seconds: int = 86_400
    job_memory_bytes: int = 8 << 30
    client_jobs: int = 4
    jobs_waiting: int = 32
    jobs_bytes: int = 8 << 30
    jobs_kept: int = 200
    jobs_seconds: int = 7 * 86_400


SERVE_LIMITS = ServeLimits()
