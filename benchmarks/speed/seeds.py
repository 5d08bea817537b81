"""From the push of a seed to its first byte at the site, with a worker that has nothing else to do."""

import random
import time
from contextlib import closing

from benchmarks.speed.curve import SEEDS, wait
from benchmarks.speed.hits import Hits
from benchmarks.speed.programs import ours
from benchmarks.speed.site import address
from benchmarks.speed.stage import Crowd, SpeedError, Stage

#: Seconds until the worker is idle again, by chance, so that no push falls in step with its own rhythm.
PAUSE = (0.3, 0.6)
PATIENCE = 10.0


def latencies(stage: Stage, count: int) -> list[float]:
    """Milliseconds of so many seeds, pushed one at a time."""
    pushed, chance = {}, random.Random(1)  # noqa: S311  not for secrets
    with (
        stage.place() as place,
        Crowd([ours(place, "-a", "max_depth=0", waits=True)], place) as crowd,
        closing(Hits(stage.site)) as seen,
    ):
        wait(stage, crowd, 1)
        for number in range(count):
            crowd.until(lambda: False, chance.uniform(*PAUSE))
            pushed[address(number)] = time.time()
            stage.client.lpush(SEEDS, place.site_url.rstrip("/") + address(number))
            if not crowd.until(lambda so_far=number: seen.count() > so_far, PATIENCE):  # type: ignore[misc]  # bound early
                raise SpeedError(f"a seed was not fetched in {PATIENCE:g} s:\n{crowd.last_words()}")
        return [1000 * (request.began - pushed[request.uri]) for request in stage.site.requests()]
