"""`--workers dask://HOST:8786`: the workers of a Dask scheduler, on any number of machines.

Dask (Rocklin 2015, Proceedings of the 14th Python in Science Conference) brings the scheduling, the transport and its
encryption. What is sent and taken back is bytes. Each task may be begun twice by us and never by Dask itself, so that a
figure that ends its worker ends two of them at most.
"""

from __future__ import annotations

import time
import uuid
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirsearch.errors import WorkersError
from mirsearch.executors.base import BytesFunction, WorkerLostError

if TYPE_CHECKING:
    import distributed

_TCP_PORT = 8786
_CONNECT_SECONDS = 15.0
_FIRST_WORKER_SECONDS = 60.0
"""How long a scheduler without workers is waited for. A batch system may take that to start one."""
_GONE_SECONDS = 60.0
"""How long a run goes on without a scheduler, or without a worker, before it ends."""
_COUNT_SECONDS = 1.0
_DESERIALIZERS = ("dask", "msgpack")
"""How results are read: as bytes, never by pickle, which would run what a worker wrote."""
_PREFIX = "mirsearch-"
_START = "start one: dask worker ADDRESS --nthreads 1 --nworkers N, where mirsearch is installed"


class DaskExecutor:
    """The workers of a scheduler, as they come and go. `address` is HOST:PORT behind dask:// or dask+tls://.

    The certificates for dask+tls:// are those of Dask's own configuration (distributed.comm.tls). Instead of an address
    it may be the file that `dask scheduler --scheduler-file` writes.
    """

    def __init__(self, address: str) -> None:
        import_distributed()
        self.address = address
        self._client = _connect(address)
        self._threads, self._counted_at, self._seen_at = 0, 0.0, time.monotonic()
        try:
            self._client.register_plugin(_once_plugin())
            self._client.wait_for_workers(1, timeout=_FIRST_WORKER_SECONDS)
        except TimeoutError as error:
            self.shutdown(wait=False)
            raise WorkersError(f"the Dask scheduler at {address} has no worker", _START) from error
        except OSError as error:
            self.shutdown(wait=False)
            raise WorkersError(f"the Dask scheduler at {address} was lost: {error}", "start it again") from error

    @property
    def count(self) -> int:
        """How many threads the workers have together now; at least 1, so that what is sent waits for one."""
        now = time.monotonic()
        if now - self._counted_at > _COUNT_SECONDS:
            self._counted_at = now
            told = self._client.scheduler_info(n_workers=-1).get("workers", {})
            self._threads = sum(int(worker.get("nthreads", 0)) for worker in told.values())
            if self._threads and self._client.status == "running":
                self._seen_at = now
        return max(1, self._threads)

    def check(self) -> None:
        """Raise WorkersError if the scheduler has been gone for long, or has had no worker for long."""
        status = self._client.status
        if status in ("closed", "closing"):
            raise WorkersError(f"the Dask scheduler at {self.address} is gone", _AGAIN)
        if self.count and time.monotonic() - self._seen_at > _GONE_SECONDS:
            what = "has no worker any more" if status == "running" else "does not answer"
            raise WorkersError(f"the Dask scheduler at {self.address} {what}", _AGAIN)

    def submit(self, function: BytesFunction, task: bytes, /) -> Future[bytes]:
        """Call a function in a worker. The future raises WorkerLostError if that is lost."""
        key = f"{_PREFIX}{uuid.uuid4().hex}"
        remote = self._client.submit(function, task, key=key, pure=False, retries=0)
        future: Future[bytes] = Future()
        future.set_running_or_notify_cancel()
        remote.add_done_callback(lambda done: _hand_over(done, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the scheduler and its workers to others. What they have in hand for us they finish, for nobody."""
        with suppress(Exception):  # it may be gone; there is nothing to tell about leaving it
            self._client.close(timeout=2)


_AGAIN = "finished work is kept; start it, and run the same command again"


def import_distributed() -> Any:
    """Return the package. Raises MissingDependencyError that names the extra."""
    try:
        import distributed
    except ModuleNotFoundError as error:
        from mirsearch.extras import missing_extra_error

        raise missing_extra_error("--workers dask://", error) or error from error
    return distributed


def _connect(address: str) -> distributed.Client:
    import dask
    from distributed import Client

    scheme, found, host = address.partition("://")
    where: dict[str, Any] = {"scheduler_file": address}
    if found:
        protocol = "tls" if scheme in ("dask+tls", "tls") else "tcp"
        port = "" if host.rpartition(":")[2].isdecimal() else f":{_TCP_PORT}"
        where = {"address": f"{protocol}://{host}{port}"}
    elif not Path(address).is_file():
        raise WorkersError(f"--workers dask:{address}: there is no such scheduler file", "give dask://HOST:8786")
    try:
        # A figure may have some MB; Dask warns of more than 10, since most of its tasks are small.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"}):
            return Client(
                **where, timeout=_CONNECT_SECONDS, set_as_default=False, name="mirsearch", direct_to_workers=False,
                deserializers=_DESERIALIZERS,
            )  # fmt: skip
    except TypeError as error:  # so Dask says that there are no certificates
        raise WorkersError(f"no certificates for {address} are set", "set distributed.comm.tls of Dask") from error
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        told = str(error).splitlines() or [type(error).__name__]
        raise WorkersError(
            f"no Dask scheduler answers at {address} ({told[0][:200]})", "start one: dask scheduler --port 8786"
        ) from error


def _hand_over(done: distributed.Future[bytes], future: Future[bytes]) -> None:
    """Give what a task gave to a future of the standard library."""
    try:
        if done.status == "finished":
            future.set_result(done.result(timeout=_CONNECT_SECONDS))
            return
        error = done.exception(timeout=_CONNECT_SECONDS) if done.status == "error" else None
        future.set_exception(WorkerLostError(_cause(error, done.status)))
    except BaseException as error:  # noqa: BLE001  whatever Dask raises: there is no result
        if not future.done():
            future.set_exception(WorkerLostError(f"{type(error).__name__}: {error}"))


def _cause(error: BaseException | None, status: str) -> str:
    if type(error).__name__ == "KilledWorker":
        return f"{getattr(getattr(error, 'last_worker', None), 'address', 'a worker')} died"
    return f"{type(error).__name__}: {error}" if error is not None else f"the scheduler was lost ({status})"


def _once_plugin() -> Any:
    """Return what lets the scheduler give up a task of ours when the first worker dies with it: we try it again."""
    from distributed import SchedulerPlugin

    class BeginOnce(SchedulerPlugin):  # type: ignore[misc]  # its base is Any without the extra
        """Counts a task of ours as one that has failed as often as the scheduler allows."""

        name, idempotent = "mirsearch-begin-once", True

        def start(self, scheduler: Any) -> None:
            self.scheduler = scheduler

        def transition(self, key: Any, start: str, finish: str, *args: Any, **details: Any) -> None:
            if finish == "processing" and str(key).startswith(_PREFIX):
                task = self.scheduler.tasks.get(key)
                if task is not None:
                    task.suspicious = max(task.suspicious, self.scheduler.allowed_failures)

    return BeginOnce()
