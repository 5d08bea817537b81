"""The batched writer of every row that a crawl stores."""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from sqlalchemy import Engine, Table

from scraping_project.items import ScrapeLog, Site, StoredItem
from scraping_project.storage import user_tables
from scraping_project.storage.errors import Deadlocked, Duplicated, RowRefused
from scraping_project.storage.transactions import writing
from scraping_project.storage.writing import refusals
from scraping_project.storage.writing.batch import write
from scraping_project.storage.writing.rows import OtherRow, Row, SiteRow, item_row, log_row, site_row

TRIES = 5


class Writer:
    """Collects rows on one thread and writes them in batches on another.

    A commit that raises, for whatever reason, has lost nothing: its rows stay pending, in order, and
    the next commit takes them again. Rows may thus be written twice, which makes neither a second row
    nor a second count. A row that the database will never take goes to ``refused_rows``.
    It does not promise that pending rows survive the process.
    """

    def __init__(self, engine: Engine) -> None:
        self.refused = 0  # rows, so far
        self._engine = engine
        self._appending = Lock()
        self._committing = Lock()
        self._rows: list[Row] = []

    @property
    def pending(self) -> int:
        """How many rows are not known to be in the database."""
        with self._appending:
            return len(self._rows)

    def append(self, item: Site | ScrapeLog | StoredItem) -> None:
        """Takes a row for the next commit; what is wrong with it is raised here, to who made it."""
        row: Row
        if isinstance(item, Site):
            row = site_row(item)
        elif isinstance(item, ScrapeLog):
            row = log_row(item)
        else:
            row = item_row(item)
        with self._appending:
            self._rows.append(row)

    def put(self, table: Table, row: Mapping[str, Any]) -> None:
        """Takes a row of a table of your own, which replaces the row of the same primary key.

        Raises:
            ValueError: The row has a column that the table has not, or no primary key.
        """
        columns, key = set(table.columns.keys()), set(table.primary_key.columns.keys())
        if not key or not key <= row.keys() <= columns:
            raise ValueError(f"a row of {table.name} with {sorted(row)}, not with {sorted(columns)}")
        with self._appending:
            self._rows.append(OtherRow(table, dict(row)))

    def create(self, table: Table) -> None:
        """Makes a table of your own with its indexes (``own_tables``) where there is none; blocks."""
        user_tables.create(self._engine, table)

    def commit(self) -> int:
        """Writes everything appended so far and returns how many rows that were.

        It is one transaction, and several only when a row is refused.

        Raises:
            DatabaseUnavailable: The database does not serve now; the rows stay pending.
            StorageError: The tables are not those of this version; the rows stay pending all the same.
        """
        with self._committing:
            with self._appending:
                batch = self._rows[:]
            if batch:
                self._store(batch)
                with self._appending:
                    del self._rows[: len(batch)]
            return len(batch)

    def _store(self, rows: Sequence[Row]) -> None:
        """Writes what the database takes, by halves where it does not take all."""
        try:
            self._write(rows)
        except RowRefused as error:
            if len(rows) == 1:
                self._refuse(rows[0], error)
                return
            # Sites first, so that no log is parted from its own.
            ordered = sorted(rows, key=lambda row: row.__class__ is not SiteRow)
            middle = len(ordered) // 2
            self._store(ordered[:middle])
            self._store(ordered[middle:])

    def _write(self, rows: Sequence[Row]) -> None:
        careful = False
        for _ in range(TRIES - 1):
            try:
                return self._write_once(rows, careful=careful)
            except Duplicated:
                careful = True
            except Deadlocked:
                # The other transaction went on, so this one may try again at once.
                continue
        return self._write_once(rows, careful=careful)

    def _write_once(self, rows: Sequence[Row], *, careful: bool) -> None:
        with writing(self._engine) as connection:
            write(connection, rows, careful=careful)

    def _refuse(self, row: Row, error: RowRefused) -> None:
        refused = refusals.refused_row(row, error)
        with writing(self._engine) as connection:
            refusals.keep(connection, [refused])
        self.refused += 1
        refusals.say(refused)
