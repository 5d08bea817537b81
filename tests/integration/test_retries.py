"""A retry touches exactly what it says, whoever does it, and whatever becomes of him."""

import multiprocessing
import os
import signal
from datetime import timedelta

import pytest
from sqlalchemy import text

from scraping_project.frontier.connection import connect as connect_redis
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Push, blob, slot_name
from scraping_project.http import serialization
from scraping_project.http.fingerprints import Fingerprinter
from scraping_project.operations import retry
from scraping_project.operations.work import filter_of, work_off
from scraping_project.storage import actions
from scraping_project.storage.actions import AskedAction
from scraping_project.storage.engine import connect
from scraping_project.storage.reading.failed_pages import WhichPages, failed_pages, failed_pages_query
from scraping_project.storage.transactions import reading
from scraping_project.storage.writing.writer import Writer
from tests.support.frontier_worker import Worker, burial, end, ledger_of
from tests.support.storage_truth import NOON, log, site

CRAWL = "links-20250701T120000-abcdef"
KEYS = Keys("links")
SINCE, UNTIL = NOON - timedelta(days=1), NOON + timedelta(days=1)


def page(url, slot=None, *, again=False):
    host = url.split("/")[2]
    return Push(Fingerprinter.number_of(url), slot_name(slot or host), 0, blob(serialization.of_page(url, 0)),
                again=again)  # fmt: skip


def bury(frontier, *urls, slot=None, reason="timeout"):
    """Makes dead letters of requests for these URLs."""
    worker = Worker(frontier, token="undertaker")
    worker.push(*(page(url, slot) for url in urls))
    left = len(urls)
    while left:
        leased = worker.lease(min(left, 500))
        letter = f'{{"reason":"{reason}"}}'.encode()
        worker.step(bury=[burial(each, letter) for each in leased])
        left -= len(leased)
    frontier.leave(worker.token)


def waiting(frontier):
    """The URLs of all that waits, in order."""
    worker = Worker(frontier, token="reader")
    leased = []
    while some := worker.lease(500):
        leased += some
    worker.step(release=[end(each) for each in leased])
    frontier.leave(worker.token)
    return sorted(serialization.url_of(each.payload) for each in leased)


def failing(engine, *urls, reason="http_503", begin=0, crawl_id=CRAWL):
    """Writes pages whose last answer was a failure."""
    writer = Writer(engine)
    for number, url in enumerate(urls, begin):
        writer.append(site(url, number, status_code=503))
        writer.append(log(f"task {number} {url}", number, url=url, site_url=url, crawl_id=crawl_id,
                          status="failed", reason=reason))  # fmt: skip
    writer.commit()


def ask(engine, name="form 1", **which):
    chosen = WhichPages(since=which.pop("since", SINCE), until=which.pop("until", UNTIL), **which)
    actions.ask(engine, AskedAction(id=name, kind="retry", asked_by="anna", filter=filter_of(chosen)))


def work(engine, server, who="one", *, slot_by="host", ending=lambda: False):
    return work_off(engine, server, [KEYS], slot_by=slot_by, who=who, ending=ending)


def result(engine, name="form 1"):
    action = actions.read(engine, name)
    found = {key: action.result.get(key) for key in ("letters", "pages", "without_crawl")}
    return action.state, action.done, found


@pytest.fixture
def begun(frontier):
    """A frontier in which something is done; its worker stays, so that nobody begins anew."""
    worker = Worker(frontier, token="first")
    worker.push(page("http://done.example/"))
    worker.ack(*worker.lease())
    return frontier


def test_dead_letters_of_one_reason_and_site_go_back_and_no_others(engine, begun, server):
    bury(begun, "http://a.example/1", "http://a.example/2")
    bury(begun, "http://a.example/3", reason="tls")
    bury(begun, "http://b.example/1")
    ask(engine, reason="timeout", domain="a.example")

    assert work(engine, server) == "form 1"

    assert result(engine) == ("finished", 2, {"letters": 2, "pages": 0, "without_crawl": 0})
    assert waiting(begun) == ["http://a.example/1", "http://a.example/2"]
    assert ledger_of(begun)["dead"] == 2
    assert work(engine, server) is None


def test_where_slots_are_of_registered_domains_the_other_hosts_of_one_are_left_alone(engine, begun, server):
    bury(begun, "http://a.example.org/1", "http://b.example.org/1", slot="example.org")
    ask(engine, reason="timeout", domain="a.example.org")

    work(engine, server, slot_by="domain")

    assert result(engine)[1] == 1
    assert waiting(begun) == ["http://a.example.org/1"]


def test_failed_pages_are_asked_for_past_the_dupe_filter_unless_they_were_answered_since(
    engine, begun, server
):
    worker = Worker(begun, token="second")
    worker.push(page("http://a.example/down"))
    worker.ack(*worker.lease())
    begun.leave(worker.token)
    failing(engine, "http://a.example/down", "http://a.example/mended", "http://b.example/down")
    failing(engine, "http://a.example/gone", reason="http_404")
    writer = Writer(engine)
    writer.append(log("task later", 50, url="http://a.example/mended", site_url="http://a.example/mended",
                      crawl_id=CRAWL))  # fmt: skip
    writer.commit()
    ask(engine, reason="http_503", domain="a.example")

    work(engine, server)

    assert result(engine) == ("finished", 1, {"letters": 0, "pages": 1, "without_crawl": 0})
    assert waiting(begun) == ["http://a.example/down"]


