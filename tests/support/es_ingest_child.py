"""Fill an index in a process that can be killed: `python es_ingest_child.py LOCATION FIGURES`."""

from __future__ import annotations

import sys

from mirsearch.indexes import open_index
from tests.support.index_corpus import EXTRACTOR, MadeCorpus


def main(location: str, figures: int) -> None:
    """Write the figures that the index does not know; commit every ten, and print the number after each commit."""
    index = open_index(location, create=EXTRACTOR)
    with index.writer() as writer:
        records = list(MadeCorpus(seed=9).records(figures))
        known = index.known_figures([each.figure.id for each in records])
        for number, record in enumerate(records, start=1):
            if record.figure.id not in known:
                writer.put(record)
            if number % 10 == 0:
                writer.commit()
                print(number, flush=True)
    index.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
