"""The stored pages that are to be asked for again, in a stream of any size in constant memory."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row

from scraping_project.storage.reading import queries
from scraping_project.storage.transactions import reading

PAGE = 1_000


def stream(
    engine: Engine, before: datetime, *, domain: str | None = None, failed: bool = False
) -> Iterator[Row[Any]]:
    """Yields what ``queries.RECRAWLED`` names of each site that was last scraped before this moment.

    Nobody's connection is held between two pages of rows. A site that is scraped meanwhile may or may not
    be among them, and is there once.

    Args:
        engine: The database.
        before: Not in the future, or a site that moves along would be met again.
        domain: Only sites whose URL has exactly this host.
        failed: Only sites whose last answer had a status of 400 or more.
    """
    last: Row[Any] | None = None
    while True:
        query = _page(before, domain, last, failed=failed)
        with reading(engine) as connection:
            page = connection.execute(query).all()
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1]


def _page(before: datetime, domain: str | None, last: Row[Any] | None, *, failed: bool) -> queries.Query:
    if domain is not None:
        after = last.id if last else 0
        return queries.sites_of_domain_scraped_before(domain, before, after, PAGE, failed=failed)
    if failed:
        begin = (last.status_code, last.id) if last else (queries.FAILED, 0)
        return queries.failed_sites_scraped_before(before, begin, PAGE)
    return queries.sites_scraped_before(before, (last.last_scraped, last.id) if last else None, PAGE)
