"""How often a page asks Redis and MariaDB, by what those count; SQLite is asked the same."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from sqlalchemy import create_engine, text

from benchmarks.dashboard.tower import Tower, get
from benchmarks.speed.stage import Place
from benchmarks.table import Row
from scraping_project.frontier.connection import connect

#: Readings of a page, of which the least counts: the dashboard looks for actions now and then.
READINGS = 5


def trips(serving: Tower, place: Place, pages: Sequence[str]) -> Iterator[Row]:
    if place.database_url.startswith("sqlite"):
        return
    engine = create_engine(place.database_url)
    with (
        engine.connect() as sql,
        closing(connect(place.redis_url)) as client,
        closing(serving.connect()) as web,
    ):

        def counted() -> tuple[int, int]:
            found = sql.execute(text("SHOW GLOBAL STATUS LIKE 'Com_select'")).one()
            return int(found[1]), int(client.info("stats")["total_reads_processed"])

        for path in pages:
            seen = []
            for _ in range(READINGS):
                before = counted()
                get(web, path)
                seen.append([late - early for late, early in zip(counted(), before, strict=True)])
            selects, reads = map(min, zip(*seen, strict=True))
            yield Row(f"{path}: SELECTs", selects, 6, "<=")
            yield Row(f"{path}: round trips to Redis", reads - 1)  # the last is INFO's own
    engine.dispose()
