"""Where a reader of a large table is, and the queries for what comes next: each reads no row before that."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Select, String, Table, literal, select

from scraping_project.storage.tables import scrape_logs, sites
from scraping_project.storage.values import moment_text

Query = Select[Any]

MOMENTS: dict[Table, Column[datetime]] = {sites: sites.c.last_scraped, scrape_logs: scrape_logs.c.finished_at}
#: Of which index the rows are read: by moment or by id alone, of one domain or of all.
INDEXES = {
    (sites, "moment"): "ix_sites_last_scraped",
    (sites, "domain"): "ix_sites_domain",
    (scrape_logs, "moment"): "ix_scrape_logs_finished_at",
    (scrape_logs, "domain"): "ix_scrape_logs_domain",
}


class Place(NamedTuple):
    """The last row that was read."""

    moment: str  # as the database keeps it
    id: int


@dataclass(frozen=True, slots=True)
class Walk:
    """A way through ``sites`` or ``scrape_logs`` in the order of one index, which serves its conditions.

    The order is that of the ids; with ``since``, and for the logs of a domain, that of ``MOMENTS``, then
    of the ids. Of sites both conditions at once read every site of the domain.
    A row whose moment is moved meanwhile may be met again.
    """

    table: Table
    domain: str | None = None
    since: datetime | None = None

    def queries(self, columns: Sequence[ColumnElement[Any]], after: Place | None) -> Iterator[Query]:
        """Ordered and without a limit; what the second gives comes after all that the first gives.

        One query for "this moment and a higher id, or a later moment" would be sorted anew for each page.
        """
        moment, query = MOMENTS[self.table], self._all(columns)
        if not self._by_moment:
            first = query if after is None else query.where(self.table.c.id > after.id)
            yield first.order_by(self.table.c.id)
            return
        if after is not None:
            same = query.where(moment == _as_stored(after.moment), self.table.c.id > after.id)
            yield same.order_by(self.table.c.id)
            query = query.where(moment > _as_stored(after.moment))
        yield query.order_by(moment, self.table.c.id)

    @property
    def _by_moment(self) -> bool:
        if self.domain is not None:
            return self.table is scrape_logs
        return self.since is not None

    def _all(self, columns: Sequence[ColumnElement[Any]]) -> Query:
        query = select(*columns).select_from(self.table)
        if self.domain is not None:
            query = query.where(self.table.c.domain == self.domain.lower())
        if self.since is not None:
            query = query.where(MOMENTS[self.table] >= _as_stored(moment_text(self.since)))
        return self._through_index(query)

    def _through_index(self, query: Query) -> Query:
        # An optimizer may take the primary key for any ORDER BY with a LIMIT, and read everything.
        kind = "domain" if self.domain is not None else "moment" if self.since is not None else None
        if kind is None:
            return query.with_hint(self.table, "FORCE INDEX (PRIMARY)", "mysql")
        index = INDEXES[self.table, kind]
        forced = query.with_hint(self.table, f"FORCE INDEX ({index})", "mysql")
        return forced.with_hint(self.table, f"INDEXED BY {index}", "sqlite")


def _as_stored(moment: str) -> ColumnElement[Any]:
    return literal(moment, String())
