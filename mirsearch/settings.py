"""Every option, default, limit and environment variable, in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

ENVIRONMENT = {
    "MIRSEARCH_INDEX": "where the index is: a path (default ./mirsearch-index) or an http(s):// address",
    "MIRSEARCH_CACHE": "folder for built models and other things that can be made again",
    "MIRSEARCH_MODELS": "folder of trained and exported models (default: in the user's data)",
    "MIRSEARCH_THREADS": "threads for inference and scanning (default: all cores)",
    "MIRSEARCH_DEVICE": "what PyTorch and ONNX models compute on: auto (the default), cuda, cuda:N, mps or cpu",
    "MIRSEARCH_CONTACT": "an e-mail or web address that services can write to about your requests",
    "MIRSEARCH_EUROPEPMC_URL": "base of Europe PMC's service, for a mirror of your institution",
    "MIRSEARCH_PMC_URL": "base of the PMC open-access bucket, for a mirror",
    "MIRSEARCH_ARXIV_URL": "base of arXiv's API and e-prints, for a mirror",
    "MIRSEARCH_ARXIV_OAI_URL": "base of arXiv's OAI-PMH service, for a mirror",
    "MIRSEARCH_HTTP_CACHE_MB": "most megabytes of answers kept under MIRSEARCH_CACHE (default 2048; 0 keeps none)",
    "MIRSEARCH_HTTP_RATE": "requests a second to hosts that a ..._URL variable names (default: as for the public ones)",
    "MIRSEARCH_HTTP_BACKOFF": "seconds before the first repeat of a failed request, doubled each time (default 1)",
    "MIRSEARCH_HTTP_TIMEOUT": "most seconds one answer may take (default: 60 to 600, by kind)",
    "MIRSEARCH_WORKSPACE": "folder for acquired figures and the ledger (default: in the index, or in the user's data)",
    "MIRSEARCH_ES_API_KEY": "API key for an index on Elasticsearch",
    "MIRSEARCH_ES_USER": "user for an index on Elasticsearch, where there is no API key",
    "MIRSEARCH_ES_PASSWORD": "that user's password",
    "MIRSEARCH_ES_CA": "PEM file of the CA that signed the cluster's certificate",
    "MIRSEARCH_ES_FINGERPRINT": "SHA-256 of the cluster's certificate, instead of a CA",
    "MIRSEARCH_ES_CLOUD_ID": "cloud id, for --index elasticsearch+cloud:///NAME",
    "MIRSEARCH_ES_PATIENCE": "seconds that what writes to an index waits for a cluster that restarts (default 180)",
    "MIRSEARCH_ES_SETTINGS": "TOML file with api_key, user, password, ca, fingerprint, cloud_id where they are not set",
}
"""Environment variables mirsearch reads, each with what it is for."""

DEFAULT_INDEX = "mirsearch-index"
DEFAULT_EXTRACTOR = "efficientnet"
DEFAULT_OCR = "rapidocr"
DEFAULT_SCALEBARS = "runs"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what comes from outside."""

    image_bytes: int = 1 << 30
    image_pixels: int = 250_000_000
    image_pages: int = 500
    xml_bytes: int = 100 << 20
    json_bytes: int = 500 << 20
    table_bytes: int = 200 << 20
    download_bytes: int = 256 << 20
    pdf_bytes: int = 500 << 20
    pdf_pages: int = 1_000
    pdf_figures: int = 500
    pdf_seconds: int = 120
    caption_chars: int = 50_000
    field_chars: int = 2_000
    card_bytes: int = 4 << 20
    model_bytes: int = 4 << 30
    query_top: int = 10_000
    query_terms: int = 64
    weights_bytes: int = 8 << 30
    extractor_side: int = 4096


LIMITS = Limits()

DEVICES = ("auto", "cuda", "mps", "cpu")
"""What --device and MIRSEARCH_DEVICE may say; cuda may carry a number, as in cuda:1."""

TEXT_BOOSTS = {"caption": 1.0, "text": 0.7, "title": 0.7}
"""How much a word counts in a panel's caption, in the text OCR read, and in its article's title."""

TRAINING_PANELS = 20_000
"""Most panels that whitening and metrics are learned from and tested on."""

THUMBNAIL_SIDE = 320
"""Longer side, in px, of the small picture an index keeps of each panel."""


def index_location(given: str | None) -> str:
    """The index to use: the option, else MIRSEARCH_INDEX, else ./mirsearch-index."""
    return given or os.environ.get("MIRSEARCH_INDEX") or DEFAULT_INDEX


def cache_dir() -> Path:
    """Folder for what can be made again; MIRSEARCH_CACHE or the user's cache folder. It may not exist yet."""
    given = os.environ.get("MIRSEARCH_CACHE")
    if given:
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("mirsearch", appauthor=False)


def models_dir() -> Path:
    """Folder of installed models: MIRSEARCH_MODELS or one in the user's data. It may not exist yet."""
    given = os.environ.get("MIRSEARCH_MODELS")
    if given:
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("mirsearch", appauthor=False) / "models"


