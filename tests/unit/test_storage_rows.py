import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from scraping_project.items import Link, Site
from scraping_project.storage import tables
from scraping_project.storage.values import moment_text
from scraping_project.storage.writing import rows
from scraping_project.storage.writing.refusals import RefusedRow
from scraping_project.storage.writing.rollups import MEASURES, MINUTE_KEY
from scraping_project.storage.writing.upserts import written

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def site(**changes):
    return Site(**{"url": "http://example.com/", "status_code": 200, "scraped_at": NOON, **changes})


@pytest.mark.parametrize(
    ("table", "names"),
    [
        (tables.sites, rows.SiteRow._fields),
        (tables.scrape_logs, ["site_id" if name == "site" else name for name in rows.LogRow._fields]),
        (tables.items, rows.ItemRow._fields),
        (tables.refused_rows, RefusedRow._fields),
        (tables.attempt_minutes, (*MINUTE_KEY, *MEASURES)),
        (tables.attempt_totals, ("domain", "crawl_id", "status", "reason", *MEASURES)),
        (tables.failure_hours, ("hour", "group_id", "status", "crawl_id", "reason", "domain", "attempts")),
        (tables.site_totals, ("domain", "sites")),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_values_of_a_row_are_in_the_order_of_the_columns(table, names):
    assert list(names) == written(table)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-01-01 12:00:00.000000"),
        (NOON.replace(microsecond=70), "2026-01-01 12:00:00.000070"),
        (NOON.replace(year=1, microsecond=123456), "0001-01-01 12:00:00.123456"),
        (NOON.replace(microsecond=5, tzinfo=None), "2026-01-01 12:00:00.000005"),
        (NOON.replace(microsecond=5).astimezone(timezone(timedelta(hours=5))), "2026-01-01 12:00:00.000005"),
    ],
)
def test_a_moment_has_its_microseconds_in_utc_and_no_zone(moment, text):
    assert moment_text(moment) == text


def test_links_are_a_compact_array_and_only_the_marked_have_a_rel():
    links = [Link("http://a/"), Link("http://b/", "nofollow")]
    row = rows.site_row(site(links=links))
    assert row.links == '["http://a/","http://b/"]'
    assert row.link_rels == '{"1":"nofollow"}'
    assert row.links_count == 2


def test_a_site_without_links_has_an_empty_array_and_no_rels():
    row = rows.site_row(site())
    assert (row.links, row.link_rels, row.links_count) == ("[]", None, 0)


def test_a_content_hash_that_is_none_is_refused_where_it_is_handed_over():
    with pytest.raises(ValueError, match="32"):
        rows.site_row(site(content_hash="abcd"))


def test_links_beyond_the_budget_are_left_out_but_counted():
    links = [Link("http://a/" + "é" * 8000)] * 400
    row = rows.site_row(site(links=links))
    kept = json.loads(row.links)
    assert 200 < len(kept) < 400
    assert len(row.links.encode()) <= rows.LINKS_BYTES
    assert row.links_count == 400


def test_links_that_the_spider_left_out_are_counted():
    row = rows.site_row(site(links=[Link("http://a/")], links_left_out=511_000))
    assert (row.links, row.links_count) == ('["http://a/"]', 511_001)


def test_links_whose_worst_case_is_too_large_but_which_fit_are_all_kept():
    links = [Link("http://a/" + "x" * 2000)] * 1000
    assert len(json.loads(rows.site_row(site(links=links)).links)) == 1000


def test_the_last_site_of_a_url_wins_with_the_earliest_first_scraped():
    later = site(title="later", scraped_at=NOON + timedelta(hours=1))
    (row,) = rows.merge_sites([rows.site_row(site(title="first")), rows.site_row(later)])
    assert row.title == "later"
    assert row.first_scraped == "2026-01-01 12:00:00.000000"
    assert row.last_scraped == "2026-01-01 13:00:00.000000"


@pytest.mark.parametrize(("second", "changed"), [("a" * 32, 12), ("b" * 32, 13)])
def test_within_a_batch_last_changed_moves_only_with_the_content(second, changed):
    one = rows.site_row(site(content_hash="a" * 32))
    two = rows.site_row(site(content_hash=second, scraped_at=NOON + timedelta(hours=1)))
    (row,) = rows.merge_sites([one, two])
    assert row.last_changed[11:13] == str(changed)


UNMODIFIED = {"status_code": 304, "last_modified": "later"}


def test_an_unmodified_page_after_its_content_in_one_batch_moves_its_time_and_validators_alone():
    content = site(title="whole", etag='"1"', content_hash="a" * 32, links=[Link("http://b/")])
    touched = site(**UNMODIFIED, scraped_at=NOON + timedelta(hours=1))
    (row,) = rows.merge_sites(map(rows.site_row, [content, touched]))
    assert row == rows.site_row(content)._replace(
        last_scraped="2026-01-01 13:00:00.000000", last_modified="later"
    )


def test_the_content_after_an_unmodified_page_in_one_batch_is_the_row():
    whole = site(title="whole", content_hash="a" * 32, scraped_at=NOON + timedelta(hours=1))
    (row,) = rows.merge_sites(map(rows.site_row, [site(**UNMODIFIED), whole]))
    assert row == rows.site_row(whole)._replace(first_scraped="2026-01-01 12:00:00.000000")


def test_merged_sites_are_sorted_by_their_hash():
    merged = rows.merge_sites([rows.site_row(site(url=f"http://a/{n}")) for n in range(20)])
    hashes = [row.url_hash for row in merged]
    assert hashes == sorted(hashes)
