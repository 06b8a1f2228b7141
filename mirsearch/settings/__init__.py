"""The options, defaults, limits and environment variables of mirsearch."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from mirsearch.configuration import read_secret_file, value_of
from mirsearch.settings.limits import LIMITS as LIMITS
from mirsearch.settings.limits import SERVE_LIMITS as SERVE_LIMITS
from mirsearch.settings.limits import Limits as Limits
from mirsearch.settings.limits import ServeLimits as ServeLimits

ENVIRONMENT = {
    "MIRSEARCH_INDEX": "the index: a path (default ./mirsearch-index) or an http(s):// address",
    "MIRSEARCH_CONFIG": "the config file (default: config.toml in the user's config folder; see `mirsearch config`)",
    "MIRSEARCH_CACHE": "folder for built models and other files that mirsearch can make again",
    "MIRSEARCH_MODELS": "folder of trained and exported models (default: in the user's data folder)",
    "MIRSEARCH_THREADS": "number of threads for inference and scanning (default: all cores)",
    "MIRSEARCH_DEVICE": "device for PyTorch and ONNX models: auto (default), cuda, cuda:N, mps or cpu",
    "MIRSEARCH_CONTACT": "an e-mail or web address where services can reach you about your requests",
    "MIRSEARCH_EUROPEPMC_URL": "base address of the Europe PMC service; set it to use a mirror",
    "MIRSEARCH_PMC_URL": "base address of the PMC open-access bucket; set it to use a mirror",
    "MIRSEARCH_ARXIV_URL": "base address of arXiv's API and e-prints; set it to use a mirror",
    "MIRSEARCH_ARXIV_OAI_URL": "base address of arXiv's OAI-PMH service; set it to use a mirror",
    "MIRSEARCH_HTTP_CACHE_MB": "largest size in MB of the HTTP cache under MIRSEARCH_CACHE (default 2048; 0: no cache)",
    "MIRSEARCH_HTTP_RATE": "requests per second to hosts set by a ..._URL variable (default: as for the public host)",
    "MIRSEARCH_HTTP_BACKOFF": "seconds before a failed request is repeated; doubles each time (default 1)",
    "MIRSEARCH_HTTP_TIMEOUT": "longest time in seconds for one HTTP response (default: 60 to 600, by kind)",
    "MIRSEARCH_WORKSPACE": "folder for acquired figures and the ledger (default: in the index or in your data folder)",
    "MIRSEARCH_WAIT": "seconds that a command waits while another process writes to the index (see --wait)",
    "MIRSEARCH_ES_API_KEY": "API key for an index on Elasticsearch",
    "MIRSEARCH_ES_USER": "user name for an index on Elasticsearch, if there is no API key",
    "MIRSEARCH_ES_PASSWORD": "password of that user",
    "MIRSEARCH_ES_CA": "PEM file of the CA that signed the certificate of the cluster",
    "MIRSEARCH_ES_FINGERPRINT": "SHA-256 fingerprint of the certificate of the cluster, instead of a CA",
    "MIRSEARCH_ES_CLOUD_ID": "cloud id, for --index elasticsearch+cloud:///NAME",
    "MIRSEARCH_ES_PATIENCE": "seconds that a write waits for a cluster that restarts (default 180)",
    "MIRSEARCH_ES_SETTINGS": "TOML file with api_key, user, password, ca, fingerprint, cloud_id if they are not set",
}
"""The environment variables that mirsearch reads, each with its purpose."""

DEFAULT_INDEX = "mirsearch-index"
DEFAULT_EXTRACTOR = "efficientnet"
DEFAULT_SENTENCES = "all-minilm-l6-v2"
"""The model of the sentence vectors that an index gets."""
DEFAULT_OCR = "rapidocr"
DEFAULT_SCALEBARS = "runs"

DEVICES = ("auto", "cuda", "mps", "cpu")
"""Values of --device and MIRSEARCH_DEVICE. cuda may have a number, such as cuda:1."""

PER_ARTICLE = 2
"""Most hits of one article in tables and pages. The others are folded into the last of them and counted."""

TEXT_BOOSTS = {"caption": 1.0, "text": 0.7, "title": 0.7, "mentions": 1 / 3}
"""Weight of a word in the panel's caption, in the text that OCR read, in the title of the article, and in the sentences
of the article that speak of the panel."""

NEWEST_FIGURES = 12
"""Figures that the counts of a corpus name as its newest."""

TRAINING_PANELS = 20_000
"""Largest number of panels used to train and to test whitening and metrics."""

THUMBNAIL_SIDE = 320
"""Longer side in px of the thumbnail that an index keeps of each panel."""


def index_location(option: str | None) -> str:
    """Return the location of the index: the option, else MIRSEARCH_INDEX, else ./mirsearch-index."""
    return option or value_of("MIRSEARCH_INDEX") or DEFAULT_INDEX


def cache_dir() -> Path:
    """Return the cache folder: MIRSEARCH_CACHE, else one in the user's cache folder. It may not exist yet."""
    value = value_of("MIRSEARCH_CACHE")
    if value:
        return Path(value)
    from platformdirs import user_cache_path

    return user_cache_path("mirsearch", appauthor=False)


