"""The sentence vectors of panels on a cluster: a field of vectors that is only scored, and the key of each text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from mirsearch.corpus import Figure, Panel
from mirsearch.errors import IndexMismatchError, MirsearchError
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.indexes.elasticsearch.bulk import BulkSender, update_action
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.current import lock_current_index
from mirsearch.indexes.elasticsearch.documents import Document, read_panel, round_vector
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.paging import Hit, snapshot_pages
from mirsearch.indexes.meanings import MeaningMaker, Meanings, Progress, rounded, said_text, text_key
from mirsearch.query import StoredPanel

FIELD, KEY_FIELD = "meaning", "meaning_key"
_PANELS_AT_ONCE = 64
_PANELS = {"bool": {"filter": [{"term": {"doc_type": "panel"}}]}}
_LENGTH_ERROR = 0.01
"""Greatest difference of a sentence vector's length from 1: it was rounded."""


def read_model(client: Elasticsearch, index: str) -> ExtractorIdentity | None:
    """Return the model of the sentence vectors of a physical index or alias; None if it has none."""
    (mappings,) = client.indices.get_mapping(index=index).values()
    stored = ((mappings["mappings"].get("_meta") or {}).get("mirsearch") or {}).get(FIELD)
    return None if not stored else ExtractorIdentity(stored["name"], stored["version"], int(stored["dims"]))


def write_model(client: Elasticsearch, index: str, model: ExtractorIdentity | None) -> None:
    """Tell in `_meta` of a physical index which model made its sentence vectors, or that it has none."""
    (mappings,) = client.indices.get_mapping(index=index).values()
    meta = dict(mappings["mappings"].get("_meta") or {})
    own = {name: value for name, value in (meta.get("mirsearch") or {}).items() if name != FIELD}
    meta["mirsearch"] = own | ({} if model is None else {FIELD: model_json(model)})
    client.indices.put_mapping(index=index, meta=meta)


def model_json(model: ExtractorIdentity) -> dict[str, Any]:
    """Return a model as `_meta` has it."""
    return {"name": model.name, "version": model.version, "dims": model.dims}


def add_fields(client: Elasticsearch, index: str, model: ExtractorIdentity) -> None:
    """Give a physical index the fields of sentence vectors. They are scored exactly, so they need no graph."""
    (mappings,) = client.indices.get_mapping(index=index).values()
    present = (mappings["mappings"].get("properties") or {}).get(FIELD)
    if present is not None and int(present["dims"]) != model.dims:
        raise IndexMismatchError(
            f"the index {index} had sentence vectors of {present['dims']} numbers, and {model} has {model.dims}",
            "take them out, copy the index (mirsearch index migrate), and add them again",
        )
    client.indices.put_mapping(
        index=index,
        properties={
            FIELD: {"type": "dense_vector", "dims": model.dims, "index": False},
            KEY_FIELD: {"type": "keyword", "index": False, "doc_values": False},
        },
    )


def panel_meanings(
    panels: Sequence[Panel], figures: Sequence[Figure], known: Meanings, maker: MeaningMaker
) -> list[Document]:
    """Return the fields of panels that hold what is said of them. A panel without any word has a key alone."""
    texts = [_text_of(panel, figure) for panel, figure in zip(panels, figures, strict=True)]
    vectors = maker.vectors(texts, known)
    fields: list[Document] = []
    for text, vector in zip(texts, vectors, strict=True):
        own: Document = {KEY_FIELD: text_key(maker.model, text)}
        if vector.any():
            own[FIELD] = round_vector(vector)  # packed, `fields` would not give it back as numbers
        fields.append(own)
    return fields


def record_meanings(record: FigureRecord, maker: MeaningMaker) -> list[Document]:
    """Return the fields of :func:`panel_meanings` for the panels of a figure, in reading order."""
    return panel_meanings(record.panels, [record.figure] * len(record.panels), record.meanings, maker)


def read_meanings(hits: Sequence[Hit]) -> Meanings:
    """Return the sentence vectors of panels, by the key of their texts, from hits with `fields` of FIELD."""
    pairs = ((hit["_source"].get(KEY_FIELD), (hit.get("fields") or {}).get(FIELD)) for hit in hits)
    return {str(key): rounded(np.array(vector, np.float32)) for key, vector in pairs if key and vector}


