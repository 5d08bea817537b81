"""Pages for people say what is stored, and every statement of theirs is served by an index."""

import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, text, update

from scraping_project.items import Link
from scraping_project.storage import actions
from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from scraping_project.storage.reading import failures, overview, runs, sites
from scraping_project.storage.reading.logs import logs
from scraping_project.storage.tables import metadata
from scraping_project.storage.tables import runs as runs_table
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.writing.upserts import insert
from scraping_project.storage.writing.writer import Writer
from tests.support.storage_truth import NOON, log, site

COUNT = 1_000
STALE = datetime(2025, 1, 1)  # noqa: DTZ001 -- as it is stored


def run(number):
    return {
        "id": f"run {number:04}",
        "crawl_id": f"crawl {number % 50}",
        "spider": f"spider {number % 20}",
        "arguments": "{}",
        "outcome": ("finished", "failed", "running", "lost")[number % 4 if number < 40 else 0],
        "reason": None,
        **dict.fromkeys(("pages", "failed", "filtered", "links", "items"), number),
        "host": "host",
        "pid": number,
        "egg_version": None,
        "started_at": datetime(2026, 1, 1) + timedelta(minutes=number),  # noqa: DTZ001 -- as it is stored
        "finished_at": None,
        "heartbeat_at": STALE if number == 2 else datetime(2100, 1, 1),  # noqa: DTZ001 -- as it is stored
    }


def rows():
    for number in range(COUNT):
        url = f"http://host{number % 100}.example/{number}"
        failed = {"status": "failed", "reason": "timeout", "status_code": 404} if number % 20 == 0 else {}
        links = [Link("http://b.example/"), Link("http://c.example/", "nofollow")]
        yield site(url, number, status_code=404 if failed else 200, links=links, content_hash="ab" * 16)
        yield log(f"task {number}", number, url=url, site_url=url, crawl_id=f"crawl {number % 50}", **failed)


@pytest.fixture(name="filled", scope="module", params=["sqlite", "mariadb"])
def a_filled_database(request, tmp_path_factory):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('lists')}/scraping.db"
    else:
        server = request.getfixturevalue("shared_mariadb")
        server.start()
        url = server.database()
    engine = connect(url)
    migrate(engine)
    writer = Writer(engine)
    for row in rows():
        writer.append(row)
    writer.commit()
    with writing(engine) as connection:
        connection.execute(insert(engine.dialect.name, runs_table), [run(number) for number in range(COUNT)])
        names = ", ".join(metadata.tables)
        connection.execute(text("ANALYZE" if engine.dialect.name == "sqlite" else f"ANALYZE TABLE {names}"))
    yield engine
    engine.dispose()


def walk(ask):
    """All rows of a list, page by page."""
    page = ask(cursor=None)
    yield from page.rows
    while page.older:
        page = ask(cursor=page.older)
        yield from page.rows


def numbers(urls):
    return [int(re.search(r"\d+$", url)[0]) for url in urls]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, range(COUNT)),
        ({"domain": "HOST7.example"}, range(7, COUNT, 100)),
        ({"status": "failed"}, range(0, COUNT, 20)),
        ({"crawl_id": "crawl 20", "status": "failed", "reason": "timeout"}, range(20, COUNT, 100)),
        ({"crawl_id": "crawl 7", "status": "success", "reason": ""}, range(7, COUNT, 50)),
        ({"domain": "nowhere.example"}, ()),
    ],
)
def test_logs_are_listed_newest_first_by_their_filters(filled, filters, expected):
    found = list(walk(lambda cursor: logs(filled, **filters, cursor=cursor)))
    if "crawl_id" in filters:  # by their rows, which one batch wrote in the order of their tasks
        assert [each.id for each in found] == sorted((each.id for each in found), reverse=True)
        found.sort(key=lambda each: each.finished_at, reverse=True)
    assert numbers(each.url for each in found) == sorted(expected, reverse=True)


@pytest.mark.parametrize(
    "filters",
    [
        {"reason": "timeout"},
        {"domain": "a", "status": "failed"},
        {"crawl_id": "a"},
        {"crawl_id": "a", "status": "failed"},
        {"status": "failed", "reason": "timeout"},
    ],
)
def test_filters_of_logs_that_no_index_serves_are_refused_in_one_line(filled, filters):
    with pytest.raises(ValueError, match=r"^these filters of logs do not go together: take [^\n]*$"):
        logs(filled, **filters)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, range(COUNT - 1, -1, -1)),
        ({"domain": "HOST7.example"}, range(7, COUNT, 100)),
        ({"status_class": 4}, range(0, COUNT, 20)),
        ({"changed_since": NOON + timedelta(minutes=990)}, range(COUNT - 1, 989, -1)),
    ],
)
def test_sites_are_listed_by_one_filter(filled, filters, expected):
    found = [each.url for each in walk(lambda cursor: sites.list_sites(filled, **filters, cursor=cursor))]
    by_row = {"status_class", "domain"} & set(filters)  # as one batch wrote them
    assert (sorted(numbers(found)) if by_row else numbers(found)) == list(expected)


