"""Fill a new physical index while the old one answers, then switch the alias: other contents under the same name."""

from __future__ import annotations

from collections.abc import Callable

from mirsearch.indexes.base import ExtractorIdentity, IndexWriter
from mirsearch.indexes.elasticsearch.migrate import MigrationResult, start_migration
from mirsearch.indexes.elasticsearch.writer import open_writer


def refill(
    location: str, extractor: ExtractorIdentity, name: str, fill: Callable[[IndexWriter], None]
) -> MigrationResult:
    """Give an index the contents that `fill` writes, made by an extractor; the old ones are kept for a rollback.

    `name` says what they are: an interrupted call for the same ones is continued.
    """
    with start_migration(location) as migration:
        new = migration.prepare_target(f"restore {name}", extractor)
        with open_writer(migration.client, migration.address, extractor, new) as writer:
            fill(writer)
        return migration.switch(new, extractor)
