"""What a person asks a service for: the options of `mirsearch ingest --keyword` as they were typed, and their check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.acquisition.services.base import KeywordQuery


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """The options of `ingest` for services, as they were typed."""

    keywords: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    where: str = "all"
    since: str | None = None
    until: str | None = None
    journal: str | None = None
    license: str | None = None
    max_articles: int | None = None
    max_figures: int | None = None
    all_figures: bool = False
    retracted: bool = False


def is_service(name: str | None) -> bool:
    """Return whether a name is that of a service."""
    from mirsearch import plugins

    return name is not None and name in plugins.names("services")


def keyword_query(options: ServiceOptions, service: str) -> KeywordQuery:
    """Return the query for a service. Raises UsageError that names a wrong option."""
    from mirsearch import plugins
    from mirsearch.acquisition.caption_query import check_keywords
    from mirsearch.acquisition.services.base import (
        SEARCH_FIELDS,
        KeywordQuery,
        clean_keywords,
        parse_day,
        parse_licenses,
    )
    from mirsearch.acquisition.services.pmc import parse_pmc_ids

    if options.where not in SEARCH_FIELDS:
        raise UsageError(f"--in {options.where!r} is not known", f"give {', '.join(SEARCH_FIELDS)}")
    if bool(options.ids) == bool(options.keywords):
        raise UsageError(f"--source {service} takes either --keyword or ids", "give one of them")
    if options.ids and service != "pmc":
        raise UsageError(f"--source {service} takes no ids", "give --keyword, or PMC ids with --source pmc")
    since, until = parse_day(options.since, "--since"), parse_day(options.until, "--until", last=True)
    if since and until and since > until:
        raise UsageError(f"--since {since} is after --until {until}", "exchange the two")
    query = KeywordQuery(
        keywords=clean_keywords(options.keywords),
        ids=parse_pmc_ids(options.ids),
        where=options.where,
        since=since,
        until=until,
        journal=options.journal,
        licenses=parse_licenses(options.license),
        max_articles=options.max_articles,
        max_figures=options.max_figures,
        micrographs=not options.all_figures,
        retracted=options.retracted,
    )
    if query.where == "captions":
        check_keywords(query.keywords)
    plugins.load("services", service).check_query(query)
    return query
