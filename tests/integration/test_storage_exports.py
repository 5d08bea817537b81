from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest

from scraping_project.items import Link, ScrapeLog, Site
from scraping_project.storage.exports import COLUMNS, LOGS_PAGE, SITES_PAGE, stream
from scraping_project.storage.formats import write_csv, write_jsonl
from scraping_project.storage.writer import Writer

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def site(url, hours=0, **changes):
    return Site(url=url, status_code=200, scraped_at=NOON + timedelta(hours=hours), **changes)


def log(url, hours=0, **changes):
    moment = NOON + timedelta(hours=hours)
    return ScrapeLog(
        task_id=url,
        crawl_id="c",
        run_id="r",
        url=url,
        site_url=None,
        status="failed",
        status_code=None,
        reason="timeout",
        error_message=None,
        records_scraped=0,
        attempt=1,
        latency_ms=None,
        bytes=None,
        started_at=NOON - timedelta(hours=9),
        finished_at=moment,
        **changes,
    )


def write(engine, *rows):
    writer = Writer(engine)
    for row in rows:
        writer.append(row)
    writer.commit()


def test_a_site_is_exported_in_types_that_json_knows(engine):
    links = [Link("http://b/"), Link("http://c/", "nofollow")]
    write(engine, site("http://a/", content_hash="ab" * 16, links=links))
    (row,) = stream(engine, "sites")
    assert tuple(row) == COLUMNS["sites"]
    assert row["content_hash"] == "ab" * 16
    assert len(row["url_hash"]) == 32
    assert row["links"] == ["http://b/", "http://c/"]
    assert row["link_rels"] == {"1": "nofollow"}
    assert row["first_scraped"] == "2026-01-01T12:00:00Z"


@pytest.mark.parametrize(("table", "size"), [("sites", SITES_PAGE), ("logs", LOGS_PAGE)])
@pytest.mark.parametrize("more", [0, 1])
def test_every_row_comes_once_over_the_border_of_a_page(engine, table, size, more):
    make = site if table == "sites" else log
    write(engine, *(make(f"http://a/{number}") for number in range(size + more)))
    rows = list(stream(engine, table))
    assert [row["id"] for row in rows] == sorted({row["id"] for row in rows})
    assert len(rows) == size + more


def test_a_slow_reader_holds_no_connection(engine):
    write(engine, site("http://a/"), site("http://b/"))
    rows = stream(engine, "sites")
    next(rows)
    assert engine.pool.checkedout() == 0
    rows.close()


def test_links_come_with_their_source_in_order(engine):
    links = [Link("http://b/"), Link("http://c/", "next nofollow"), Link("http://b/")]
    write(engine, site("http://a/", links=links, depth=2), site("http://empty/"))
    assert list(stream(engine, "links")) == [
        {"source": "http://a/", "target": "http://b/", "rel": "", "depth": 2},
        {"source": "http://a/", "target": "http://c/", "rel": "next nofollow", "depth": 2},
        {"source": "http://a/", "target": "http://b/", "rel": "", "depth": 2},
    ]


@pytest.mark.parametrize(("table", "column"), [("sites", "url"), ("logs", "url"), ("links", "source")])
def test_a_domain_is_the_whole_host(engine, table, column):
    urls = ["http://a.example/", "http://www.a.example/", "http://b.example/"]
    write(engine, *(site(url, links=[Link("http://x/")]) for url in urls), *(log(url) for url in urls))
    assert [row[column] for row in stream(engine, table, domain="A.example")] == ["http://a.example/"]


@pytest.mark.parametrize(("table", "column"), [("sites", "url"), ("logs", "url"), ("links", "source")])
def test_since_takes_what_was_scraped_or_finished_then_or_later(engine, table, column):
    for hours in range(3):
        url = f"http://a/{hours}"
        write(engine, site(url, hours, links=[Link("http://x/")]), log(url, hours))
    since = NOON + timedelta(hours=1)
    assert [row[column] for row in stream(engine, table, since=since)] == ["http://a/1", "http://a/2"]


@pytest.mark.parametrize("table", ["sites", "logs", "links"])
def test_every_export_can_be_written_in_both_formats(engine, table):
    write(engine, site("http://a/", title="=1", links=[Link("http://b/")]), log("http://a/"))
    file = StringIO(newline="")
    assert write_csv(stream(engine, table), file, COLUMNS[table]) == 1
    assert file.getvalue().startswith(",".join(COLUMNS[table]) + "\r\n")
    assert write_jsonl(stream(engine, table), StringIO()) == 1