def threads() -> int:
    """Threads to use: MIRSEARCH_THREADS where it is a whole number ≥ 1, else the cores this process may use."""
    given = os.environ.get("MIRSEARCH_THREADS", "")
    if given.isdigit() and int(given) >= 1:
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def device() -> str:
    """Where networks are computed: MIRSEARCH_DEVICE, else auto, the fastest that is there."""
    return os.environ.get("MIRSEARCH_DEVICE", "").strip().lower() or "auto"


SCALE_SIGMA = 0.3
"""Width of the field-of-view match in decades."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service figures come from: the variable that names its base, the public base, and requests a second there.

    `redirects` are hosts, besides the base's own, that its answers may lead to.
    """

    variable: str
    public: str
    rate: float
    redirects: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """The base in use, without a slash at its end."""
        return (os.environ.get(self.variable) or self.public).rstrip("/")

    @property
    def configured(self) -> bool:
        """Whether the environment names another base than the public one."""
        return self.base != self.public

    @property
    def pace(self) -> float:
        """Requests a second: the public one's, or MIRSEARCH_HTTP_RATE at a base of one's own."""
        return _number("MIRSEARCH_HTTP_RATE", self.rate) if self.configured else self.rate


EUROPEPMC = Service(
    "MIRSEARCH_EUROPEPMC_URL", "https://www.ebi.ac.uk/europepmc/webservices/rest", 8.0, ("europepmc.org",)
)
PMC = Service(
    "MIRSEARCH_PMC_URL", "https://pmc-oa-opendata.s3.amazonaws.com", 5.0,
    ("pmc-oa-opendata.s3.us-east-1.amazonaws.com", "pmc-oa-opendata.s3.dualstack.us-east-1.amazonaws.com"),
)  # fmt: skip
ARXIV = Service("MIRSEARCH_ARXIV_URL", "https://export.arxiv.org", 1 / 3, ("arxiv.org",))
ARXIV_OAI = Service("MIRSEARCH_ARXIV_OAI_URL", "https://oaipmh.arxiv.org/oai", 1 / 3)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often a host is asked; seconds. `longest` is the longest wait a host may ask for."""

    connect: float = 10.0
    read: float = 30.0
    total: float | None = None
    tries: int = 4
    backoff: float = 1.0
    longest: float = 120.0


def patience() -> Patience:
    """The patience in use: MIRSEARCH_HTTP_BACKOFF and MIRSEARCH_HTTP_TIMEOUT where they are numbers."""
    usual = Patience()
    total = _number("MIRSEARCH_HTTP_TIMEOUT", 0.0) or None
    read = usual.read if total is None else min(usual.read, total)
    return replace(usual, read=read, total=total, backoff=_number("MIRSEARCH_HTTP_BACKOFF", usual.backoff))


def http_cache_bytes() -> int:
    """Most bytes of answers kept on disk."""
    return int(_number("MIRSEARCH_HTTP_CACHE_MB", 2048.0) * (1 << 20))


def workspace(index: str) -> Path:
    """Folder for the ledger and the figures acquired for an index: MIRSEARCH_WORKSPACE, else in the index's folder.

    For an index on a server it is in the user's data folder, under a name made of the index's address.
    """
    given = os.environ.get("MIRSEARCH_WORKSPACE")
    if given:
        return Path(given)
    if "://" not in index:
        return Path(index) / "acquired"
    import hashlib

    from platformdirs import user_data_path

    name = hashlib.sha256(index.rstrip("/").encode()).hexdigest()[:16]
    return user_data_path("mirsearch", appauthor=False) / "acquired" / name


def _number(variable: str, default: float) -> float:
    """A variable's value where it is a finite number ≥ 0, else the default."""
    try:
        value = float(os.environ.get(variable, ""))
    except ValueError:
        return default
    return value if 0 <= value < float("inf") else default


def cluster_patience() -> float:
    """Seconds that what writes to an index waits for a cluster that restarts or is busy."""
    return _number("MIRSEARCH_ES_PATIENCE", 180.0)


def elasticsearch_settings() -> dict[str, str]:
    """Credentials for Elasticsearch: MIRSEARCH_ES_… variables, and what they lack from the file they may name.

    Keys are api_key, user, password, ca, fingerprint, cloud_id. UsageError for a file that can't be used or that others
    may read.
    """
    names = ("api_key", "user", "password", "ca", "fingerprint", "cloud_id")
    found = {name: os.environ.get(f"MIRSEARCH_ES_{name.upper()}", "") for name in names}
    given = os.environ.get("MIRSEARCH_ES_SETTINGS")
    stored = _secret_file(Path(given)) if given else {}
    if found["api_key"] or found["user"]:
        stored = {name: value for name, value in stored.items() if name not in ("api_key", "user", "password")}
    return {name: found[name] or stored.get(name, "") for name in names if found[name] or stored.get(name)}


def _secret_file(path: Path) -> dict[str, str]:
    import tomllib

    from mirsearch.errors import UsageError

    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise UsageError(f"others may read {path}", f"chmod 600 {path}")
        with path.open("rb") as stream:
            told = tomllib.load(stream)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a TOML file"
        raise UsageError(f"the settings file {path} can't be used: {reason}", "check MIRSEARCH_ES_SETTINGS") from None
    return {name: str(value) for name, value in told.items()}
