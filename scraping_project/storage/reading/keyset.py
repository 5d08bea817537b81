"""Where a reader of a large table is, and queries for what comes next, which read no row before that."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    String,
    Table,
    bindparam,
    cast,
    literal,
    select,
)

from scraping_project.storage.tables import scrape_logs, sites
from scraping_project.storage.values import moment_text

Query = Select[Any]

MOMENTS: dict[Table, Column[datetime]] = {sites: sites.c.last_scraped, scrape_logs: scrape_logs.c.finished_at}
#: The parameters of stretches.
AFTER_MOMENT, AFTER_ID = bindparam("after_moment", type_=String()), bindparam("after_id", type_=BigInteger())
MOST = bindparam("most", type_=Integer())
#: Of which index the rows are read: by moment or by id alone, of one domain, of one status or of all.
INDEXES = {
    (sites, "moment"): "ix_sites_last_scraped",
    (sites, "domain"): "ix_sites_domain",
    (scrape_logs, "moment"): "ix_scrape_logs_finished_at",
    (scrape_logs, "domain"): "ix_scrape_logs_domain",
    (scrape_logs, "status"): "ix_scrape_logs_status",
}


class Place(NamedTuple):
    """The last row that was read."""

    moment: str  # as the database keeps it
    id: int


def bound(after: Place | None, limit: int) -> dict[str, Any]:
    """The values of a stretch's parameters: what comes after a place, and how many rows at the most."""
    place = {} if after is None else {AFTER_MOMENT.key: after.moment, AFTER_ID.key: after.id}
    return {MOST.key: limit, **place}


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Rows that lie together in one index, in its order; the same for every page of a walk.

    What is made of it once can be executed for each: the place and the number of rows are its parameters, see
    ``bound``.
    """

    table: Table
    index: str
    conditions: tuple[ColumnElement[bool], ...]
    keys: tuple[Column[Any], ...]  # by which they are ordered

    def select(self, *columns: ColumnElement[Any]) -> Query:
        """All of them, in order; ``.limit(MOST)`` for a page."""
        query = select(*columns).select_from(self.table).where(*self.conditions).order_by(*self.keys)
        # An optimizer may take the primary key for any ORDER BY with a LIMIT, and read everything.
        query = query.with_hint(self.table, f"FORCE INDEX ({self.index})", "mysql")
        if self.index == "PRIMARY":
            return query
        return query.with_hint(self.table, f"INDEXED BY {self.index}", "sqlite")


@dataclass(frozen=True)
class Walk:
    """A way through ``sites`` or ``scrape_logs`` in the order of one index, which serves its conditions.

    The order is that of the ids; with ``since``, and for the logs of a domain, that of ``MOMENTS``, then
    of the ids. Of sites both conditions at once read every site of the domain.
    A row whose moment is moved meanwhile may be met again.

    Of logs there may be one status, in the order of their moments. Of a domain it is looked at row by row,
    and so are reason and crawl in any case: what is read is what has the status, or the domain.
    """

    table: Table
    domain: str | None = None
    since: datetime | None = None
    status: str | None = None
    reason: str | None = None
    crawl_id: str | None = None

    def stretches(self, after: Place | None) -> Iterator[Stretch]:
        """What comes next: the second stretch, if there are two, lies after all of the first.

        One for "this moment and a higher id, or a later moment" would be sorted anew for each page.
        """
        yield from self._first if after is None else self._later

    @cached_property
    def _first(self) -> list[Stretch]:
        moment, number = MOMENTS[self.table], self.table.c.id
        return [self._stretch((moment, number) if self._by_moment else (number,))]

    @cached_property
    def _later(self) -> list[Stretch]:
        moment, number = MOMENTS[self.table], self.table.c.id
        if not self._by_moment:
            return [self._stretch((number,), number > AFTER_ID)]
        rest = self._stretch((number,), moment == AFTER_MOMENT, number > AFTER_ID)
        return [rest, self._stretch((moment, number), moment > AFTER_MOMENT)]

    @property
    def _by_moment(self) -> bool:
        if self.domain is not None:
            return self.table is scrape_logs
        return self.since is not None or self.status is not None

    def _stretch(self, keys: tuple[Column[Any], ...], *conditions: ColumnElement[bool]) -> Stretch:
        index, of_walk = "PRIMARY", []
        if self.since is not None:
            index = INDEXES[self.table, "moment"]
            of_walk.append(MOMENTS[self.table] >= literal(moment_text(self.since), String()))
        if self.domain is not None:
            index = INDEXES[self.table, "domain"]
            of_walk.append(self.table.c.domain == self.domain.lower())
        elif self.status is not None:
            index = INDEXES[self.table, "status"]
        wanted = {"status": self.status, "reason": self.reason, "crawl_id": self.crawl_id}
        of_walk += [self.table.c[name] == value for name, value in wanted.items() if value is not None]
        return Stretch(self.table, index, (*of_walk, *conditions), keys)


def as_stored(column: Column[Any]) -> ColumnElement[Any]:
    """The column, a moment as the text that the database keeps or writes."""
    return cast(column, String()) if isinstance(column.type, DateTime) else column
