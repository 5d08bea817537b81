"""Whether a server's clock was set forward, however slow the way to it is."""

from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Ledger, Reply
from scraping_project.frontier.replies import Joined
from scraping_project.frontier.server_time import LEAP_MS, ServerTime
from scraping_project.frontier.worker import Worker


def test_time_that_may_have_passed_is_no_leap():
    time = ServerTime()
    assert not time.has_leapt(10.0, 5_000, 10.1)

    assert not time.has_leapt(11.0, 6_000, 11.1)  # both hands agree
    assert not time.has_leapt(12.0, 16_000, 21.0)  # the server was read at 21.0 at the latest


def test_time_that_cannot_have_passed_is_a_leap_and_is_one_once():
    time = ServerTime()
    time.has_leapt(10.0, 5_000, 10.1)

    assert time.has_leapt(11.0, 9_000, 11.1)
    assert not time.has_leapt(12.0, 10_000, 12.1)


def test_a_clock_that_runs_a_little_fast_or_is_set_back_does_not_leap():
    time = ServerTime()
    time.has_leapt(10.0, 5_000, 10.0)

    assert not time.has_leapt(11.0, 6_000 + LEAP_MS, 11.0)
    assert not time.has_leapt(12.0, 0, 12.0)


def test_a_worker_says_with_its_next_step_that_the_clock_has_leapt_and_says_so_once():
    server = Server()
    worker = Worker(server, rules="{}", seeds="", lease_ms=60_000)
    worker.join()

    said = []
    for leap_ms in (0, 3_600_000, 0, 0):
        server.now_ms += leap_ms
        step = worker.next_step()
        worker.confirm(step, worker.exchange(step))
        said.append((step.leapt, worker.leapt))

    assert said == [(False, False), (False, True), (True, False), (False, False)]


class Server:
    """Stands in for a frontier: it has a clock, which stands still unless it is set."""

    keys = Keys("links")
    now_ms = 5_000

    def members(self):
        return []

    def join(self, *_, **__):
        return Joined(epoch=1, crawl_id="1", began=True, queued=0, pages=0, alone=True)

    def checkpoint(self, _):
        ledger = Ledger(discovered=0, queued=0, delayed=0, leased=0, done=0, dead=0, pages=0, paused=False)
        return Reply(now_ms=self.now_ms, pushed="", leased=[], ledger=ledger, letters={}, finished=False)
