"""The pages that add figures: forms, the list of jobs, and a page for each job. They work without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from anyio import to_thread
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mirsearch.errors import MirsearchError
from mirsearch.web.csrf import FIELD
from mirsearch.web.job_page import add_page, job_page, jobs_page
from mirsearch.web.jobs.job import Job
from mirsearch.web.jobs.jobs import form_limits, jobs_of
from mirsearch.web.problems import Problem, ProblemError, error_problem, wants_json
from mirsearch.web.search_page import form_words

if TYPE_CHECKING:
    from mirsearch.web.site import Site

_NEVER_KEPT = {"Cache-Control": "no-store"}


def job_routes(site: Site) -> list[BaseRoute]:
    """Return the routes of the pages that add figures."""

    async def add(request: Request) -> Response:
        jobs = jobs_of(site)
        cookie, token = site.form_tokens.issue(request)
        page = await to_thread.run_sync(lambda: add_page(site, token, jobs.all()))
        return _answer(site, request, page, cookie)

    async def create(request: Request) -> Response:
        jobs = jobs_of(site)
        async with request.form(**form_limits()) as form:
            site.form_tokens.check(request, str(form.get(FIELD, "")))
            try:
                job = await jobs.create(form, request.state.client, (FIELD,))
            except (MirsearchError, ProblemError) as error:
                if wants_json(request.url.path, request.headers.get("accept", "")):
                    raise
                problem, typed = _told(site, error), _typed(form)
            else:
                return RedirectResponse(f"/jobs/{job.id}", 303)
        cookie, token = site.form_tokens.issue(request)
        page = await to_thread.run_sync(lambda: add_page(site, token, jobs.all(), typed, problem))
        return _answer(site, request, page, cookie, problem.status)

    async def all_jobs(request: Request) -> Response:
        found = await to_thread.run_sync(jobs_of(site).all)
        return HTMLResponse(await to_thread.run_sync(jobs_page, site, found), headers=_NEVER_KEPT)

    async def one_job(request: Request) -> Response:
        jobs = jobs_of(site)
        cookie, token = site.form_tokens.issue(request)
        page = await site.searches.run(lambda: job_page(site, jobs.get(request.path_params["job_id"]), token))
        return _answer(site, request, page, cookie)

    async def change(request: Request) -> Response:
        jobs = jobs_of(site)
        body = (await request.body()).decode("utf-8", "replace")
        site.form_tokens.check(request, dict(parse_qsl(body, max_num_fields=5)).get(FIELD, ""))
        job_id = request.path_params["job_id"]
        if request.url.path.endswith("/cancel"):
            job: Job = await to_thread.run_sync(jobs.cancel, job_id)
        else:
            job = await to_thread.run_sync(jobs.run_again, job_id, request.state.client)
        return RedirectResponse(f"/jobs/{job.id}", 303)

    return [
        Route("/add", add),
        Route("/jobs", all_jobs, methods=["GET"]),
        Route("/jobs", create, methods=["POST"]),
        Route("/jobs/{job_id}", one_job),
        Route("/jobs/{job_id}/cancel", change, methods=["POST"]),
        Route("/jobs/{job_id}/again", change, methods=["POST"]),
    ]


def _told(site: Site, error: MirsearchError | ProblemError) -> Problem:
    problem = error.problem if isinstance(error, ProblemError) else error_problem(error)
    detail, remedy = (form_words(site.hide(text)) for text in (problem.detail, problem.remedy))
    return Problem(problem.status, detail, remedy, problem.retry_after)


def _typed(form: FormData) -> dict[str, str]:
    """Return the words of a form, so that nobody types them twice. Files can't be kept."""
    typed = {name: value[:200] for name, value in form.multi_items() if isinstance(value, str) and name != FIELD}
    return typed | {"service": typed.get("source", "")}


def _answer(site: Site, request: Request, page: str, cookie: str, status: int = 200) -> Response:
    answer = HTMLResponse(page, status, headers=_NEVER_KEPT)
    site.form_tokens.keep(request, answer, cookie)
    return answer
