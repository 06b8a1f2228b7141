"""The references for the benchmark of the embedded index: one pass over the bytes of its matrix, and LanceDB."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from mirsearch import settings
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.query import SearchRequest
from mirsearch.ranking import combine, scale_term, text_term, visual_term
from mirsearch.text.tokens import query_terms

TOP = 10
LANCE_TOP = 1_000


class OnePass:
    """Reads the bytes of the matrix once with all threads, and only finds the largest number."""

    def __init__(self, index: EmbeddedIndex) -> None:
        with index._readers.transaction() as connection:
            (block,) = index._matrix.snapshot(connection).blocks
        words = block.reshape(-1).view(np.uint64)
        self.threads = settings.thread_count()
        self.parts = np.array_split(words, self.threads)
        self.pool = ThreadPoolExecutor(self.threads)

    def __call__(self, _: SearchRequest) -> None:
        """Read the matrix."""
        if self.threads == 1:
            self.parts[0].max()
        else:
            list(self.pool.map(np.max, self.parts))

    def close(self) -> None:
        """Stop the threads."""
        self.pool.shutdown()


class Lance:
    """LanceDB with the same vectors. Its nearest 1,000 rows are re-ranked with scale and text terms in numpy."""

    def __init__(self, folder: Path, index: EmbeddedIndex) -> None:
        import lancedb
        import pyarrow
        from lancedb.index import HnswSq

        with index._readers.transaction() as connection:
            snapshot = index._matrix.snapshot(connection)
        (block,) = snapshot.blocks
        self.fields = snapshot.rows.log10_fov
        self.index = index
        size, dims = block.shape

        def batches() -> Any:
            for start in range(0, size, 8_192):
                part = np.asarray(block[start : start + 8_192], dtype=np.float32)
                flat = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(part.reshape(-1)), dims)
                rows = pyarrow.array(np.arange(start, start + len(part), dtype=np.int32))
                yield pyarrow.RecordBatch.from_arrays([rows, flat], names=["row", "vector"])

        schema = pyarrow.schema([("row", pyarrow.int32()), ("vector", pyarrow.list_(pyarrow.float32(), dims))])
        started = time.perf_counter()
        self.table = lancedb.connect(folder).create_table("panels", batches(), schema=schema)
        self.table.create_index("vector", config=HnswSq(distance_type="cosine"))
        self.build_s = time.perf_counter() - started

    def text(self, request: SearchRequest) -> np.ndarray:
        """Return the text terms of all rows from the embedded index."""
        with self.index._readers.transaction() as connection:
            snapshot = self.index._matrix.snapshot(connection)
            total = np.zeros(len(snapshot.rows), dtype=np.float32)
            for found in self.index._searcher._bm25.score_terms(connection, snapshot, query_terms(request.text or "")):
                found.add_to(total)
        return text_term(total, request.formula.text_k)

    def ask(self, request: SearchRequest, text: np.ndarray) -> list[int]:
        """Return the rows of the best ten."""
        query = self.table.search(request.vector, vector_column_name="vector").distance_type("cosine").limit(LANCE_TOP)
        found = query.select(["row", "_distance"]).to_arrow()
        rows, distance = found["row"].to_numpy(), found["_distance"].to_numpy()
        scale = scale_term(request.field_of_view_nm or 1.0, self.fields[rows], request.formula.sigma)
        score = combine(request.formula, visual_term(distance), scale, text[rows])
        best = np.argpartition(-score, TOP)[:TOP]
        return [int(each) for each in rows[best[np.argsort(-score[best])]]]
