"""What a job is asked for: the options of `mirsearch ingest`, checked before the job waits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mirsearch.acquisition.options import ServiceOptions, is_service, keyword_query
from mirsearch.errors import UsageError
from mirsearch.readers.selection import parse_selection
from mirsearch.web.fields import Word, Words

DEFAULT_SERVICE = "europepmc"
_OF_FILES = ("pages", "projection", "exclude")
_OF_SERVICES = (
    "keyword", "id", "in", "since", "until", "journal", "license", "max_articles", "max_figures", "all_figures",
    "retracted",
)  # fmt: skip
_COUNTS = ("max_articles", "max_figures")
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class JobFields(BaseModel):
    """What is added: files, or figures of articles with a keyword. Options of `mirsearch ingest`, `_` for `-`."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False, populate_by_name=True)

    keyword: Words = Field(default=[], description="Find figures of open-access articles with this keyword.")
    id: Words = Field(default=[], description="PMC id of an article, with source=pmc.")
    source: Word | None = Field(
        default=None, description="With a keyword: europepmc (default), pmc or arxiv. For files: folder, jats, pdf, …"
    )
    where: Literal["title", "abstract", "captions", "all"] = Field(
        default="all", alias="in", description="Where to look for the keywords."
    )
    since: Word | None = Field(default=None, description="Only articles since this day, month or year.")
    until: Word | None = Field(default=None, description="Only articles until this day, month or year.")
    journal: Word | None = Field(default=None, description="Only articles of this journal.")
    license: Word | None = Field(default=None, description="Accepted licenses, separated by commas, or any.")
    max_articles: Count | None = Field(default=None, description="Most articles to take.")
    max_figures: Count | None = Field(default=None, description="Most figures to take.")
    all_figures: bool = Field(default=False, description="Take all figures, with any caption.")
    retracted: bool = Field(default=False, description="Also take retracted articles. They are marked.")
    pages: Word | None = Field(default=None, description="Pages of a stack: 1,5,10, or all.")
    projection: Word | None = Field(
        default=None, description="How a z-stack becomes one image: max, mean, min, middle."
    )
    exclude: Words = Field(default=[], description="Pattern of files to leave out.")

    @model_validator(mode="before")
    @classmethod
    def _leave_out_empty(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        for name, value in values.items():
            if any("\0" in each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)):
                raise ValueError(f"{name} has a character of the code 0")
        unset = {name for name, value in values.items() if value in ("", None, [""])}
        unset |= {name for name in _COUNTS if values.get(name) == "null"}  # as some programs write it in a form
        return {name: value for name, value in values.items() if name not in unset}

    @property
    def asks_service(self) -> bool:
        """Return whether articles are asked for."""
        return bool(self.keyword or self.id or is_service(self.source))

    @property
    def asked(self) -> dict[str, Any]:
        """Return what was given, for people and programs."""
        return self.model_dump(by_alias=True, exclude_defaults=True)

    def words(self) -> tuple[str, ...]:
        """Return the options for `mirsearch ingest`. UsageError for values that are none, as the command tells it."""
        given = self.asked
        for name in _OF_FILES if self.asks_service else _OF_SERVICES:
            if name in given:
                other = "a keyword" if self.asks_service else "files"
                raise UsageError(f"--{name.replace('_', '-')} does not go with {other}", "leave it out")
        return self._service_words() if self.asks_service else self._file_words()

    def _service_words(self) -> tuple[str, ...]:
        service = self.source or DEFAULT_SERVICE
        if not is_service(service):
            raise UsageError(f"--keyword does not work with --source {service}", "give europepmc, pmc or arxiv")
        options = ServiceOptions(
            tuple(word for word in self.keyword if word), tuple(self.id), self.where, self.since, self.until,
            self.journal, self.license, self.max_articles, self.max_figures, self.all_figures, self.retracted,
        )  # fmt: skip
        keyword_query(options, service)
        words = [f"--keyword={word}" for word in options.keywords]
        words += [f"--source={service}", f"--in={self.where}"]
        for name in ("since", "until", "journal", "license", "max_articles", "max_figures"):
            value = getattr(self, name)
            words += [] if value is None else [f"--{name.replace('_', '-')}={value}"]
        words += [f"--{name.replace('_', '-')}" for name in ("all_figures", "retracted") if getattr(self, name)]
        return (*words, *(("--", *self.id) if self.id else ()))

    def _file_words(self) -> tuple[str, ...]:
        from mirsearch import plugins

        if self.source is not None and self.source not in plugins.names("sources"):
            raise UsageError(
                f"--source {self.source!r} is not known", f"give {', '.join(sorted(plugins.names('sources')))}"
            )
        parse_selection(self.pages, self.projection or "max")
        words = [f"--source={self.source}"] if self.source else []
        words += [f"--pages={self.pages}"] if self.pages else []
        words += [f"--projection={self.projection}"] if self.projection else []
        return (*words, *(f"--exclude={pattern}" for pattern in self.exclude if pattern))