def models_dir() -> Path:
    """Return the folder of installed models: MIRSEARCH_MODELS, else one in the user's data folder. It may not exist."""
    value = value_of("MIRSEARCH_MODELS")
    if value:
        return Path(value)
    from platformdirs import user_data_path

    return user_data_path("mirsearch", appauthor=False) / "models"


def thread_count() -> int:
    """Return the number of threads: MIRSEARCH_THREADS if it is a whole number ≥ 1, else the cores for this process."""
    value = value_of("MIRSEARCH_THREADS")
    if value.isdigit() and int(value) >= 1:
        return int(value)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def device() -> str:
    """Return the device for neural networks: MIRSEARCH_DEVICE, else auto (the fastest available)."""
    return value_of("MIRSEARCH_DEVICE").strip().lower() or "auto"


SCALE_SIGMA = 0.3
"""Width σ of the scale term in decades of the field of view."""


@dataclass(frozen=True, slots=True)
class Service:
    """A web service that provides figures: the variable for its base address, the public base address, and the rate.

    `rate` is in requests per second. `redirects` are other hosts to which the service may redirect.
    """

    variable: str
    public_base: str
    rate: float
    redirects: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """Return the base address in use, without a slash at the end."""
        return (value_of(self.variable) or self.public_base).rstrip("/")

    @property
    def is_custom(self) -> bool:
        """Return whether the environment sets another base address than the public one."""
        return self.base != self.public_base

    @property
    def requests_per_second(self) -> float:
        """Return the allowed requests per second: `rate`, or MIRSEARCH_HTTP_RATE for a custom base address."""
        return _float_from_environment("MIRSEARCH_HTTP_RATE", self.rate) if self.is_custom else self.rate


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
class RetryLimits:
    """Timeouts in seconds and number of attempts of a request. `max_wait`: the longest wait that a host may ask for."""

    connect: float = 10.0
    read: float = 30.0
    total: float | None = None
    attempts: int = 4
    backoff: float = 1.0
    max_wait: float = 120.0


def retry_limits() -> RetryLimits:
    """Return the retry limits, with MIRSEARCH_HTTP_BACKOFF and MIRSEARCH_HTTP_TIMEOUT if they are numbers."""
    defaults = RetryLimits()
    total = _float_from_environment("MIRSEARCH_HTTP_TIMEOUT", 0.0) or None
    read = defaults.read if total is None else min(defaults.read, total)
    return replace(
        defaults, read=read, total=total, backoff=_float_from_environment("MIRSEARCH_HTTP_BACKOFF", defaults.backoff)
    )


def http_cache_bytes() -> int:
    """Return the largest size of the HTTP cache in bytes."""
    return int(_float_from_environment("MIRSEARCH_HTTP_CACHE_MB", 2048.0) * (1 << 20))


def workspace(index: str) -> Path:
    """Return the folder for the ledger and the acquired figures: MIRSEARCH_WORKSPACE, else in the folder of the index.

    For an index on a server, it is in the user's data folder, under a name made from the address of the index.
    """
    value = value_of("MIRSEARCH_WORKSPACE") or ("" if "://" in index else str(Path(index) / "acquired"))
    if value:  # files are named by absolute paths, whatever folder the next command runs in
        return Path(os.path.normpath(Path(value).absolute()))
    import hashlib

    from platformdirs import user_data_path

    name = hashlib.sha256(index.rstrip("/").encode()).hexdigest()[:16]
    return user_data_path("mirsearch", appauthor=False) / "acquired" / name


def _float_from_environment(variable: str, default: float) -> float:
    """Return the value of an environment variable if it is a finite number ≥ 0, else the default."""
    try:
        value = float(value_of(variable))
    except ValueError:
        return default
    return value if 0 <= value < float("inf") else default


def cluster_wait_seconds() -> float:
    """Return the time in seconds that a write waits for a cluster that restarts or is busy."""
    return _float_from_environment("MIRSEARCH_ES_PATIENCE", 180.0)


def elasticsearch_settings() -> dict[str, str]:
    """Return the credentials for Elasticsearch from MIRSEARCH_ES_… variables; a settings file adds what they lack.

    Keys are api_key, user, password, ca, fingerprint, cloud_id. Raises UsageError if the file can't be used or if
    others may read it.
    """
    names = ("api_key", "user", "password", "ca", "fingerprint", "cloud_id")
    from_environment = {name: value_of(f"MIRSEARCH_ES_{name.upper()}") for name in names}
    path = value_of("MIRSEARCH_ES_SETTINGS")
    from_file = read_secret_file(Path(path)) if path else {}
    if from_environment["api_key"] or from_environment["user"]:
        from_file = {name: value for name, value in from_file.items() if name not in ("api_key", "user", "password")}
    return {
        name: from_environment[name] or from_file.get(name, "")
        for name in names
        if from_environment[name] or from_file.get(name)
    }
