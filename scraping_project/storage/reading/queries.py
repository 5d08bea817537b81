"""The questions that people ask of the rows, by name; each has an index that serves it, and a test says so.

How many there are is never asked here: ``overview`` knows it from the roll-ups.
"""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, Table, func, or_, select

from scraping_project.storage.tables import (
    actions,
    attempt_minutes,
    failure_hours,
    items,
    refused_rows,
    runs,
    scrape_logs,
    site_totals,
    sites,
)
from scraping_project.storage.values import naive_utc, url_hash

Query = Select[Any]

#: What a recrawl wants to know of a site.
RECRAWLED = [
    sites.c[name]
    for name in ("id", "url_hash", "url", "status_code", "etag", "last_modified", "depth", "last_scraped")
]
#: The least status of an answer that is a failure.
FAILED = 400


def site_of_url(url: str) -> Query:
    return select(sites).where(sites.c.url_hash == url_hash(url))


def sites_of_domain(domain: str, after_id: int = 0, limit: int = 100) -> Query:
    """In the order of their ids: a page of a list, or of an export."""
    of_domain = select(sites).where(sites.c.domain == domain, sites.c.id > after_id)
    return of_domain.order_by(sites.c.id).limit(limit)


def sites_scraped_since(moment: datetime, limit: int = 100) -> Query:
    since = select(sites).where(sites.c.last_scraped >= naive_utc(moment))
    return since.order_by(sites.c.last_scraped).limit(limit)


def sites_scraped_before(
    moment: datetime, after: tuple[datetime, int] | None = None, limit: int = 1000
) -> Query:
    """The oldest first; ``after`` is ``last_scraped`` and ``id`` of the last of the page before."""
    site = sites.c
    query = select(*RECRAWLED).where(site.last_scraped < naive_utc(moment))
    if after is not None:
        query = query.where(
            site.last_scraped >= after[0], or_(site.last_scraped > after[0], site.id > after[1])
        )
    return query.order_by(site.last_scraped, site.id).limit(limit)


def sites_of_domain_scraped_before(
    domain: str, moment: datetime, after_id: int = 0, limit: int = 1000, *, failed: bool = False
) -> Query:
    """In the order of their ids; all of the domain are looked at."""
    site = sites.c
    query = select(*RECRAWLED).where(site.domain == domain, site.id > after_id)
    if failed:
        query = query.where(site.status_code >= FAILED)
    return query.where(site.last_scraped < naive_utc(moment)).order_by(site.id).limit(limit)


def failed_sites_scraped_before(
    moment: datetime, after: tuple[int, int] = (FAILED, 0), limit: int = 1000
) -> Query:
    """By status; ``after`` is ``status_code`` and ``id`` of the last of the page before."""
    site = sites.c
    query = select(*RECRAWLED).where(site.status_code >= after[0])
    query = query.where(or_(site.status_code > after[0], site.id > after[1]))
    return query.where(site.last_scraped < naive_utc(moment)).order_by(site.status_code, site.id).limit(limit)


def log_of_attempt(task_id: str) -> Query:
    return select(scrape_logs).where(scrape_logs.c.task_id == task_id)


def newest_logs(limit: int = 100) -> Query:
    return _newest(select(scrape_logs), scrape_logs, limit)


def newest_logs_of_domain(domain: str, limit: int = 100) -> Query:
    return _newest(select(scrape_logs).where(scrape_logs.c.domain == domain), scrape_logs, limit)


def newest_logs_of_status(status: str, limit: int = 100) -> Query:
    return _newest(select(scrape_logs).where(scrape_logs.c.status == status), scrape_logs, limit)


def logs_of_crawl(
    crawl_id: str, status: str, reason: str | None, after_id: int = 0, limit: int = 100
) -> Query:
    """Behind one number of a crawl's summary, in the order of their ids."""
    log = scrape_logs.c
    of_crawl = _of_crawl(select(scrape_logs)).where(log.crawl_id == crawl_id, log.status == status)
    return of_crawl.where(log.reason == reason, log.id > after_id).order_by(log.id).limit(limit)


def answers_of_crawl(crawl_id: str, after_id: int = 0, limit: int = 100) -> Query:
    """The pages that a crawl was given, in the order of their logs' ids, with what is stored of them now."""
    log = scrape_logs.c
    query = _of_crawl(_answers(isouter=True)).where(log.crawl_id == crawl_id, log.status == "success")
    return query.where(log.reason.is_(None), log.id > after_id).order_by(log.id).limit(limit)


def answers_of_urls(crawl_id: str, urls: Collection[str]) -> Query:
    """What a crawl was answered at these URLs, error pages included."""
    return _answers(isouter=False).where(_is_at(urls), *_are_of(crawl_id, "success", "failed"))


def answered_urls(crawl_id: str, urls: Collection[str]) -> Query:
    """Which of these URLs a crawl was given the page of."""
    query = select(sites.c.url).join(scrape_logs, scrape_logs.c.site_id == sites.c.id)
    return query.where(_is_at(urls), *_are_of(crawl_id, "success")).distinct()


def _of_crawl(query: Query) -> Query:
    """By the index that holds a crawl's logs in their order: MySQL would rather read all logs."""
    return query.with_hint(scrape_logs, "FORCE INDEX (ix_scrape_logs_crawl)", "mysql")


