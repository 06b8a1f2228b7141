"""Copy the documents of one physical index into another, on the server."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

from elasticsearch import Elasticsearch

from mirsearch.errors import IndexAccessError
from mirsearch.indexes.comparison import MIN_TECHNIQUE_CONFIDENCE

POLL_SECONDS = 0.5
ALL_BUT_LOCK = {"bool": {"must_not": [{"term": {"doc_type": "lock"}}]}}
_PRESENT_RULES = """def panel = ctx._source.panel;
if (panel != null && panel.technique != null && panel.technique_confidence < params.least) { panel.technique = null }
def figure = ctx._source.figure;
if (figure != null && figure.origins instanceof List) {
  def places = new LinkedHashSet();
  def address = null;
  for (def origin : figure.origins) {
    places.add(origin.location);
    if (origin.location.startsWith('http://') || origin.location.startsWith('https://')) { address = origin.location }
  }
  figure.locations = new ArrayList(places);
  ctx._source.image_url = address;
}"""
"""What an earlier mirsearch stored otherwise: techniques that were guesses, and fields made from origins."""


def copy_documents(
    client: Elasticsearch, old: str, new: str, ensure_lock: Callable[[], None], progress: Callable[[int], None]
) -> None:
    """Copy on the server; documents that the new index already has in the same version stay as they are.

    `progress` is called with the number of copied documents.
    """
    task = client.reindex(
        source={"index": old, "query": ALL_BUT_LOCK, "size": 200},
        dest={"index": new, "version_type": "external"},
        script={"source": _PRESENT_RULES, "params": {"least": MIN_TECHNIQUE_CONFIDENCE}},
        conflicts="proceed",
        wait_for_completion=False,
    )["task"]
    try:
        while True:
            state = _read_task(client, str(task))
            status = state["task"]["status"]
            progress(int(status["created"] + status["updated"] + status["version_conflicts"]))
            if state["completed"]:
                break
            ensure_lock()
            time.sleep(POLL_SECONDS)
    except BaseException:
        client.options(ignore_status=404).tasks.cancel(task_id=task)
        raise
    failures = (state.get("response") or {}).get("failures") or []
    if failures or state.get("error"):
        cause = failures[0].get("cause", {}) if failures else state["error"]
        raise IndexAccessError(f"copying into {new} failed: {cause.get('reason', cause)}", "run the command again")


def _read_task(client: Elasticsearch, task: str) -> dict[str, Any]:
    with (
        warnings.catch_warnings()
    ):  # the client warns that the task API is a "technical preview"; it has been one since 2016
        warnings.simplefilter("ignore")
        state: dict[str, Any] = client.tasks.get(task_id=task).body
    return state
