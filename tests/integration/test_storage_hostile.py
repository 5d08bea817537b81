"""Whatever a page holds, its row is stored, and read back as it was."""

import csv
import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from sqlalchemy import select

from scraping_project.items import Link, ScrapeLog, Site
from scraping_project.storage.exporting.exports import COLUMNS, JSON_COLUMNS, pages
from scraping_project.storage.exporting.formats import as_csv, as_json_lines
from scraping_project.storage.tables import scrape_logs, sites
from scraping_project.storage.transactions import reading
from scraping_project.storage.writing.rows import LINKS_BYTES
from scraping_project.storage.writing.writer import Writer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG_URL = "http://example.com/" + "é" * 7_981

HOSTILE = [
    "",
    " ",
    "trailing ",
    "'",
    '"',
    "`",
    "\\",
    "\\'",
    "\\0",
    "'; DROP TABLE sites; --",
    '" OR ""="',
    "%s %(url)s %%",
    ":name ?1 $1 {0} {{",
    "/* x */ -- y # z",
    "<script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "&lt;&#0;&amp;",
    "=1+1",
    "line\r\nbreak\ttab\x0bvertical\x0cform\x1a",
    "\x00",
    "a\x00b",
    "\x00" * 100,
    "\x7f\x80\x9f\xa0\xad",
    "\u2028\u2029\u0085",
    "\ufeffbom",
    "\u202eright to left\u202c",
    "مرحبا بالعالم",
    "שלום",
    "日本語のページ",
    "😀👩‍👩‍👧‍👦🏳️‍🌈",
    "\U0010ffff\uffff\ufffe",
    "e\u0301 is not é",
    "Z̷̢̛a͏l̵g̸o̶",
    "\uff21\uff22\uff1d",
    "null",
    "NaN",
    "[]",
    "{}",
    "x" * 1_000,
    "😀" * 1_000,
]
LONE = ["\ud800", "\udfff", "a\ud83db", "\ude00\ud83d", "é\udcff😀", "\ud800" * 1_000]
HIDDEN = str.maketrans(dict.fromkeys(range(0xD800, 0xE000), "\ufffd"))


def write(engine, *rows):
    writer = Writer(engine)
    for row in rows:
        writer.append(row)
    writer.commit()


def only(engine, table):
    with reading(engine) as connection:
        return connection.execute(select(table)).one()


def site(value, url):
    return Site(
        url=url,
        status_code=200,
        title=value,
        content_type=value[:255],
        etag=value[:255],
        last_modified=value[:255],
        links=[Link(value, value), Link("http://plain/")],
        scraped_at=NOW,
    )


def log(value, **changes):
    values = {
        "task_id": value,
        "crawl_id": value,
        "run_id": value,
        "url": value,
        "site_url": value,
        "status": "success",
        "status_code": 200,
        "reason": value,
        "error_message": value,
        "records_scraped": 0,
        "attempt": 1,
        "latency_ms": None,
        "bytes": None,
        "started_at": NOW,
        "finished_at": NOW,
    }
    return ScrapeLog(**(values | changes))


def test_every_hostile_text_is_read_back_as_it_was_put_in(engine):
    values = HOSTILE + LONE
    pages = [site(value, f"http://host/{number}/{value}") for number, value in enumerate(values)]
    write(engine, *pages, *(log(value) for value in values))
    with reading(engine) as connection:
        rows = {row.url: row for row in connection.execute(select(sites))}
        logs = {row.error_message for row in connection.execute(select(scrape_logs))}
    assert logs == {value.translate(HIDDEN) for value in values}
    for page, value in zip(pages, (value.translate(HIDDEN) for value in values), strict=True):
        row = rows[page.url.translate(HIDDEN)]
        assert (row.title, row.etag, row.content_type) == (value, value[:255], value[:255])
        assert json.loads(row.links) == [value, "http://plain/"]
        assert json.loads(row.link_rels or "{}") == ({"0": value} if value else {})


def from_csv(engine, table):
    """The rows of an export in CSV, read as any program may read them."""
    text = b"".join(as_csv(pages(engine, table), COLUMNS[table], raw=True)).decode()
    return list(csv.DictReader(StringIO(text, newline="")))


