import csv
import json
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from scraping_project.items import Link, ScrapeLog, Site, StoredItem
from scraping_project.storage.exporting import exports
from scraping_project.storage.exporting.exports import COLUMNS, JSON_COLUMNS, LOGS_PAGE, SITES_PAGE, pages
from scraping_project.storage.exporting.formats import as_csv, as_json_lines
from scraping_project.storage.reading import packed_rows
from scraping_project.storage.reading.read_ahead import ahead
from scraping_project.storage.tables import scrape_logs
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.writing.writer import Writer
from tests.support.frontier_worker import until

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def site(url, hours=0, **changes):
    return Site(url=url, status_code=200, scraped_at=NOON + hours * HOUR, **changes)


def log(url, hours=0, **changes):
    values = {
        "task_id": url,
        "crawl_id": "c",
        "run_id": "r",
        "url": url,
        "site_url": None,
        "status": "failed",
        "status_code": None,
        "reason": "timeout",
        "error_message": None,
        "records_scraped": 0,
        "attempt": 1,
        "latency_ms": None,
        "bytes": None,
        "started_at": NOON - 9 * HOUR,
        "finished_at": NOON + hours * HOUR,
    }
    return ScrapeLog(**(values | changes))


def item(number, kind="T", data="{}"):
    place = {"task_id": f"task {number}", "number": 1, "crawl_id": "c", "run_id": "r", "url": "http://a/"}
    return StoredItem(**place, type=kind, data=data, scraped_at=NOON)


def write(engine, *rows):
    writer = Writer(engine)
    for row in rows:
        writer.append(row)
    writer.commit()


def stream(engine, table, **conditions):
    for page in pages(engine, table, **conditions):
        assert page, "no page is empty"
        for row in zip(*page, strict=True):
            yield dict(zip(COLUMNS[table], row, strict=True))


def test_a_site_is_exported_in_types_that_json_knows(engine):
    links = [Link("http://b/"), Link("http://c/", "nofollow")]
    write(engine, site("http://a/", content_hash="ab" * 16, links=links))
    (row,) = stream(engine, "sites")
    assert row["content_hash"] == "ab" * 16
    assert len(row["url_hash"]) == 32
    assert row["links"] == '["http://b/","http://c/"]'
    assert row["link_rels"] == '{"1":"nofollow"}'
    assert row["first_scraped"] == "2026-01-01T12:00:00Z"


def test_a_log_is_exported_in_types_that_json_knows(engine):
    later = timedelta(microseconds=70)
    write(engine, log("http://a/", finished_at=NOON + later, bytes=2**62, latency_ms=-1))
    (row,) = stream(engine, "logs")
    assert (row["started_at"], row["finished_at"]) == ("2026-01-01T03:00:00Z", "2026-01-01T12:00:00.000070Z")
    assert (row["bytes"], row["latency_ms"], row["status_code"]) == (2**62, -1, None)


def test_a_site_without_rels_or_content_has_an_empty_object_and_no_hash(engine):
    write(engine, site("http://a/"))
    (row,) = stream(engine, "sites")
    assert (row["links"], row["link_rels"], row["content_hash"]) == ("[]", "{}", None)


