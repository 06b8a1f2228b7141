"""Search microscopy figures of the scientific literature by looks, physical scale and words.

`mirsearch.open("my-index")` opens a corpus.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # type checkers take it as true; `typing` itself would be imported for nothing
if TYPE_CHECKING:
    from pathlib import Path

    from mirsearch.facade import Corpus

__version__ = "0.2.0"

# Here, so that it is set before any import of these libraries, also by another library and in child processes.
# onnxruntime reads its variable once, when it is imported: it would send reports to its maker, and keep a device id.
os.environ |= {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def open(  # noqa: A001  mirsearch.open
    index: str | os.PathLike[str] | None = None,
    *,
    create: bool = False,
    extractor: str | None = None,
    extractor_weights: Path | None = None,
    device: str | None = None,
    ocr: str | None = None,
    scalebars: str | None = None,
) -> Corpus:
    """Open a corpus at a path or address (None: MIRSEARCH_INDEX, else ./mirsearch-index), as the option `--index`.

    With `create`, create it if there is none. The other options are those of the commands; `extractor` None is that of
    the index. Raises IndexAccessError if there is no corpus, or if it can't be read.
    """
    from mirsearch import settings
    from mirsearch.facade import Corpus, PartNames

    ocr, scalebars = ocr or settings.DEFAULT_OCR, scalebars or settings.DEFAULT_SCALEBARS
    parts = PartNames(extractor, extractor_weights, device, ocr, scalebars)
    return Corpus.open(settings.index_location(None if index is None else os.fspath(index)), parts, create)


def restore(
    file: str | os.PathLike[str], index: str | os.PathLike[str] | None = None, *, force: bool = False
) -> Corpus:
    """Put a backup back at a path or address, as `mirsearch index restore`, and open it. It is checked first.

    With `force`, it takes the place of the index that is there. Raises MirsearchError for a file that is no whole
    backup, UsageError where an index is in the way.
    """
    from mirsearch import settings
    from mirsearch.facade import put_back

    location = settings.index_location(None if index is None else os.fspath(index))
    put_back(file, location, force)
    return open(location)