def _is_at(urls: Collection[str]) -> ColumnElement[bool]:
    return sites.c.url_hash.in_([url_hash(url) for url in urls])


def _are_of(crawl_id: str, *statuses: str) -> list[ColumnElement[bool]]:
    """Not by the indexes of all rows of a crawl or of a status, which SQLite takes for short ways."""
    log = scrape_logs.c
    return [log.crawl_id.concat("") == crawl_id, log.status.concat("").in_(statuses)]


def _answers(*, isouter: bool) -> Query:
    log, other = scrape_logs.c, scrape_logs.alias()
    of_both = (other.c.site_id == log.site_id, other.c.crawl_id.concat("") == log.crawl_id)
    newest = select(func.max(other.c.finished_at)).where(*of_both)
    names = ("links", "link_rels", "links_count", "depth", "last_scraped")
    site = [*(sites.c[name] for name in names), sites.c.status_code.label("stored_code")]
    answer = [log.id, log.task_id, log.url, log.status_code, newest.scalar_subquery().label("newest")]
    return select(*answer, *site).join_from(scrape_logs, sites, log.site_id == sites.c.id, isouter=isouter)


def logs_of_site(site_id: int, limit: int = 100) -> Query:
    of_site = select(scrape_logs).where(scrape_logs.c.site_id == site_id)
    return of_site.order_by(scrape_logs.c.id.desc()).limit(limit)


def newest_runs(limit: int = 100) -> Query:
    return select(runs).order_by(runs.c.started_at.desc()).limit(limit)


def newest_runs_of_outcome(outcome: str, limit: int = 100) -> Query:
    return newest_runs(limit).where(runs.c.outcome == outcome)


def newest_runs_of_spider(spider: str, limit: int = 100) -> Query:
    return newest_runs(limit).where(runs.c.spider == spider)


def runs_of_crawl(crawl_id: str) -> Query:
    return select(runs).where(runs.c.crawl_id == crawl_id)


def newest_runs_of_frontier(name: str, limit: int = 1) -> Query:
    """By the form of their crawls' ids: the frontier's name, a moment, and chance."""
    escaped = re.sub(r"([%_\\])", r"\\\1", name)
    of_frontier = select(runs).where(runs.c.crawl_id.like(f"{escaped}-________T______-______", escape="\\"))
    # SQLite's LIKE takes Links for links.
    of_frontier = of_frontier.where(func.substr(runs.c.crawl_id, 1, len(name)) == name)
    return of_frontier.order_by(runs.c.started_at.desc()).limit(limit)


def running_runs() -> Query:
    return select(runs).where(runs.c.outcome == "running")


def items_of_attempt(task_id: str) -> Query:
    return select(items).where(items.c.task_id == task_id).order_by(items.c.number)


def items_of_type(kind: str, after_id: int = 0, limit: int = 100) -> Query:
    of_type = select(items).where(items.c.type == kind, items.c.id > after_id)
    return of_type.order_by(items.c.id).limit(limit)


def items_of_run(run_id: str, after_id: int = 0, limit: int = 100) -> Query:
    of_run = select(items).where(items.c.run_id == run_id, items.c.id > after_id)
    return of_run.order_by(items.c.id).limit(limit)


def open_actions() -> Query:
    """What somebody asked for and is not done yet."""
    return select(actions).where(actions.c.state.in_(("pending", "running")))


def newest_actions(limit: int = 50) -> Query:
    return select(actions).order_by(actions.c.asked_at.desc(), actions.c.id.desc()).limit(limit)


def failures_of_domain(domain: str, since: datetime) -> Query:
    """What failed there by the hour; of ALL, everywhere."""
    hours = failure_hours.c
    return select(failure_hours).where(hours.domain == domain, hours.hour >= naive_utc(since))


def newest_refused_rows(limit: int = 100) -> Query:
    return select(refused_rows).order_by(refused_rows.c.id.desc()).limit(limit)


def logs_before(before: datetime, reached: datetime | None = None, limit: int = 500) -> Query:
    """What is old enough to be pruned, the oldest first, from the moment that was reached."""
    return _before(scrape_logs.c.finished_at, before, reached, limit)


def minutes_before(before: datetime, reached: datetime | None = None, limit: int = 500) -> Query:
    """What of the roll-ups is old enough to be pruned, in the same way."""
    return _before(attempt_minutes.c.minute, before, reached, limit)


def failure_hours_before(before: datetime, reached: datetime | None = None, limit: int = 500) -> Query:
    """Whole hours of failures that are old enough to be pruned, in the same way."""
    return _before(failure_hours.c.hour, before, reached, limit)


def largest_domains(limit: int = 20) -> Query:
    """The domains with the most sites; ALL is the first."""
    return select(site_totals).order_by(site_totals.c.sites.desc()).limit(limit)


def _newest(query: Query, table: Table, limit: int) -> Query:
    return query.order_by(table.c.finished_at.desc()).limit(limit)


def _before(moment: Column[datetime], before: datetime, reached: datetime | None, limit: int) -> Query:
    key = [column for column in moment.table.primary_key if column is not moment]
    query = select(moment, *key).where(moment < naive_utc(before))
    # What was deleted stays in the index for a while: it is not to be read again for every batch.
    query = query if reached is None else query.where(moment >= reached)
    return query.order_by(moment).limit(limit)
