"""What the scheduler asks the frontier for."""

import math
import time
from types import SimpleNamespace

import pytest
from scrapy.utils.project import get_project_settings

from scraping_project.attempts.registry import Attempts
from scraping_project.core.scheduler import Scheduler
from scraping_project.core.slot_queues import MOST, TURN
from scraping_project.politeness.clocks import SlotClocks


@pytest.fixture(name="scheduler_of")
def a_scheduler_with_a_slot():
    def build(**changes):
        settings = get_project_settings().copy()
        settings.update({"DOWNLOAD_DELAY": 0} | changes)
        crawler = SimpleNamespace(settings=settings, engine=SimpleNamespace(_slot=None))
        clocks = SlotClocks(settings)
        clocks.of("a.example")
        log = SimpleNamespace(attempts=Attempts())
        session = SimpleNamespace(log=log, clocks=clocks, budget=math.inf, max_pages=0, redis_time=time.time)
        return Scheduler(crawler, session)

    return build


@pytest.mark.parametrize(("concurrency", "most"), [(0, MOST), (8, 8)])
def test_a_concurrency_of_nought_is_as_much_as_a_worker_holds(scheduler_of, concurrency, most):
    demand = scheduler_of(CONCURRENT_REQUESTS=concurrency).demand(0.0, 0.25)
    (ask,) = demand["asks"]

    assert (ask.want, ask.arm, demand["arm_new"]) == (TURN, 2 * most, 2 * most)
