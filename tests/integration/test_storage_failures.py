"""What the pages say of failures is what counting the logs of those hours gives."""

from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from scrapy.settings import Settings

from scraping_project.monitor.failures import read_largest
from scraping_project.monitor.stores import Stores
from scraping_project.storage.reading.failures import (
    Failed,
    failed_logs,
    failure_groups,
    largest_groups,
    reasons,
    trend,
)
from scraping_project.storage.writing.writer import Writer
from tests.support.storage_truth import log

HOUR = timedelta(hours=1)
#: In the middle of an hour, so that none begins while a test runs.
NOW = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
DAY_AGO = NOW - 24 * HOUR


def store(engine, *rows):
    writer = Writer(engine)
    for row in rows:
        writer.append(row)
    writer.commit()


def failures(count, hours_ago, domain="a.example", reason="timeout", status="dead", **changes):
    moment = NOW - hours_ago * HOUR
    for number in range(count):
        url = f"http://{domain}/{number}"
        task = f"{domain} {reason} {status} {hours_ago} {number} {changes}"
        at = moment + timedelta(seconds=number)
        yield log(task, url=url, reason=reason, status=status, finished_at=at, started_at=at, **changes)


def test_groups_come_by_how_many_failed_with_all_of_them_counted(engine):
    store(
        engine,
        *failures(3, 1),
        *failures(2, 5),
        *failures(4, 2, "b.example", "http_503", "failed"),
        *failures(9, 2, "c.example", "robots", "filtered"),
        *failures(6, 2, "a.example", None, "success"),
        *failures(6, 2, "a.example", "timeout", "retried"),
    )
    found = failure_groups(engine, DAY_AGO)
    assert [(group.reason, group.domain, group.now) for group in found.groups] == [
        ("timeout", "a.example", Failed(dead=5)),
        ("http_503", "b.example", Failed(failed=4)),
        ("robots", "c.example", Failed(filtered=9)),
    ]
    first = found.groups[0]
    assert (first.last_hour - first.first_hour, first.trend) == (4 * HOUR, "new")
    assert (found.groups_total, found.now, found.before) == (3, Failed(4, 5, 9), Failed())
    assert found.now.pages == 9


def test_the_largest_groups_on_the_first_page_are_those_in_which_something_failed(engine, tmp_path):
    store(engine, *failures(1, 1), *failures(9, 2, "c.example", "robots", "filtered"))
    where = {"DATABASE_URL": engine.url.render_as_string(hide_password=False), "DATA_DIR": str(tmp_path)}
    with closing(Stores(Settings(where | {"REDIS_URL": "redis://127.0.0.1:1/0"}))) as stores:
        (group,) = read_largest(stores, 5).groups
    assert (group.domain, group.pages, group.letters) == ("a.example", 1, None)


def test_more_groups_than_are_shown_are_counted(engine):
    store(engine, *(row for number in range(7) for row in failures(number + 1, 3, f"host{number}.example")))
    found = failure_groups(engine, DAY_AGO, limit=2)
    assert [group.now.pages for group in found.groups] == [7, 6]
    assert (found.groups_total, found.now.dead) == (7, 28)
    alone = largest_groups(engine, DAY_AGO, 2)
    assert (alone.groups, alone.since) == (found.groups, found.since)


def test_a_group_says_how_it_was_in_as_many_hours_before(engine):
    store(engine, *failures(2, 3), *failures(5, 30), *failures(50, 60))
    (group,) = failure_groups(engine, DAY_AGO).groups
    assert (group.now.pages, group.before.pages, group.trend) == (2, 5, "falling")
    assert failure_groups(engine, DAY_AGO).before.pages == 5
    assert failure_groups(engine, NOW - 29 * HOUR).groups[0].before.pages == 5


@pytest.mark.parametrize(
    ("now", "before", "word"),
    [
        (1, 0, "new"),
        (4, 2, "rising"),
        (3, 2, "as ever"),
        (2, 3, "as ever"),
        (2, 4, "falling"),
        (0, 4, "falling"),
    ],
)
def test_a_trend_is_a_word(now, before, word):
    assert trend(now, before) == word


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ({"crawl_id": "other"}, {("dns", "b.example"): 2}),
        ({"domain": "A.example"}, {("timeout", "a.example"): 3, ("dns", "a.example"): 1}),
        ({"reason": "dns"}, {("dns", "a.example"): 1, ("dns", "b.example"): 2}),
        ({"reason": "dns", "domain": "a.example"}, {("dns", "a.example"): 1}),
        ({"domain": "nowhere.example"}, {}),
    ],
)
def test_groups_are_of_one_crawl_domain_or_reason(engine, of, expected):
    store(
        engine,
        *failures(3, 1),
        *failures(1, 1, reason="dns"),
        *failures(2, 1, "b.example", "dns", crawl_id="other"),
    )
    found = failure_groups(engine, DAY_AGO, **of)
    assert {(group.reason, group.domain): group.now.pages for group in found.groups} == expected
    assert (found.groups_total, found.now.pages) == (len(expected), sum(expected.values()))


def test_the_window_begins_with_an_hour(engine):
    store(engine, *failures(1, 3), *failures(1, 4))
    assert failure_groups(engine, NOW - 3 * HOUR + timedelta(minutes=20)).now.pages == 1
    assert failure_groups(engine, NOW - 3 * HOUR).since.minute == 0


def test_reasons_come_by_how_many_failed_at_all_domains(engine):
    store(
        engine,
        *failures(1, 1),
        *failures(2, 1, "b.example"),
        *failures(2, 40, "b.example"),
        *failures(1, 1, reason="dns"),
        *failures(7, 1, reason="robots", status="filtered"),
        *failures(7, 40, reason="tls"),
    )
    found = reasons(engine, DAY_AGO)
    assert [(each.reason, each.now.pages, each.before.pages) for each in found] == [
        ("timeout", 3, 2), ("dns", 1, 0), ("robots", 0, 0),
    ]  # fmt: skip
    assert [each.reason for each in reasons(engine, DAY_AGO, domain="b.example")] == ["timeout"]


@pytest.mark.parametrize("limit", [3, 7, 100])
@pytest.mark.parametrize("domain", [None, "a.example"])
def test_samples_come_once_each_the_newest_first(engine, domain, limit):
    rows = [*failures(5, 1), *failures(4, 2, "b.example"), *failures(6, 7), *failures(3, 20)]
    store(engine, *rows, *failures(30, 2, reason=None, status="success"), *failures(9, 3, reason="dns"))
    seen, before, pages = [], None, 0
    while pages == 0 or before:
        page = failed_logs(
            engine, DAY_AGO, reason="timeout", status="dead", domain=domain, before=before, limit=limit
        )
        assert len(page.logs) <= limit
        seen, before, pages = [*seen, *page.logs], page.before, pages + 1
    wanted = Counter(row.url for row in rows if domain is None or domain in row.url)
    assert Counter(found.url for found in seen) == wanted
    assert [found.finished_at for found in seen] == sorted(
        (found.finished_at for found in seen), reverse=True
    )
    assert {(found.status, found.reason) for found in seen} == {("dead", "timeout")}


def test_samples_of_what_failed_without_a_reason_are_found(engine):
    store(engine, *failures(2, 1, reason=None, status="failed"), *failures(2, 1, status="failed"))
    found = failed_logs(engine, DAY_AGO, reason="", status="failed").logs
    assert [sample.reason for sample in found] == [None, None]