def add_missing(
    client: Elasticsearch,
    address: Address,
    index: str,
    maker: MeaningMaker,
    bulk: BulkSender,
    report: Callable[[int], object],
) -> int:
    """Write the sentence vectors of all panels that have none of this model and of their present texts.

    `report` is told how many panels were looked at. Returns how many were written.
    """
    done = written = 0
    pages = snapshot_pages(
        client, address, index, size=_PANELS_AT_ONCE, query=_PANELS, sort=[{"panel.id": "asc"}],
        source_excludes=["vector", FIELD, "thumbnail", "words", "caption_terms"],
    )  # fmt: skip
    for hits in pages:
        report(done)
        with read_answers(address):
            stored = [read_panel(hit["_source"]) for hit in hits]
            missing = [
                (hit["_id"], each)
                for hit, each in zip(hits, stored, strict=True)
                if hit["_source"].get(KEY_FIELD) != text_key(maker.model, _text_of(each.panel, each.figure))
            ]
            panels, figures = [each.panel for _, each in missing], [each.figure for _, each in missing]
            fields = panel_meanings(panels, figures, {}, maker)
            bulk.add([update_action(index, doc_id, own | ({} if FIELD in own else {FIELD: None}))
                      for (doc_id, _), own in zip(missing, fields, strict=True)])  # fmt: skip
        done, written = done + len(hits), written + len(missing)
    with read_answers(address):
        bulk.flush()
    return written


def find_fault(stored: StoredPanel, document: Document, model: ExtractorIdentity) -> str | None:
    """Return what is wrong with the sentence vector of a panel, None for nothing.

    `document` has the fields of the panel, with the vector as a list.
    """
    text = _text_of(stored.panel, stored.figure)
    if document.get(KEY_FIELD) != text_key(model, text):
        return "its sentence vector is missing, or of another text"
    vector = np.asarray(document.get(FIELD) or [], np.float64)
    if not len(vector):
        return "its sentence vector is missing" if text.strip() else None
    length = float(np.linalg.norm(vector))
    return None if abs(length - 1) <= _LENGTH_ERROR else f"its sentence vector has the length {length:.3g}, not 1"


def make_again(client: Elasticsearch, address: Address, index: str, panel_ids: Iterable[str], bulk: BulkSender) -> str:
    """Make damaged sentence vectors again; where the model is not installed, take all out. Returns what was done."""
    model = read_model(client, index)
    assert model is not None, "only an index with a model has faults of sentence vectors"
    try:
        maker = MeaningMaker(model)
        maker.check()
    except MirsearchError as error:
        write_model(client, index, None)
        return f"the sentence vectors were taken out ({error}); add them again: mirsearch reembed --meaning"
    bulk.add([update_action(index, panel_id, {KEY_FIELD: None, FIELD: None}) for panel_id in panel_ids])
    bulk.flush()
    client.indices.refresh(index=index)
    count = add_missing(client, address, index, maker, bulk, lambda _: None)
    return f"the sentence vectors of {count} panels were made again"


class MeaningOnCluster:
    """The part of an index that has sentence vectors. See `MeaningIndex`."""

    _address: Address
    _client: Elasticsearch

    def meaning(self) -> ExtractorIdentity | None:
        """Return the model of the index's sentence vectors; None if it has none."""
        with read_answers(self._address):
            return read_model(self._client, self._address.name)

    def add_meaning(self, model: ExtractorIdentity, progress: Progress | None = None) -> int:
        """Give every panel a sentence vector of this model. They are used from the end on."""
        maker = MeaningMaker(model)
        maker.check()
        with read_answers(self._address):
            lock = lock_current_index(self._client, self._address)
        bulk = BulkSender(self._client, self._address, lock.ensure_held)
        try:
            with read_answers(self._address):
                if read_model(self._client, lock.index) not in (None, model):
                    write_model(self._client, lock.index, None)
                add_fields(self._client, lock.index, model)
                self._client.indices.refresh(index=lock.index)
                total = int(self._client.count(index=lock.index, query=_PANELS)["count"])
            add_missing(self._client, self._address, lock.index, maker, bulk,
                        lambda done: progress and progress(done, total))  # fmt: skip
            with read_answers(self._address):
                self._client.indices.refresh(index=lock.index)
                write_model(self._client, lock.index, model)
            if progress is not None:
                progress(total, total)
        finally:
            bulk.close()
            with read_answers(self._address):
                lock.release()
        return total

    def remove_meaning(self) -> None:
        """Take all sentence vectors out."""
        with read_answers(self._address):
            lock = lock_current_index(self._client, self._address)
            try:
                write_model(self._client, lock.index, None)
                self._client.update_by_query(
                    index=lock.index,
                    query={"term": {"doc_type": "panel"}},
                    script={"source": f"ctx._source.remove('{FIELD}'); ctx._source.remove('{KEY_FIELD}')"},
                    conflicts="proceed",
                    refresh=True,
                )
            finally:
                lock.release()


def _text_of(panel: Panel, figure: Figure) -> str:
    return said_text(panel.caption, panel.heading, figure.mentions, figure.label, panel.label)
