"""What ten viewers cost a crawl: with them and without in turns of seconds, for a machine drifts."""

import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.dashboard.tower import Tower, tower
from benchmarks.dashboard.viewers import watched
from benchmarks.speed import hits, site
from benchmarks.speed.hits import Hits
from benchmarks.speed.measure import START
from benchmarks.speed.programs import ours
from benchmarks.speed.stage import Crowd, SpeedError, Stage, stage
from benchmarks.table import Row

#: Seconds of a turn; turns of each in a crawl; crawls; pages before the first turn, when most links are new.
TURN, TURNS, CRAWLS, FIRST_PAGE = 2.5, 2, 6, 3_000
FOLDER = Path(".cache") / "benchmarks" / "site"
PAGES = ("/", "/failures", "/frontier/links", "/runs", "/sites", "/logs")


def beside_a_crawl() -> Iterator[Row]:
    site.write(FOLDER, site.PAGES)
    with stage(FOLDER) as ready:
        pairs = [pair for number in range(CRAWLS) for pair in _crawl(ready, viewers_first=number % 2 == 0)]
    yield Row("pages a second of a crawl, no viewers", statistics.median(alone for _, alone in pairs))
    yield Row("with ten viewers over without", statistics.median(a / b for a, b in pairs), 0.99)


def _crawl(ready: Stage, *, viewers_first: bool) -> list[tuple[float, float]]:
    """Pages a second with viewers and without, of each pair of turns."""
    with (
        ready.place() as place,
        tower(place) as serving,
        closing(Hits(ready.site)) as seen,
        Crowd([ours(place)], place) as crowd,
    ):
        if not crowd.until(lambda: seen.count() >= FIRST_PAGE, START):
            raise SpeedError(f"the crawl does not come to its {FIRST_PAGE:,}th page:\n{crowd.last_words()}")
        spans = [(_turn(serving, watch), _turn(serving, not watch)) for watch in [viewers_first] * TURNS]
        requests = ready.site.requests()
    speeds = [[hits.pages(requests, *span) / (span[1] - span[0]) for span in pair] for pair in spans]
    return [(one, other) if viewers_first else (other, one) for one, other in speeds]


def _turn(serving: Tower, viewers: bool) -> tuple[float, float]:
    """When it began and ended."""
    began = time.time()
    if viewers:
        with watched(serving, PAGES):
            time.sleep(TURN)
    else:
        time.sleep(TURN)
    return began, time.time()
