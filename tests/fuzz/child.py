"""The process that parses the inputs of one target. Its end, and the input it left, tell the runner what is wrong."""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import mmap
import random
import resource
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fuzz.target import MOST_INPUT, Target, check

STATE = "state"
HEAD = struct.Struct("<QQQd")
"""Inputs tried, inputs refused, length of the input in hand, time of the slowest one in seconds; then the input."""
MODULES = ("tests.fuzz.planted", "tests.fuzz.texts", "tests.fuzz.files", "tests.fuzz.formats", "tests.fuzz.backups")
WATCHED = {
    "captions": ("mirsearch.analysis.captions",), "labels": ("mirsearch.text.lengths", "mirsearch.licenses"),
    "jats": ("mirsearch.sources.jats",), "latex": ("mirsearch.sources.latex",), "pdf-text": ("mirsearch.sources.pdf",),
    "tables": ("mirsearch.sources.tables",), "exsclaim": ("mirsearch.sources.exsclaim",),
    "services": ("mirsearch.acquisition.services",), "images": ("mirsearch.imaging",),
    "tiff-tags": ("mirsearch.imaging.pixel_sizes",), "eprints": ("mirsearch.sources.latex.eprints",),
    "index-files": ("mirsearch.indexes.embedded.vectors",), "cluster-answers": ("mirsearch.indexes.elasticsearch",),
    "microscope-files": ("mirsearch.readers.formats",), "archives": ("mirsearch.sources.archive_contents",),
    "backups": ("mirsearch.transfer.archive",),
}  # fmt: skip
"""The modules that atheris watches for a target: it rewrites them when they are imported, which takes long for all."""
_MOST_ADDRESS_SPACE = 8 << 30
_BATCH = 100


class Recorder:
    """Notes each input in a file before it is parsed, so that it is known even if the process ends."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._target = target
        path = folder / STATE
        path.write_bytes(bytes(HEAD.size + MOST_INPUT))
        with path.open("r+b") as file:
            self._state = mmap.mmap(file.fileno(), 0)
        self.tried = self.refused = 0
        self._slowest = 0.0

    def parse(self, data: bytes) -> None:
        """Parse an input. Raises what a parser must not raise."""
        data = data[:MOST_INPUT]
        self.tried += 1
        self._state[HEAD.size : HEAD.size + len(data)] = data
        self._note(len(data))
        started = time.process_time()
        self.refused += check(self._target, data)
        self._slowest = max(self._slowest, time.process_time() - started)

    def _note(self, length: int) -> None:
        HEAD.pack_into(self._state, 0, self.tried, self.refused, length, self._slowest)


def main() -> None:
    """Parse inputs until the time is over."""
    options = _options()
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_ADDRESS_SPACE, _MOST_ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    engines = options.engines.split(",")
    with _instrumented(WATCHED.get(options.target, ("mirsearch.text",)) if "atheris" in engines else ()):
        target = find_target(options.target)
    recorder = Recorder(target, options.folder)
    for data in target.all_seeds():
        recorder.parse(data)
    for left, engine in zip(range(len(engines), 0, -1), engines, strict=True):
        until = time.time() + max(0.3, options.until - time.time()) / left
        try:
            ENGINES[engine](target, recorder.parse, until, options.seed)
        except Exception:
            traceback.print_exc()
            sys.exit(1)
    sys.exit(0)


def find_target(name: str) -> Target:
    """Return the target of a name."""
    for module in MODULES:
        for target in importlib.import_module(module).TARGETS:
            if target.name == name:
                return target
    raise SystemExit(f"there is no target {name!r}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--until", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engines", default="mutation")
    return parser.parse_args()


@contextmanager
def _instrumented(modules: tuple[str, ...]) -> Iterator[None]:
    """Let atheris see which lines of modules an input reaches."""
    if modules:
        import atheris

        with atheris.instrument_imports(include=list(modules)):
            yield
    else:
        yield


Parse = Callable[[bytes], None]


def run_mutation(target: Target, parse: Parse, until: float, seed: int) -> None:
    """Parse mutations of the seeds: the most inputs a second."""
    from tests.fuzz.mutation import mutate

    chance, seeds = random.Random(seed), target.all_seeds()
    while True:
        for _ in range(10):
            parse(mutate(chance, seeds, target.words))
        if time.time() > until:
            return


def run_hypothesis(target: Target, parse: Parse, until: float, seed: int) -> None:
    """Parse seeds with edits that hypothesis chooses; it makes an input that is parsed wrong as small as possible."""
    import hypothesis
    from hypothesis import strategies as st

    from tests.fuzz.mutation import ODD_PIECES

    piece = st.sampled_from([*ODD_PIECES, *target.words]) | st.binary(max_size=8)
    edit = st.tuples(st.integers(0, 4000), st.integers(0, 40), piece, st.sampled_from((1, 1, 2, 20)))
    seeds = target.all_seeds()

    @hypothesis.settings(
        max_examples=_BATCH, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )  # fmt: skip
    @hypothesis.given(st.sampled_from(seeds), st.lists(edit, max_size=12), st.none() | st.binary(max_size=200))
    def attack(start: bytes, edits: list[tuple[int, int, bytes, int]], other: bytes | None) -> None:
        data = bytearray(start if other is None else other)
        for at, length, inserted, count in edits:
            place = at % (len(data) + 1)
            data[place : place + length] = inserted * count
        if number == 0 or time.time() < until:
            parse(bytes(data))

    number = 0
    while number == 0 or time.time() < until:  # the first batch in any case: the machine may be busy
        hypothesis.seed(seed * 1_000_003 + number)(attack)()
        number += 1


def run_atheris(target: Target, parse: Parse, until: float, seed: int) -> None:
    """Parse inputs that reach new lines of mirsearch. It ends the process."""
    import atheris

    corpus = Path(sys.argv[sys.argv.index("--folder") + 1]) / "found"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(target.all_seeds()):
        (corpus / f"seed-{number}").write_bytes(data)
    words = corpus.parent / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
    atheris.Setup(
        [sys.argv[0], str(corpus), f"-seed={seed + 1}", f"-max_total_time={max(1, round(until - time.time()))}",
         "-rss_limit_mb=0", "-timeout=300", "-max_len=20000", "-verbosity=0", f"-dict={words}",
         f"-artifact_prefix={corpus.parent}/"],
        parse,
    )  # fmt: skip
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


ENGINES: dict[str, Any] = {"mutation": run_mutation, "hypothesis": run_hypothesis, "atheris": run_atheris}


if __name__ == "__main__":
    main()