@pytest.mark.parametrize("conditions", [{}, {"since": NOON}, {"domain": "a"}, {"since": NOON, "domain": "a"}])
@pytest.mark.parametrize("table", ["sites", "logs"])
@pytest.mark.parametrize("more", [0, 1])
def test_every_row_comes_once_over_the_border_of_a_page(engine, table, conditions, more):
    make, size = (site, SITES_PAGE) if table == "sites" else (log, LOGS_PAGE)
    # Three share a moment, so that a page ends within one and another where one ends.
    made = [make(f"http://a/{number}", (size - number) // 3) for number in range(size + more)]
    write(engine, *made, make("http://b/", -size))
    since = {"since": NOON - size * HOUR / 2} if "since" in conditions else {}
    rows = list(stream(engine, table, **(conditions | since)))
    ids = [row["id"] for row in rows if row["url"] != "http://b/"]
    assert sorted(ids) == sorted(set(ids))
    assert len(ids) == size + more
    assert len(rows) - len(ids) == (not conditions)


def test_a_page_of_sites_is_bounded_by_its_bytes(engine, monkeypatch):
    monkeypatch.setattr(exports, "SITES_BYTES", 10_000)
    large = [Link("http://x/" + "é" * 3_000)]
    for number in range(8):  # one by one, so that they get their ids in this order
        write(engine, site(f"http://a/{number}", links=large if number < 4 else []))
    assert [len(page[0]) for page in pages(engine, "sites")] == [1, 1, 1, 5]


@pytest.mark.parametrize("sign", ["😀", "\x1f"], ids=["joined", "as JSON"])
def test_a_page_that_the_server_can_not_pack_whole_is_read_in_parts(mariadb, sign):
    write(mariadb, *(log(f"http://a/{number}", error_message=sign * 4_000) for number in range(600)))
    urls = [row["url"] for row in stream(mariadb, "logs")]
    assert len(urls) == len(set(urls)) == 600
    assert len(list(pages(mariadb, "logs"))) > 1, "more a row than the server packs 600 times"


@pytest.mark.parametrize("sign", packed_rows.FIELD + packed_rows.RECORD)
def test_a_page_whose_texts_hold_its_separators_is_read_as_it_is(mariadb, sign):
    texts = [None, "", sign, f"a{sign}", "b"]
    write(mariadb, *(log(f"http://a/{n}", error_message=text, reason=text) for n, text in enumerate(texts)))
    assert [row["error_message"] for row in stream(mariadb, "logs")] == texts
    assert [row["reason"] for row in stream(mariadb, "logs")] == texts


@pytest.mark.parametrize("table", ["sites", "logs"])
def test_a_slow_reader_holds_no_connection(engine, table):
    write(engine, site("http://a/"), log("http://b/"))
    rows = pages(engine, table)
    next(rows)
    until(lambda: engine.pool.checkedout() == 0)
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


@pytest.mark.parametrize("domain", [None, "a"])
@pytest.mark.parametrize(("table", "column"), [("sites", "url"), ("logs", "url"), ("links", "source")])
def test_since_takes_what_was_scraped_or_finished_then_or_later(engine, table, column, domain):
    for hours in range(3):
        url = f"http://a/{hours}"
        write(engine, site(url, hours, links=[Link("http://x/")]), log(url, hours))
    found = stream(engine, table, since=NOON + HOUR, domain=domain)
    assert [row[column] for row in found] == ["http://a/1", "http://a/2"]


@pytest.mark.parametrize("table", COLUMNS)
def test_every_export_can_be_written_in_both_formats(engine, table):
    write(engine, site("http://a/", title="=1", links=[Link("http://b/")]), log("http://a/"), item(1))
    lines = b"".join(as_csv(pages(engine, table), COLUMNS[table])).decode().split("\r\n")
    assert lines[0] == ",".join(COLUMNS[table])
    assert len(lines) == 3
    (line,) = as_json_lines(pages(engine, table), COLUMNS[table], JSON_COLUMNS)
    (row,) = csv.reader([lines[1]])
    for name, cell in zip(COLUMNS[table], row, strict=True):
        value = json.loads(line)[name]
        plain = "" if value is None else str(value)
        assert json.loads(cell) == value if name in JSON_COLUMNS else cell in {plain, f"'{plain}"}


def test_items_leave_in_the_order_of_their_ids_all_of_them_or_those_of_a_type(engine, monkeypatch):
    monkeypatch.setattr(exports, "ITEMS_PAGE", 2)
    kinds = ["Quote", "Old", "Quote", "Quote", "Quote"]
    write(engine, *(item(n, kind, data=f'{{"n":{n}}}') for n, kind in enumerate(kinds)))
    assert [row["data"] for row in stream(engine, "items")] == [f'{{"n":{n}}}' for n in range(5)]
    assert [row["task_id"] for row in stream(engine, "items", item_type="Old")] == ["task 1"]
    assert len(list(stream(engine, "items", item_type="Quote"))) == 4


@pytest.mark.parametrize(
    ("table", "conditions"),
    [
        ("items", {"domain": "a"}),
        ("items", {"since": NOON}),
        ("sites", {"item_type": "T"}),
        ("logs", {"reason": "timeout"}),
    ],
)
def test_a_filter_that_no_index_serves_is_refused_before_anything_is_read(engine, table, conditions):
    with pytest.raises(ValueError, match=table):
        pages(engine, table, **conditions)


def test_failures_are_the_logs_that_ended_so_by_how_they_ended(engine):
    endings = ["filtered", "dead", "success", "failed", "retried", "failed"]
    write(engine, *(log(f"http://a/{n}", -n, status=status) for n, status in enumerate(endings)))
    assert [row["url"][-1] for row in stream(engine, "failures")] == ["5", "3", "1", "0"]
    assert [row["url"][-1] for row in stream(engine, "failures", since=NOON - 3 * HOUR)] == ["3", "1", "0"]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"domain": "B"}, {"1", "3"}),
        ({"reason": "dns"}, {"2", "3"}),
        ({"crawl_id": "other"}, {"4"}),
        ({"domain": "b", "reason": "dns", "since": NOON}, {"3"}),
        ({"domain": "b", "crawl_id": "other"}, set()),
    ],
)
def test_failures_of_one_domain_reason_or_crawl(engine, conditions, expected):
    write(
        engine,
        log("http://a/0"),
        log("http://b/1"),
        log("http://a/2", reason="dns"),
        log("http://b/3", reason="dns", status="dead"),
        log("http://a/4", crawl_id="other"),
        log("http://b/5", reason="dns", status="success"),
    )
    assert {row["url"][-1] for row in stream(engine, "failures", **conditions)} == expected


