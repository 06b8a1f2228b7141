"""Lets doubtful scale readings count in a search."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import numpy as np

from mirsearch.indexes.embedded.vectors.matrix import Snapshot

_DOUBTFUL = """SELECT key, doubtful_field_of_view_nm FROM panels
    WHERE doubtful_field_of_view_nm IS NOT NULL AND field_of_view_nm IS NULL ORDER BY key"""


def with_doubtful_scales(connection: sqlite3.Connection, snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the field of view of a doubtful reading for each panel that has no other."""
    found = np.array(connection.execute(_DOUBTFUL).fetchall(), dtype=np.float64).reshape(-1, 2)
    keys = found[:, 0].astype(np.int64)
    known = np.isin(keys, snapshot.table.key)
    log10_fov = snapshot.table.log10_fov.copy()
    log10_fov[snapshot.row_numbers(keys[known])] = np.log10(found[known, 1])
    return replace(snapshot, table=replace(snapshot.table, log10_fov=log10_fov))