def test_a_selection_touches_its_rows_alone(engine, begun, server):
    failing(engine, *(f"http://a.example/{number}" for number in range(5)))
    bury(begun, "http://a.example/dead")
    found = failed_pages(engine, WhichPages(SINCE, UNTIL))
    ask(engine, log_ids=(found[1].log_id, found[3].log_id))

    work(engine, server)

    assert waiting(begun) == [found[1].url, found[3].url]


def test_pages_whose_frontier_holds_no_crawl_any_more_are_counted_and_nothing_is_pushed(
    engine, begun, server
):
    begun.clear()
    failing(engine, "http://a.example/1")
    ask(engine)

    work(engine, server)

    assert result(engine) == ("finished", 1, {"letters": 0, "pages": 0, "without_crawl": 1})
    assert begun.crawl() is None


def test_of_a_crawl_that_begins_meanwhile_nothing_is_touched(engine, begun, server):
    bury(begun, *(f"http://a.example/{number}" for number in range(1_200)))
    ask(engine, reason="timeout")
    looks = iter([False, True])
    work(engine, server, ending=lambda: next(looks))
    moved = actions.read(engine, "form 1").done
    begun.clear()
    bury(begun, "http://a.example/of the next crawl")
    lapse(engine)

    work(engine, server, "two")

    assert result(engine) == ("finished", moved, {"letters": moved, "pages": 0, "without_crawl": 0})
    assert ledger_of(begun)["dead"] == 1


def test_a_letter_of_the_next_crawl_is_not_taken_for_one_of_the_last(begun):
    bury(begun, "http://a.example/1")
    [letter] = begun.dead()
    epoch = begun.epoch()
    begun.clear()
    bury(begun, *(f"http://b.example/{number}" for number in range(5)))

    assert begun.requeue([letter.id], epoch) == 0
    assert ledger_of(begun)["dead"] == 5


def lapse(engine):
    with engine.begin() as connection:
        connection.execute(text("UPDATE actions SET claimed_until = '2020-01-01 00:00:00.000000'"))


def work_until_killed(url, redis_url, slices):
    """Works off an action, and is killed with SIGKILL after so many slices were done and not yet noted."""
    done, real = 0, retry.Retry.work

    def deadly(self, place, touched):
        nonlocal done
        for each in real(self, place, touched):
            done += 1
            if done == slices:
                os.kill(os.getpid(), signal.SIGKILL)
            yield each

    retry.Retry.work = deadly
    with connect_redis(redis_url) as server:
        work(connect(url), server, f"pid {os.getpid()}")


@pytest.mark.parametrize("slices", [1, 2, 4])
def test_after_a_kill_between_doing_and_noting_another_goes_on_and_nothing_is_lost_or_doubled(
    engine, begun, server, slices
):
    bury(begun, *(f"http://a.example/dead/{number}" for number in range(900)))
    failing(engine, *(f"http://a.example/{number}" for number in range(1_200)))
    ask(engine)
    pool = server.connection_pool.connection_kwargs
    where = f"redis://{pool['host']}:{pool['port']}/{pool.get('db', 0)}"
    url = engine.url.render_as_string(hide_password=False)
    killed = multiprocessing.get_context("spawn").Process(target=work_until_killed, args=(url, where, slices))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL

    lapse(engine)
    assert work(engine, server, "two") == "form 1"

    assert len(waiting(begun)) == len(set(waiting(begun))) == 2_100
    assert ledger_of(begun)["dead"] == 0
    assert actions.read(engine, "form 1").state == "finished"


def test_progress_is_noted_after_each_slice(engine, begun, server):
    failing(engine, *(f"http://a.example/{number}" for number in range(1_200)))
    ask(engine)
    seen = []

    def ending():
        seen.append(actions.read(engine, "form 1").done)
        return False

    work(engine, server, ending=ending)

    assert seen == [500, 1_000, 1_200]


def test_a_cancelled_retry_ends_after_its_slice(engine, begun, server):
    failing(engine, *(f"http://a.example/{number}" for number in range(1_200)))
    ask(engine)

    def ending():
        actions.cancel(engine, "form 1")
        return False

    work(engine, server, ending=ending)

    assert result(engine)[:2] == ("cancelled", 500)
    assert len(waiting(begun)) == 1_000  # the slice in which it heard of it


@pytest.mark.parametrize("which", [{}, {"reason": "http_503"}, {"domain": "a.example"}])
def test_failed_pages_are_found_by_an_index(engine, which):
    failing(engine, *(f"http://a.example/{number}" for number in range(50)))
    query = failed_pages_query(WhichPages(SINCE, UNTIL, **which))
    words = query.compile(engine, compile_kwargs={"literal_binds": True, "render_postcompile": True})
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with reading(engine) as connection:
        rows = connection.exec_driver_sql(f"{explain} {words}").mappings().all()

    told = " ".join(str(dict(row)) for row in rows)
    assert "ix_scrape_logs_status" in told
    assert "filesort" not in told
    assert "SCAN" not in told


def test_what_was_asked_for_before_a_moment_leaves_later_failures_alone(engine, begun, server):
    failing(engine, "http://a.example/early", begin=0)
    failing(engine, "http://a.example/late", begin=600)
    ask(engine, until=NOON + timedelta(seconds=300))

    work(engine, server)

    assert waiting(begun) == ["http://a.example/early"]
