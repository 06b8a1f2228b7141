"""What the pages of jobs show: the forms, the list, and how far one job is, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mirsearch.report.wording import article_title, clean_text
from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.addresses import panel_address
from mirsearch.web.jobs.job import Job
from mirsearch.web.problems import Problem
from mirsearch.web.rendering import render

if TYPE_CHECKING:
    from mirsearch.web.site import Site

_LAST_JOBS = 6
_SHOWN_FIGURES = 60
_SHOWN_FAILURES = 200
_STATES = {
    "waiting": "waits for its turn", "running": "running", "done": "done", "failed": "failed",
    "cancelled": "cancelled", "interrupted": "interrupted",
}  # fmt: skip
_PHASES = {
    "looking": "looking at the files", "searching": "searching for articles", "figures": "reading figures",
    "waiting": "waiting for the index", "finishing": "finishing",
}  # fmt: skip
_SERVICES = {"europepmc": "Europe PMC", "pmc": "PMC", "arxiv": "arXiv"}
_TYPED = (
    "keyword", "service", "in", "since", "until", "journal", "license", "max_articles", "max_figures", "pages",
    "projection", "source",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job in a list."""

    title: str
    address: str
    state: str
    told: str
    figures: str
    created: str


@dataclass(frozen=True, slots=True)
class AddView:
    """The page with the forms. `typed` are the values of a form that could not be used."""

    token: str
    sources: tuple[str, ...]
    services: tuple[tuple[str, str], ...]
    most_files: str
    most_bytes: str
    jobs: tuple[JobRow, ...]
    typed: Mapping[str, str]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class AddedFigure:
    """A figure that came in: its name, its page, and the picture of its first panel."""

    name: str
    address: str
    picture: str


@dataclass(frozen=True, slots=True)
class JobWords:
    """How far a job is, in words, and as so much of a total (0: not known)."""

    told: str
    counts: str
    current: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class JobView:
    """The page of a job."""

    id: str
    title: str
    address: str
    state: str
    told: str
    asked: str
    is_open: bool
    can_continue: bool
    token: str
    done: int
    total: int
    counts: str
    current: str
    notes: tuple[str, ...]
    problem: Problem | None
    failures: tuple[tuple[str, str], ...]
    more_failures: int
    figures: tuple[AddedFigure, ...]
    more_figures: int


def add_page(
    site: Site, token: str, jobs: Sequence[Job], typed: Mapping[str, str] | None = None, problem: Problem | None = None
) -> str:
    """Return the page with the forms."""
    from mirsearch import plugins

    services = tuple((name, _SERVICES.get(name, name)) for name in sorted(plugins.names("services"), key=_by_use))
    view = AddView(
        token=token,
        sources=tuple(sorted(plugins.names("sources"))),
        services=services,
        most_files=f"{SERVE_LIMITS.job_files:,}",
        most_bytes=f"{SERVE_LIMITS.job_bytes / 2**30:g} GB",
        jobs=tuple(_row(site, job) for job in jobs[:_LAST_JOBS]),
        typed=dict.fromkeys(_TYPED, "") | dict(typed or {}),
        problem=problem,
    )
    return render("add.html", view=view)


def jobs_page(site: Site, jobs: Sequence[Job]) -> str:
    """Return the page with all jobs."""
    days = SERVE_LIMITS.jobs_seconds // 86_400
    return render("jobs.html", jobs=[_row(site, job) for job in jobs], days=days)


def job_page(site: Site, job: Job, token: str) -> str:
    """Return the page of a job."""
    words = job_words(site, job)
    figures = tuple(filter(None, (_added(site, each) for each in job.figures[:_SHOWN_FIGURES])))
    problem = Problem(200, site.hide(job.message)) if job.message and not job.is_open else None
    shown = tuple((_hidden(site, file), _hidden(site, reason)) for file, reason in job.failures[:_SHOWN_FAILURES])
    view = JobView(
        id=job.id, title=job.title, address=f"/jobs/{job.id}", state=job.state, told=words.told, asked=_asked(job),
        is_open=job.is_open, can_continue=job.can_continue, token=token, done=words.done, total=words.total,
        counts=words.counts, current=words.current, notes=tuple(_notes(site, job)), problem=problem, failures=shown,
        more_failures=max(job.failed - len(shown), 0), figures=figures, more_figures=job.added - len(figures),
    )  # fmt: skip
    return render("job.html", view=view)


