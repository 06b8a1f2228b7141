"""The jobs of an index, in a database of its workspace: all processes of a server see the same, and the next one."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from mirsearch.errors import IndexBusyError, MirsearchError, NotFoundError
from mirsearch.files.sqlite_errors import Database
from mirsearch.settings import SERVE_LIMITS, ServeLimits
from mirsearch.text.foreign import parse_json
from mirsearch.web.jobs.job import OPEN_STATES, Job
from mirsearch.web.problems import Problem, ProblemError

DATABASE = "jobs.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL, client TEXT NOT NULL, size INTEGER NOT NULL, finished REAL, told TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_state ON jobs (state);
"""
_BUSY_SECONDS = 30.0
_RETRY_SECONDS = 60


class JobStore:
    """The jobs. Threads and processes may share it; each change is one transaction."""

    def __init__(self, workspace: Path, limits: ServeLimits = SERVE_LIMITS) -> None:
        self._path, self._limits = workspace / DATABASE, limits
        self._lock = threading.RLock()
        with self._explained():
            workspace.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            mend = f"move {self._path} away to start without earlier jobs"
            told = Database("the list of jobs", self._path.parent, "set MIRSEARCH_WORKSPACE", mend).explain(error)
            raise (IndexBusyError if told.kind == "busy" else MirsearchError)(told.message, told.remedy) from error

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _select(self, where: str, *values: Any) -> list[Job]:
        with self._lock, self._explained():
            rows = self._db.execute(f"SELECT told FROM jobs {where}", values).fetchall()  # noqa: S608  our own words
        return [_parse(text) for (text,) in rows]

    def check_room(self, client: str, size: int) -> None:
        """Raise ProblemError (429 or 507) where one more job of a client, with so many bytes, is too much."""
        with self._lock, self._explained():
            marks = ",".join("?" * len(OPEN_STATES))
            rows = self._db.execute(
                f"SELECT client, size FROM jobs WHERE state IN ({marks})",  # noqa: S608  our own words
                OPEN_STATES,
            ).fetchall()
        own = sum(owner == client for owner, _ in rows)
        if own >= self._limits.client_jobs:
            detail = f"{own} jobs of yours wait or run"
            raise ProblemError(Problem(429, detail, "wait until one has ended, or cancel one", _RETRY_SECONDS))
        if len(rows) >= self._limits.jobs_waiting:
            raise ProblemError(Problem(429, f"{len(rows)} jobs wait or run", "try again later", _RETRY_SECONDS))
        if sum(held for _, held in rows) + size > self._limits.jobs_bytes:
            detail = f"the files of all jobs have more than {self._limits.jobs_bytes:,} bytes"
            raise ProblemError(Problem(507, detail, "try again when others have ended", _RETRY_SECONDS))

    def add(self, job: Job) -> Job:
        """Keep a new job, unless there are too many."""
        with self._change() as db:
            self.check_room(job.client, job.size)
            db.execute(
                "INSERT INTO jobs (id, state, client, size, finished, told) VALUES (?, ?, ?, ?, ?, ?)", _row(job)
            )
        return job

    def get(self, job_id: str) -> Job:
        """Return a job. NotFoundError if there is none with this id, or it is no longer kept."""
        found = self._select("WHERE id = ?", job_id)
        if not found:
            raise NotFoundError(f"there is no job {job_id[:40]!r}", "its record may be past; /jobs lists all")
        return found[0]

    def all(self) -> list[Job]:
        """Return all jobs, the newest first."""
        return self._select("ORDER BY number DESC")

    def update(self, job_id: str, **changes: Any) -> Job:
        """Change fields of a job, and return it."""
        with self._change():
            return self._update(self.get(job_id), **changes)

    def cancel(self, job_id: str) -> Job:
        """Cancel a job: one that waits ends at once, one that runs is asked to stop."""
        with self._change():
            job = self.get(job_id)
            if job.state == "waiting":
                return self._update(job, state="cancelled", finished=time.time())
            return self._update(job, is_stopping=True) if job.state == "running" else job

    def queue_again(self, job_id: str, client: str) -> Job:
        """Let a job wait once more that ended before its work was done. ProblemError (409) for another one."""
        with self._change():
            job = self.get(job_id)
            if not job.can_continue:
                raise ProblemError(Problem(409, f"the job is {job.state}", "only one that ended early goes on"))
            self.check_room(client, job.size)
            return self._update(
                job, state="waiting", finished=None, is_stopping=False, message="", progress={}, failures=(), failed=0
            )

    def take_next(self) -> Job | None:
        """Let the oldest job that waits run, and return it; None if none waits."""
        if not self._select("WHERE state = 'waiting' LIMIT 1"):
            return None
        with self._change():
            waiting = self._select("WHERE state = 'waiting' ORDER BY number LIMIT 1")
            return self._update(waiting[0], state="running", started=time.time()) if waiting else None

    def end_orphans(self) -> None:
        """Call those interrupted that run in no process any more. Only who runs jobs may ask for it."""
        with self._change():
            for job in self._select("WHERE state = 'running'"):
                state = "cancelled" if job.is_stopping else "interrupted"
                message = "" if job.is_stopping else "the server ended while it ran; what was done is kept"
                self._update(job, state=state, finished=time.time(), message=message)

    def drop_old(self) -> list[Job]:
        """Forget the jobs that ended long ago, and those beyond the number that is kept. Return them."""
        oldest = time.time() - self._limits.jobs_seconds
        with self._change() as db:
            ended = self._select("WHERE finished IS NOT NULL ORDER BY finished DESC")
            old = [
                job for place, job in enumerate(ended)
                if place >= self._limits.jobs_kept or (job.finished or 0) < oldest
            ]  # fmt: skip
            db.executemany("DELETE FROM jobs WHERE id = ?", [(job.id,) for job in old])
        return old

    def _update(self, job: Job, **changes: Any) -> Job:
        changed = replace(job, **changes)
        values = _row(changed)
        self._db.execute(
            "UPDATE jobs SET state = ?, client = ?, size = ?, finished = ?, told = ? WHERE id = ?",
            (*values[1:], job.id),
        )
        return changed


def _row(job: Job) -> tuple[Any, ...]:
    return job.id, job.state, job.client, job.size, job.finished, json.dumps(job.to_stored())


def _parse(text: str) -> Job:
    try:
        return Job.from_stored(parse_json(text))
    except (ValueError, KeyError, TypeError) as error:
        raise MirsearchError("the list of jobs is damaged", f"move {DATABASE} in the workspace away") from error
