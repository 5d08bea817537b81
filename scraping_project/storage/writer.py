"""The batched writer of ``sites`` and ``scrape_logs``."""

from collections.abc import Iterator, Sequence
from threading import Lock

from sqlalchemy import Connection, Engine, select

from scraping_project.items import ScrapeLog, Site
from scraping_project.storage.errors import Deadlocked
from scraping_project.storage.rows import Row, log_row, merge_sites, site_row
from scraping_project.storage.tables import sites
from scraping_project.storage.transactions import writing
from scraping_project.storage.upserts import upsert_log, upsert_site
from scraping_project.storage.values import url_hash

DEADLOCK_TRIES = 5
LOOKUP_SIZE = 500


class Writer:
    """Collects rows on one thread and writes them in batches on another.

    A commit that raises, for whatever reason, has lost nothing: its rows stay pending, in order, and
    the next commit takes them again. Rows may thus be written twice, which the upserts make harmless.
    It does not promise that pending rows survive the process.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._appending = Lock()
        self._committing = Lock()
        self._sites: list[Row] = []
        self._logs: list[tuple[Row, bytes | None]] = []  # with the hash of the log's site

    @property
    def pending(self) -> int:
        """How many rows are not known to be in the database."""
        with self._appending:
            return len(self._sites) + len(self._logs)

    def append(self, row: Site | ScrapeLog) -> None:
        """Takes a row for the next commit; what is wrong with it is raised here, to who made it."""
        if isinstance(row, Site):
            site = site_row(row)
            with self._appending:
                self._sites.append(site)
            return
        log = log_row(row), None if row.site_url is None else url_hash(row.site_url)
        with self._appending:
            self._logs.append(log)

    def commit(self) -> int:
        """Writes everything appended so far in one transaction and returns how many rows that were.

        Raises:
            DatabaseUnavailable: The database does not serve now; the rows stay pending.
            StorageError: The database refuses the rows; they stay pending all the same.
        """
        with self._committing:
            with self._appending:
                batch_of_sites, batch_of_logs = self._sites[:], self._logs[:]
            if not batch_of_sites and not batch_of_logs:
                return 0
            self._write(merge_sites(batch_of_sites), _merge_logs(batch_of_logs))
            with self._appending:
                del self._sites[: len(batch_of_sites)]
                del self._logs[: len(batch_of_logs)]
            return len(batch_of_sites) + len(batch_of_logs)

    def _write(self, site_rows: list[Row], logs: list[tuple[Row, bytes | None]]) -> None:
        for _ in range(DEADLOCK_TRIES - 1):
            try:
                return self._write_once(site_rows, logs)
            except Deadlocked:
                # The other transaction went on, so this one may try again at once.
                continue
        return self._write_once(site_rows, logs)

    def _write_once(self, site_rows: list[Row], logs: list[tuple[Row, bytes | None]]) -> None:
        dialect = self._engine.dialect.name
        with writing(self._engine) as connection:
            if site_rows:
                connection.execute(upsert_site(dialect), site_rows)
            if logs:
                ids = _site_ids(connection, {site for _, site in logs if site is not None})
                rows = [{**row, "site_id": ids.get(site) if site else None} for row, site in logs]
                connection.execute(upsert_log(dialect), rows)


def _merge_logs(logs: list[tuple[Row, bytes | None]]) -> list[tuple[Row, bytes | None]]:
    """One row a task, the last one; sorted, so that two workers lock alike."""
    merged = {row["task_id"]: (row, site) for row, site in logs}
    return [merged[key] for key in sorted(merged)]


def _site_ids(connection: Connection, hashes: set[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for some in _chunks(sorted(hashes)):
        query = select(sites.c.url_hash, sites.c.id).where(sites.c.url_hash.in_(some))
        found.update((row.url_hash, row.id) for row in connection.execute(query))
    return found


def _chunks(hashes: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(hashes), LOOKUP_SIZE):
        yield hashes[start : start + LOOKUP_SIZE]