def job_words(site: Site, job: Job) -> JobWords:
    """Return how far a job is."""
    told = _STATES.get(job.state, job.state)
    if job.state == "running":
        told = "stopping" if job.is_stopping else _PHASES.get(str(job.progress.get("phase")), "starting")
    numbers = job.progress if job.is_open else _last_numbers(job)
    done, total = _number(numbers, "done"), _number(numbers, "total") or _number(numbers, "expected")
    counts = [
        f"{done:,} of {total:,} files" if total and job.is_open else "",
        f"{_number(numbers, 'new'):,} new figures" if numbers else "",
        f"{_number(numbers, 'panels'):,} panels" if numbers else "",
        f"{_number(numbers, 'already_there'):,} already there" if _number(numbers, "already_there") else "",
        f"{_number(numbers, 'articles'):,} of {_number(numbers, 'hits'):,} articles" if "hits" in numbers else "",
        f"{job.failed:,} failed" if job.failed else "",
        *(_pace(numbers.get("rate"), total - done) if job.is_open else ()),
    ]
    file = str(job.progress.get("file", "")) if job.state == "running" else ""
    planes = _number(job.progress, "planes")
    current = f"{clean_text(file, 80)}, plane {_number(job.progress, 'plane')} of {planes}" if planes > 1 else file
    return JobWords(told, " · ".join(filter(None, counts)), clean_text(current, 120), min(done, total), total)


def _pace(rate: object, left: int) -> list[str]:
    """Return how fast a job is, and how long it will still take, as far as that can be told."""
    if not isinstance(rate, int | float) or rate <= 0:
        return []
    told = [f"{rate:.1f} a second" if rate >= 1 else f"{60 * rate:.0f} a minute"]
    if left > 0:
        seconds = left / rate
        told.append(f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:,.0f} min left")
    return told


def _last_numbers(job: Job) -> dict[str, Any]:
    if job.summary is None:
        return job.progress
    figures, panels = job.summary.get("figures", {}), job.summary.get("panels", {})
    return {**job.progress, **figures, "panels": panels.get("new", 0)}


def _notes(site: Site, job: Job) -> list[str]:
    summary = job.summary or {}
    notes = []
    if summary.get("deleted_before"):
        notes.append(f"{summary['deleted_before']} left out that were deleted from the index before")
    notes += [f"left out: {each.get('files')} {each.get('kind')}: {each.get('remedy')}"
              for each in summary.get("skipped", [])]  # fmt: skip
    notes += [f"{each.get('file')}: {each.get('note')}" for each in summary.get("notes", [])]
    notes += map(_acquired, summary.get("acquisitions", []))
    return [_hidden(site, note) for note in notes[:20]]


def _acquired(report: Mapping[str, Any]) -> str:
    """Return what a service gave, in the words of the command line."""
    articles, figures = report.get("articles", {}), report.get("figures", {})
    told = (
        f"{_SERVICES.get(str(report.get('service')), '')}: {articles.get('hits', 0)} hits, {articles.get('taken', 0)} "
        f"articles taken, {figures.get('wanted', 0)} figures wanted, {figures.get('fetched', 0)} fetched"
    )
    left = [f"{n} {unit} ({reason})" for unit, part in (("articles", articles), ("figures", figures))
            for reason, n in part.get("skipped", {}).items()]  # fmt: skip
    return f"{told}; left out: {', '.join(left)}" if left else told


def _asked(job: Job) -> str:
    if job.content:
        return f"{job.files:,} {'file' if job.files == 1 else 'files'}, {_bytes(job.size)}"
    given = {name: value for name, value in job.asked.items() if name not in ("keyword", "source")}
    return ", ".join(f"{name.replace('_', ' ')}: {clean_text(str(value), 60)}" for name, value in given.items())


def _added(site: Site, figure_id: str) -> AddedFigure | None:
    """Return a figure that is in the index; None if it has gone."""
    panels = site.corpus.index.figure_panels(figure_id)
    if not panels:
        return None
    figure = panels[0].figure
    name = clean_text(figure.label or "", 40) or f"{len(panels)} {'panel' if len(panels) == 1 else 'panels'}"
    title = article_title(figure.article, 60) if figure.article is not None else ""
    return AddedFigure(
        f"{name}, {title}" if title else name, f"/figures/{quote(figure_id, safe='')}",
        panel_address(panels[0].panel.id),
    )  # fmt: skip


def _row(site: Site, job: Job) -> JobRow:
    words = job_words(site, job)
    created = datetime.fromtimestamp(job.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    figures = _number(_last_numbers(job), "new")
    failed = f", {job.failed:,} failed" if job.failed else ""
    return JobRow(job.title, f"/jobs/{job.id}", job.state, words.told, f"{figures:,} new{failed}", created)


def _hidden(site: Site, text: str) -> str:
    return clean_text(site.hide(text), 1_000)


def _number(numbers: Mapping[str, Any], name: str) -> int:
    value = numbers.get(name)
    return int(value) if isinstance(value, int | float) else 0


def _by_use(name: str) -> tuple[int, str]:
    known = list(_SERVICES)
    return (known.index(name) if name in known else len(known), name)


def _bytes(size: int) -> str:
    """Return a size in the units that people know."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size} bytes"
