"""What the scheduler asks the frontier for."""

import time
from types import SimpleNamespace

import pytest
from scrapy.utils.project import get_project_settings

from scraping_project.attempts.registry import Attempts
from scraping_project.core.scheduler import Scheduler
from scraping_project.core.slot_queues import MOST, TURN
from scraping_project.politeness.clocks import Slots


@pytest.fixture(name="scheduler_of")
def a_scheduler_with_a_slot():
    def build(**changes):
        settings = get_project_settings().copy()
        settings.update({"DOWNLOAD_DELAY": 0} | changes)
        crawler = SimpleNamespace(settings=settings, engine=SimpleNamespace(_slot=None))
        slots = Slots(settings)
        slots.of("a.example")
        checkpoint = SimpleNamespace(slots=slots, budget=float("inf"), max_pages=0, redis_time=time.time)
        return Scheduler(crawler, checkpoint, SimpleNamespace(attempts=Attempts()))

    return build


@pytest.mark.parametrize(("concurrency", "most"), [(0, MOST), (8, 8)])
def test_a_concurrency_of_nought_is_as_much_as_a_worker_holds(scheduler_of, concurrency, most):
    wishes = scheduler_of(CONCURRENT_REQUESTS=concurrency).wishes(0.0, 0.25)
    (ask,) = wishes["asks"]

    assert (ask.want, ask.arm, wishes["arm_new"]) == (TURN, 2 * most, 2 * most)
