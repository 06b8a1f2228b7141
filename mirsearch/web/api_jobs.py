"""The part of the HTTP API that adds figures, where this is allowed: jobs, their events, and their end."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import Field

from mirsearch.web import schema
from mirsearch.web.corpus import public_json
from mirsearch.web.job_page import job_words
from mirsearch.web.jobs.fields import JobFields
from mirsearch.web.jobs.job import Job
from mirsearch.web.jobs.jobs import Jobs, form_limits, jobs_of
from mirsearch.web.responses import json_answer, json_bytes

if TYPE_CHECKING:
    from mirsearch.web.site import Site

_JOB: dict[int | str, dict[str, Any]] = {200: {"model": schema.JobData}}
_ADDED: dict[int | str, dict[str, Any]] = {202: {"model": schema.JobData}}
_EVENT_SCHEMA = {
    "type": "object",
    "properties": {
        "event": {"const": "job"},
        "data": {"type": "string", "contentMediaType": "application/json", "description": "The job, in JSON."},
    },
}
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": _EVENT_SCHEMA}}}}


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


class ApiJob(JobFields):
    """What is added: files, or figures of articles with a keyword. The options of `mirsearch ingest`."""

    files: list[UploadFile] = Field(default=[], description="Pictures, PDF, archives, articles, tables.")


_JOB_FORM = {"requestBody": {"content": {"multipart/form-data": {"schema": ApiJob.model_json_schema()}}}}


def add_routes(router: APIRouter, site: Site) -> None:
    """Add the routes to those of the API."""

    @router.post(
        "/jobs", status_code=202, summary="Add figures", responses=_ADDED, response_model=None, openapi_extra=_JOB_FORM
    )
    async def create(request: Request) -> Response:
        """Add files, or figures of articles with a keyword. Off unless the server was started with --allow-ingest."""
        jobs = jobs_of(site)
        site.form_tokens.check_program(request)
        async with request.form(**form_limits()) as form:
            job = await jobs.create(form, request.state.client)
        return Response(
            json_bytes(job_json(site, job)), 202, {"Location": f"/api/v1/jobs/{job.id}"}, "application/json"
        )

    @router.get("/jobs", responses={200: {"model": schema.JobList}}, response_model=None)
    async def all_jobs(request: Request) -> Response:
        """Return all jobs that are kept, the newest first."""
        found = await to_thread.run_sync(jobs_of(site).all)
        return json_answer(request, {"jobs": [job_json(site, job) for job in found]})

    @router.get("/jobs/{job_id}", responses=_JOB, response_model=None)
    async def one_job(request: Request, job_id: str) -> Response:
        """Return a job: how far it is, what failed, and the figures that it added."""
        return json_answer(request, job_json(site, await to_thread.run_sync(jobs_of(site).get, job_id)))

    @router.get("/jobs/{job_id}/events", responses=_EVENTS, response_model=None, response_class=EventStream)
    async def events(request: Request, job_id: str) -> Response:
        """Send the job each time it changes, as server-sent events `job`, until it has ended."""
        jobs = jobs_of(site)
        await to_thread.run_sync(jobs.get, job_id)
        return EventStream(_events(site, jobs, job_id))

    @router.post("/jobs/{job_id}/cancel", responses=_JOB, response_model=None)
    async def cancel(request: Request, job_id: str) -> Response:
        """Cancel a job. What it has done stays."""
        jobs = jobs_of(site)
        site.form_tokens.check_program(request)
        return json_answer(request, job_json(site, await to_thread.run_sync(jobs.cancel, job_id)))

    @router.post("/jobs/{job_id}/again", responses=_JOB, response_model=None)
    async def again(request: Request, job_id: str) -> Response:
        """Let a job go on that ended before its work was done."""
        jobs = jobs_of(site)
        site.form_tokens.check_program(request)
        job = await to_thread.run_sync(jobs.run_again, job_id, request.state.client)
        return json_answer(request, job_json(site, job))


async def _events(site: Site, jobs: Jobs, job_id: str) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    async for job in jobs.watch(job_id, lambda: site.is_stopping):
        if job is None:
            yield b": still there\n\n"
        else:
            told = job_json(site, job) | {"view": dataclasses.asdict(job_words(site, job))}
            yield b"event: job\ndata: " + json.dumps(told).encode() + b"\n\n"


def job_json(site: Site, job: Job) -> dict[str, Any]:
    """Return what others may see of a job: no path of the machine."""

    def hide(value: Any) -> Any:
        if isinstance(value, str):
            return site.hide(value)
        if isinstance(value, list):
            return [hide(item) for item in value]
        return {key: hide(item) for key, item in value.items()} if isinstance(value, dict) else value

    told: dict[str, Any] = public_json(hide(job.as_json()))
    return told