def test_every_hostile_text_is_exported_as_it_was_put_in(engine):
    values = [*HOSTILE, "\n=1", ",", "\r", "\n", '",\r\n"', "＝1", LONG_URL]  # noqa: RUF001 -- meant
    urls = [f"http://host/{n}/{value}"[:8_000] for n, value in enumerate(values)]
    write(engine, *(site(value[:1_000], url) for value, url in zip(values, urls, strict=True)))
    write(engine, *(log(value[:4_000], url=value, task_id=str(n)) for n, value in enumerate(values)))

    logs = {int(row["task_id"]): row for row in from_csv(engine, "logs")}
    assert [logs[n]["url"] for n in range(len(values))] == values
    assert [logs[n]["error_message"] for n in range(len(values))] == [value[:4_000] for value in values]
    (lines,) = as_json_lines(pages(engine, "logs"), COLUMNS["logs"])
    objects = {int(row["task_id"]): row for row in map(json.loads, lines.split(b"\n")[:-1])}
    assert [objects[n]["url"] for n in range(len(values))] == values

    pages_ = {row["url"]: row for row in from_csv(engine, "sites")}
    lines = b"".join(as_json_lines(pages(engine, "sites"), COLUMNS["sites"], JSON_COLUMNS))
    objects = {row["url"]: row for row in map(json.loads, lines.split(b"\n")[:-1])}
    for value, url in zip(values, urls, strict=True):
        assert pages_[url]["title"] == objects[url]["title"] == value[:1_000]
        assert json.loads(pages_[url]["links"]) == objects[url]["links"] == [value[:1_000], "http://plain/"]


def test_a_url_of_eight_thousand_characters_is_kept_whole(engine):
    write(engine, site("", LONG_URL))
    assert len(LONG_URL) == 8_000
    assert only(engine, sites).url == LONG_URL


def test_values_that_are_too_long_are_cut_with_a_mark(engine):
    long = "x" * 20_000
    page = Site(
        url=LONG_URL + "x",
        status_code=200,
        title=long,
        content_type=long,
        etag=long,
        last_modified=long,
        scraped_at=NOW,
    )
    write(engine, page, log(long, site_url=page.url, status=long))
    row, attempt = only(engine, sites), only(engine, scrape_logs)
    assert row.url == LONG_URL[:-1] + "…"
    assert row.title == "x" * 999 + "…"
    assert row.etag == row.content_type == row.last_modified == "x" * 254 + "…"
    assert attempt.error_message == "x" * 3_999 + "…"
    assert attempt.status == attempt.reason == "x" * 31 + "…"
    assert attempt.site_id == row.id


def test_urls_that_are_cut_alike_are_two_sites(engine):
    write(engine, site("", LONG_URL + "1"), site("", LONG_URL + "2"))
    with reading(engine) as connection:
        assert len(connection.execute(select(sites)).all()) == 2


def test_identities_that_are_cut_or_not_ascii_stay_apart(engine):
    tasks = ["x" * 200 + "1", "x" * 200 + "2", "é", "è", "\ud800", "\ud801", "a", "A", "?", "a "]
    write(engine, *(log("http://a/", task_id=task) for task in tasks))
    with reading(engine) as connection:
        assert len(connection.execute(select(scrape_logs)).all()) == len(tasks)


@pytest.mark.parametrize("number", [-(2**70), 2**31, 2**63, 2**70])
def test_numbers_out_of_range_are_moved_into_it(engine, number):
    odd = {"status_code": number, "records_scraped": number, "attempt": number}
    write(engine, log("t", **odd, latency_ms=number, bytes=number))
    row = only(engine, scrape_logs)
    assert row.latency_ms == row.attempt == max(min(number, 2**31 - 1), 1 - 2**31)
    assert row.bytes == max(min(number, 2**63 - 1), 1 - 2**63)


def test_a_page_with_more_links_than_a_packet_holds_is_stored(engine):
    links = [Link('http://a/"' + "\\" * 5_000)] * 2_000
    write(engine, Site(url="http://a/", status_code=200, links=links, scraped_at=NOW))
    row = only(engine, sites)
    assert row.links_count == 2_000
    assert 0 < len(json.loads(row.links)) < 2_000
    assert len(row.links) <= LINKS_BYTES
