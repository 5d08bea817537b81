"""What processes on one machine take from each other although they have nothing to do with each other."""

from contextlib import closing

from benchmarks.speed.hits import Hits
from benchmarks.speed.measure import START
from benchmarks.speed.programs import SCRAPY, WORKER
from benchmarks.speed.stage import Crowd, SpeedError, Stage
from benchmarks.speed.usage import total_cpu

#: With the worker itself as many processes as the most workers that are measured.
NEIGHBOURS = 7
#: The part of the crawl that is measured, in pages: when most links are known.
FROM, TO = 3_000, 7_000
#: Seconds until the neighbours work.
BEGUN = 3.0
PATIENCE = 120.0


def left_beside_strangers(stage: Stage) -> float:
    """Pages a CPU second of one worker beside stock Scrapys on a site of their own, over alone.

    Where there are more processes than cores, each finds the core's caches full of another's things. What
    several workers lose beyond this they lose to each other.
    """
    alone = _cost(stage)
    with stage.place() as place, stage.another_site() as site:
        command = SCRAPY.command(place.at(site.url))
        with Crowd([command] * NEIGHBOURS, place) as crowd:
            crowd.until(lambda: False, BEGUN)
            return alone / _cost(stage)


def _cost(stage: Stage) -> float:
    """CPU seconds of one worker for the pages in question."""
    with (
        stage.place() as place,
        Crowd([WORKER.command(place)], place) as crowd,
        closing(Hits(stage.site)) as seen,
    ):
        used = []
        for pages in (FROM, TO):
            if not crowd.until(lambda so_far=pages: seen.count() >= so_far, START + PATIENCE):  # type: ignore[misc]  # bound early
                raise SpeedError(f"has not fetched {pages} pages in time:\n{crowd.last_words()}")
            used.append(total_cpu(crowd.pids))
        return used[1] - used[0]
