"""What the database knows of one crawl, as streams of any length in constant memory."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, func, select

from scraping_project.items import Link
from scraping_project.storage.reading import queries
from scraping_project.storage.reading.overview import outcomes
from scraping_project.storage.tables import runs, scrape_logs
from scraping_project.storage.transactions import reading

#: Rows a query: a log holds a kilobyte or so, a site may hold megabytes of links.
LOGS, SITES, URLS = 1_000, 50, 500


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt and how it ended."""

    id: int  # of its row
    url: str
    request_id: str
    status: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a crawl was answered at a URL."""

    url: str
    request_id: str
    depth: int
    links: list[Link] | None  # None: those that the crawl saw are not there, or not all of them

    @property
    def complete(self) -> bool:
        return self.links is not None


@dataclass(frozen=True, slots=True)
class KnownCrawl:
    """A crawl by what its newest run says of it."""

    id: str
    spider: str
    arguments: dict[str, str]
    settings: dict[str, str]
    finished: bool  # a run of it has seen its end


def newest_row(engine: Engine) -> int:
    """The id of the log row that was added last."""
    with reading(engine) as connection:
        return connection.scalar(select(func.max(scrape_logs.c.id))) or 0


def attempts(engine: Engine, crawl_id: str) -> Iterator[Attempt]:
    """Yields every attempt of a crawl, those of one status and reason after another."""
    for outcome in outcomes(engine, crawl_id=crawl_id):
        yield from attempts_ended(engine, crawl_id, outcome.status, outcome.reason or None)


def attempts_ended(
    engine: Engine, crawl_id: str, status: str, reason: str | None = None
) -> Iterator[Attempt]:
    """Yields the attempts of a crawl that ended in one way, in the order of their rows."""
    last, full = 0, True
    while full:
        with reading(engine) as connection:
            rows = connection.execute(queries.logs_of_crawl(crawl_id, status, reason, last, LOGS)).all()
        for row in rows:
            yield Attempt(row.id, row.url, _request_id(row.task_id), row.status, row.reason)
        full = len(rows) == LOGS
        last = rows[-1].id if rows else last


def answers(engine: Engine, crawl_id: str) -> Iterator[list[Answer]]:
    """Yields the pages that a crawl was given, some at a time, in the order of their rows."""
    last, full = 0, True
    while full:
        with reading(engine) as connection:
            rows = connection.execute(queries.answers_of_crawl(crawl_id, last, SITES)).all()
        yield [_answer(row) for row in rows]
        full = len(rows) == SITES
        last = rows[-1].id if rows else last


def answers_at(engine: Engine, crawl_id: str, urls: Sequence[str]) -> list[Answer]:
    """What a crawl was answered at these URLs, error pages included; one that was asked twice comes twice."""
    found: list[Answer] = []
    for some in _some(urls, SITES):
        with reading(engine) as connection:
            found += map(_answer, connection.execute(queries.answers_of_urls(crawl_id, some)))
    return found


def answered(engine: Engine, crawl_id: str, urls: Sequence[str]) -> set[str]:
    """Which of these URLs a crawl was given the page of."""
    found: set[str] = set()
    for some in _some(urls, URLS):
        with reading(engine) as connection:
            found.update(connection.scalars(queries.answered_urls(crawl_id, some)))
    return found


def newest_crawl(engine: Engine, frontier: str) -> KnownCrawl | None:
    """The crawl of a frontier that was begun or joined last."""
    with reading(engine) as connection:
        row = connection.execute(queries.newest_runs_of_frontier(frontier)).first()
    return crawl(engine, row.crawl_id) if row else None


def crawl(engine: Engine, crawl_id: str) -> KnownCrawl | None:
    """A crawl by its id: of its newest run that was told where to start, or else of its newest."""
    query = queries.runs_of_crawl(crawl_id).order_by(runs.c.started_at.desc())
    newest, told, finished = None, None, False
    with reading(engine) as connection:
        for row in connection.execute(query).mappings():
            arguments = json.loads(row["arguments"])
            newest = newest or (row, arguments)
            told = told or ((row, arguments) if arguments.get("start_urls") else None)
            finished |= row["reason"] == "finished"
    if newest is None:
        return None
    row, arguments = told or newest
    settings = json.loads(row["settings"] or "{}")
    return KnownCrawl(crawl_id, row["spider"], arguments, settings, finished)


def _some(urls: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(urls), size):
        yield urls[start : start + size]


def _request_id(task_id: str) -> str:
    """Of crawl, request and attempt the second."""
    return task_id.rsplit(":", 2)[-2] if task_id.count(":") > 1 else ""


def _answer(row: Row[Any]) -> Answer:
    return Answer(row.url, _request_id(row.task_id), row.depth or 0, _links(row))


def _links(row: Row[Any]) -> list[Link] | None:
    if not _is_followed(row.status_code):
        return []  # nobody follows those
    if row.links is None or not _is_followed(row.stored_code) or _is_older(row.newest, row.last_scraped):
        return None
    urls, rels = json.loads(row.links), json.loads(row.link_rels or "{}")
    if len(urls) != row.links_count:
        return None
    return [Link(url, rels.get(str(index), "")) for index, url in enumerate(urls)]


def _is_followed(status_code: int | None) -> bool:
    return status_code is not None and 200 <= status_code < 300  # noqa: PLR2004  HTTP's own


def _is_older(newest: datetime, stored: datetime) -> bool:
    """Whether the last answer of the crawl came before the page was stored: then that was another crawl."""
    return newest < stored