@pytest.mark.parametrize("conditions", [{}, {"domain": "a"}])
def test_every_failure_comes_once_over_the_border_of_a_page(engine, conditions):
    made = (
        log(f"http://a/{n}", n // 3, status="dead" if n % 2 else "failed") for n in range(2 * LOGS_PAGE + 3)
    )
    write(engine, *made)
    ids = [row["id"] for row in stream(engine, "failures", **conditions)]
    assert len(ids) == len(set(ids)) == 2 * LOGS_PAGE + 3


@pytest.mark.parametrize("table", ["sites", "logs", "links"])
def test_only_failures_have_a_reason_or_a_crawl(engine, table):
    with pytest.raises(ValueError, match=f"{table} cannot be exported by reason or crawl: export failures"):
        next(pages(engine, table, reason="dns"))


ROWS, OURS = 6_000, 60
WALKS = [
    ("failures", {}),
    ("failures", {"since": NOON + (ROWS - OURS) * HOUR}),
    ("logs", {}),
    ("logs", {"since": NOON + (ROWS - OURS) * HOUR}),
    ("logs", {"domain": "ours"}),
    ("logs", {"domain": "ours", "since": NOON}),
    ("sites", {}),
    ("sites", {"since": NOON + (ROWS - OURS) * HOUR}),
    ("sites", {"domain": "ours"}),
    ("sites", {"domain": "ours", "since": NOON}),
]


@pytest.fixture(name="filled", scope="module")
def a_database_of_which_a_hundredth_is_asked_for(shared_mariadb):
    from scraping_project.storage.engine import connect  # noqa: PLC0415
    from scraping_project.storage.migrate import migrate  # noqa: PLC0415

    shared_mariadb.start()
    engine = connect(shared_mariadb.database())
    migrate(engine)
    for make in (site, log):
        hosts = ("ours" if number % (ROWS // OURS) == 0 else "others" for number in range(ROWS))
        write(engine, *(make(f"http://{host}/{number}", number) for number, host in enumerate(hosts)))
    yield engine
    engine.dispose()


def handler_reads(connection):
    status = connection.execute(text("SHOW GLOBAL STATUS LIKE 'Handler_read%'")).all()
    return sum(int(value) for _, value in status)


@pytest.mark.parametrize("size", [7, 50])
@pytest.mark.parametrize(("table", "conditions"), WALKS)
def test_an_export_reads_so_many_rows_as_it_gives(filled, monkeypatch, table, conditions, size):
    """Each row is read at most three times: on the way, among the ids of the page, and itself."""
    expected = OURS if conditions else ROWS
    size = size if conditions else size * 18
    monkeypatch.setattr(exports, "LOGS_PAGE", size)
    monkeypatch.setattr(exports, "SITES_PAGE", size)
    with reading(filled) as connection:
        begin = handler_reads(connection)
        of_asking = handler_reads(connection) - begin
        begin = handler_reads(connection)
        given = list(stream(filled, table, **conditions))
        read = handler_reads(connection) - begin - of_asking
    assert len(given) == expected
    walks = 3 if table == "failures" else 1  # one a status
    assert expected <= read <= 3 * expected + 4 * (expected // size + 2 * walks)


@pytest.mark.parametrize("conditions", [{}, {"since": NOON}, {"domain": "ours"}])
@pytest.mark.parametrize("table", ["sites", "logs"])
def test_no_page_is_sorted(filled, table, conditions):
    with reading(filled) as connection:
        before = connection.execute(text("SHOW GLOBAL STATUS LIKE 'Sort_rows'")).one()
        list(pages(filled, table, **conditions))
        assert connection.execute(text("SHOW GLOBAL STATUS LIKE 'Sort_rows'")).one() == before


def test_the_next_page_is_made_while_one_is_worked_on():
    second_is_made = Future()

    def two():
        yield 1
        second_is_made.set_result(True)
        yield 2

    with closing(ahead(two())) as coming:
        assert next(coming) == 1
        assert second_is_made.result(timeout=60)
        assert list(coming) == [2]


def test_an_error_on_the_way_is_raised_where_the_pages_are_read():
    def failing():
        yield 1
        raise RuntimeError("gone")

    coming = ahead(failing())
    assert next(coming) == 1
    with pytest.raises(RuntimeError, match="gone"):
        next(coming)


def test_a_reader_that_stops_ends_the_thread(engine):
    write(engine, log("http://a/"))
    with closing(pages(engine, "logs")) as coming:
        next(coming)
    assert engine.pool.checkedout() == 0


def test_rows_that_are_deleted_meanwhile_are_left_out(engine, monkeypatch):
    monkeypatch.setattr(exports, "LOGS_PAGE", 2)
    write(engine, *(log(f"http://a/{number}") for number in range(9)))
    coming = pages(engine, "logs")
    next(coming)
    with writing(engine) as connection:  # of a page that nobody has asked for yet
        connection.execute(scrape_logs.delete().where(scrape_logs.c.id == 8))
    assert [number for page in coming for number in page[0]] == [3, 4, 5, 6, 7, 9]
