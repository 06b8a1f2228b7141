"""A process that acquires and may be killed: `python acquire_child.py FOLDER`. Prints JSON lines, then `end`."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from mirsearch.acquisition.acquire import Acquisition
from mirsearch.acquisition.http.cache import HttpCache
from mirsearch.acquisition.http.client import HttpClient
from mirsearch.acquisition.ledger import Ledger
from mirsearch.acquisition.services.base import KeywordQuery
from mirsearch.acquisition.services.europepmc import EuropePmc
from mirsearch.settings import EUROPEPMC, PMC
from mirsearch.sources.base import FoundFigure, SourceFailure


def main() -> None:
    folder = Path(sys.argv[1])
    ledger = Ledger(folder / "ledger.sqlite")
    client = HttpClient([EUROPEPMC, PMC], HttpCache(folder / "cache", 100 << 20))
    acquisition = Acquisition(EuropePmc(client), KeywordQuery(("nano",)), ledger, folder)
    print("start", flush=True)
    for item in acquisition.items():
        if isinstance(item, FoundFigure):
            sha256 = hashlib.sha256(item.path.read_bytes()).hexdigest()
            row = [sha256, item.caption, item.label, item.article and item.article.id, item.origin.location]
            print(json.dumps(row), flush=True)
        elif isinstance(item, SourceFailure):
            print(json.dumps({"failed": item.location, "reason": item.reason}), flush=True)
    acquisition.mark_complete()
    print("end", flush=True)


main()