@pytest.mark.parametrize(
    "filters", [{"domain": "a", "status_class": 4}, {"status_class": 4, "changed_since": NOON}]
)
def test_two_filters_of_sites_are_refused_in_one_line(filled, filters):
    with pytest.raises(ValueError, match="these filters of sites do not go together: take none, domain"):
        sites.list_sites(filled, **filters)


@pytest.mark.parametrize("status_class", [0, 6, 404])
def test_a_class_that_http_has_not_is_refused(filled, status_class):
    with pytest.raises(ValueError, match="from 1 to 5"):
        sites.list_sites(filled, status_class=status_class)


def test_a_site_comes_with_its_links_and_its_attempts(filled):
    found = sites.site_of_url(filled, "http://host7.example/7")
    assert (found.site.url, found.site.status_code, found.site.links_count) == (
        "http://host7.example/7",
        200,
        2,
    )
    assert found.links == [Link("http://b.example/"), Link("http://c.example/", "nofollow")]
    assert [(attempt.run_id, attempt.status) for attempt in found.attempts] == [("run", "success")]
    assert sites.site_of_url(filled, "http://host7.example/70") is None


def test_which_of_many_urls_are_stored_is_known(filled):
    stored = [f"http://host{number % 100}.example/{number}" for number in range(COUNT)]
    assert sites.known(filled, [*stored, *(f"{url}?" for url in stored)]) == set(stored)
    assert sites.known(filled, []) == set()
    with pytest.raises(ValueError, match="10,000 URLs can be looked up at once, not 10,001"):
        sites.known(filled, [str(number) for number in range(10_001)])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, range(COUNT)),
        ({"spider": "spider 7"}, range(7, COUNT, 20)),
        ({"outcome": "failed"}, range(1, 40, 4)),
        ({"outcome": "running"}, range(6, 40, 4)),
        ({"outcome": "lost"}, [2, *range(3, 40, 4)]),
        ({"outcome": "failed", "spider": "spider 1"}, [1, 21]),
    ],
)
def test_runs_are_listed_newest_first_as_they_read_now(filled, filters, expected):
    found = list(walk(lambda cursor: runs.list_runs(filled, **filters, cursor=cursor)))
    assert numbers(each.id for each in found) == sorted(expected, reverse=True)
    assert {each.outcome for each in found} <= {
        filters.get("outcome"),
        "finished",
        "failed",
        "running",
        "lost",
    }


def test_a_run_is_read_by_its_id_with_those_to_compare_it_with(filled):
    one = runs.run_by_id(filled, "run 0141")
    assert (one.spider, one.pages) == ("spider 1", 141)
    assert numbers(each.id for each in runs.runs_before(filled, one)) == [121, 101, 81, 61, 41]
    assert runs.run_by_id(filled, "nobody") is None
    assert numbers(each.id for each in runs.runs_of_crawl(filled, "crawl 7"))[:2] == [957, 907]


def test_the_last_hour_stands_beside_yesterdays_and_the_day(engine):
    writer = Writer(engine)
    failed = {"status": "dead", "reason": "timeout"}
    for task, minutes, changes in [
        ("now", 0, {}), ("now failed", 0, failed), ("retried", 0, {"status": "retried"}), ("begin", -59, {}),
        ("before", -60, failed), ("yesterday", -24 * 60, {}), ("day", -24 * 60 + 1, {}),
        ("older", -25 * 60, {}),
    ]:  # fmt: skip
        writer.append(log(task, minutes, **changes))
    writer.commit()
    found = overview.last_hour(engine, NOON)
    assert len(found.minutes) == 60
    assert found.minutes[-1] == (NOON.replace(second=0, microsecond=0, tzinfo=None), overview.Ended(1, 1))
    assert found.minutes[0][1] == overview.Ended(1, 0)
    assert (found.hour, found.yesterday, found.day) == (
        overview.Ended(2, 1), overview.Ended(1, 0), overview.Ended(3, 2),
    )  # fmt: skip
    assert found.hour.rate == pytest.approx(2 / 3)
    assert overview.last_hour(engine, NOON + timedelta(days=9)).day.rate is None


HOUR = NOON.replace(minute=0, second=0, microsecond=0)
OF_TIMEOUT = {"reason": "timeout", "status": "failed"}
#: What is asked, how many statements that may be, and whether it may sort the few rows that it has found.
ASKED = {
    "failure groups": (lambda engine: failures.failure_groups(engine, HOUR), 3, True),
    "largest failure groups": (lambda engine: failures.largest_groups(engine, HOUR, 5), 2, True),
    "of a domain": (lambda engine: failures.failure_groups(engine, HOUR, domain="host20.example"), 3, True),
    "reasons": (lambda engine: failures.reasons(engine, HOUR), 1, True),
    "samples": (lambda engine: failures.failed_logs(engine, HOUR, **OF_TIMEOUT), 2, True),
    "samples of a domain": (
        lambda engine: failures.failed_logs(engine, HOUR, **OF_TIMEOUT, domain="host20.example"), 2, True,
    ),
    "the last hour": (lambda engine: overview.last_hour(engine, NOON + timedelta(minutes=99)), 2, True),
    "runs": (runs.list_runs, 2, False),
    "runs of a spider": (lambda engine: runs.list_runs(engine, spider="spider 7"), 2, False),
    "runs of an outcome": (lambda engine: runs.list_runs(engine, outcome="failed"), 2, False),
    "lost runs": (lambda engine: runs.list_runs(engine, outcome="lost"), 2, True),
    "a run": (lambda engine: runs.run_by_id(engine, "run 0141"), 2, False),
    "runs to compare": (
        lambda engine: runs.runs_before(engine, runs.run_by_id(engine, "run 0141")), 4, False,
    ),
    "runs of a crawl": (lambda engine: runs.runs_of_crawl(engine, "crawl 7"), 2, True),
    "logs": (logs, 1, False),
    "logs of a domain": (lambda engine: logs(engine, domain="host7.example"), 1, False),
    "logs of a status": (lambda engine: logs(engine, status="failed"), 1, False),
    "logs of a crawl": (lambda engine: logs(engine, crawl_id="crawl 20", **OF_TIMEOUT), 1, False),
    "sites": (sites.list_sites, 1, False),
    "sites of a domain": (lambda engine: sites.list_sites(engine, domain="host7.example"), 1, False),
    "sites of a class": (lambda engine: sites.list_sites(engine, status_class=4), 1, False),
    "changed sites": (lambda engine: sites.list_sites(engine, changed_since=NOON), 1, False),
    "a site": (lambda engine: sites.site_of_url(engine, "http://host7.example/7"), 2, False),
    "known sites": (lambda engine: sites.known(engine, ["http://host7.example/7"]), 1, False),
    "actions": (actions.newest, 1, False),
}  # fmt: skip
#: And the second pages of lists.
LISTS = {
    "runs": runs.list_runs,
    "logs": logs,
    "logs of a status": lambda engine, **page: logs(engine, status="failed", **page),
    "logs of a crawl": lambda engine, **page: logs(engine, crawl_id="crawl 20", **OF_TIMEOUT, **page),
    "sites": sites.list_sites,
    "sites of a class": lambda engine, **page: sites.list_sites(engine, status_class=4, **page),
}


def statements(engine, ask):
    """What is sent for it: the words, and the values."""
    seen = []

    def note(_connection, _cursor, words, values, *_):
        if words.startswith("SELECT"):
            seen.append((words, values))

    event.listen(engine, "before_cursor_execute", note)
    ask(engine)
    event.remove(engine, "before_cursor_execute", note)
    return seen


def assert_an_index_serves(engine, words, values, *, may_sort):
    if "FROM" not in words:
        return
    with reading(engine) as connection:
        if engine.dialect.name == "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values).all()
            steps = [row[3] for row in plan]
            scans = [
                step for step in steps if re.match(r"SCAN (?!\(?subquery|top|anon|CONSTANT)", step)
                and "USING INDEX" not in step and "COVERING INDEX" not in step
            ]  # fmt: skip
            assert scans == [], steps
            # What shares a moment is sorted by its key, where that is no row number.
            sorts = [step for step in steps if "TEMP B-TREE" in step and "RIGHT PART" not in step]
            assert may_sort or sorts == [], steps
            return
        plan = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {words}", values).mappings().all()
        for step in plan:
            if str(step["table"]).startswith("<") or step["table"] is None:
                continue  # of a subquery
            assert step["key"], step
            assert step["type"] != "ALL", step
            assert may_sort or "filesort" not in (step["Extra"] or ""), step


@pytest.mark.parametrize("name", ASKED)
def test_each_question_is_few_statements_that_an_index_serves(filled, name):
    ask, most, may_sort = ASKED[name]
    seen = statements(filled, ask)
    assert 0 < len(seen) <= most
    for words, values in seen:
        assert_an_index_serves(filled, words, values, may_sort=may_sort)


@pytest.mark.parametrize("name", LISTS)
def test_further_pages_of_a_list_are_served_by_the_same_index(filled, name):
    ask = LISTS[name]
    first = ask(filled, limit=3)
    second = ask(filled, cursor=first.older, limit=3)
    for cursor in (first.older, second.newer):
        (*_, (words, values)) = statements(filled, lambda engine, at=cursor: ask(engine, cursor=at, limit=3))
        assert_an_index_serves(filled, words, values, may_sort=False)


def test_a_run_that_beats_again_reads_as_running_in_the_list_too(filled):
    with writing(filled) as connection:
        change = update(runs_table).where(runs_table.c.id == "run 0002")
        connection.execute(change.values(heartbeat_at=datetime(2100, 1, 1)))  # noqa: DTZ001 -- as stored
    assert runs.run_by_id(filled, "run 0002").outcome == "running"
    with writing(filled) as connection:
        connection.execute(change.values(heartbeat_at=STALE))
    assert runs.run_by_id(filled, "run 0002").outcome == "lost"
