"""Each question that people ask of the rows is answered through the index that was made for it."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from scraping_project.items import StoredItem
from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from scraping_project.storage.reading import overview, queries
from scraping_project.storage.scheduling.claims import lapsed, waiting
from scraping_project.storage.scheduling.due_times import come
from scraping_project.storage.scheduling.firings import ended_before, of_schedule
from scraping_project.storage.scheduling.heartbeats import beating
from scraping_project.storage.scheduling.schedules import named
from scraping_project.storage.tables import actions, firings, heartbeats, metadata, runs, schedules
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.values import naive_utc
from scraping_project.storage.writing.upserts import insert
from scraping_project.storage.writing.writer import Writer
from tests.support.storage_truth import NOON, log, site

LATE = NOON + timedelta(minutes=1_950)
NAIVE_NOON = naive_utc(NOON)

ASKED = {
    "uq_sites_url_hash": queries.site_of_url("http://host7.example/7"),
    "ix_sites_domain": queries.sites_of_domain("host7.example"),
    "ix_sites_last_scraped": queries.sites_scraped_since(LATE),
    "ix_sites_status_code": queries.failed_sites_scraped_before(LATE),
    "uq_scrape_logs_task_id": queries.log_of_attempt("task 7"),
    "ix_scrape_logs_finished_at": queries.newest_logs(10),
    "ix_scrape_logs_domain": queries.newest_logs_of_domain("host7.example"),
    "ix_scrape_logs_status": queries.newest_logs_of_status("failed", 10),
    "ix_scrape_logs_crawl": queries.logs_of_crawl("crawl 20", "failed", "timeout"),
    "ix_scrape_logs_site_id": queries.logs_of_site(7),
    "ix_runs_started_at": queries.newest_runs(10),
    "ix_runs_crawl_id": queries.runs_of_crawl("crawl 3"),
    "ix_runs_outcome": queries.running_runs(),
    "ix_runs_outcome_started_at": queries.newest_runs_of_outcome("running", 10),
    "ix_runs_spider": queries.newest_runs_of_spider("spider 3", 10),
    "uq_items_task_id": queries.items_of_attempt("task 7"),
    "ix_items_type": queries.items_of_type("Type 3"),
    "ix_items_run_id": queries.items_of_run("run 7"),
    "ix_attempt_minutes_minute": queries.minutes_before(NOON + timedelta(minutes=1)),
    "ix_site_totals_sites": queries.largest_domains(),
    "ix_failure_hours_domain": queries.failures_of_domain("host20.example", NOON.replace(minute=0, second=0)),
    "ix_actions_asked_at": queries.newest_actions(10),
    "ix_actions_state": queries.open_actions(),
    "uq_schedules_name": named("schedule 7"),
    "ix_schedules_next_due": come(NAIVE_NOON + timedelta(minutes=7), 10),
    "uq_firings_schedule_due": of_schedule(7),
    "ix_firings_state": waiting(NAIVE_NOON + timedelta(minutes=7)),
    "ix_firings_fired_at": ended_before(NAIVE_NOON + timedelta(minutes=7)),
    "ix_heartbeats_kind": beating("alerts", NAIVE_NOON + timedelta(minutes=1_900)),
}


#: Those that share an index with another.
ASKED_TOO = {
    "lapsed": ("ix_firings_state", lapsed(NAIVE_NOON + timedelta(minutes=7))),
    "sites_scraped_before": (
        "ix_sites_last_scraped",
        queries.sites_scraped_before(NOON + timedelta(minutes=9)),
    ),
    "sites_scraped_before, the next page": (
        "ix_sites_last_scraped",
        queries.sites_scraped_before(LATE, (naive_utc(LATE - timedelta(minutes=9)), 7)),
    ),
    "sites_of_domain_scraped_before": (
        "ix_sites_domain",
        queries.sites_of_domain_scraped_before("host7.example", LATE),
    ),
    "sites_of_domain_scraped_before, failed": (
        "ix_sites_domain",
        queries.sites_of_domain_scraped_before("host20.example", LATE, 17, failed=True),
    ),
    "failed_sites_scraped_before, the next page": (
        "ix_sites_status_code",
        queries.failed_sites_scraped_before(LATE, (404, 17)),
    ),
}


@pytest.fixture(scope="module")
def filled(shared_mariadb):
    """A database with enough rows that the server does not prefer to read them all."""
    shared_mariadb.start()
    engine = connect(shared_mariadb.database())
    migrate(engine)
    writer = Writer(engine)
    for number in range(2_000):
        url = f"http://host{number % 100}.example/{number}"
        writer.append(site(url, number, status_code=404 if number % 20 == 0 else 200))
        failed = {"status": "failed", "reason": "timeout"} if number % 20 == 0 else {}
        crawl = f"crawl {number % 50}"
        writer.append(log(f"task {number}", number, url=url, site_url=url, crawl_id=crawl, **failed))
        writer.append(
            StoredItem(
                task_id=f"task {number}", number=1, crawl_id=crawl, run_id=f"run {number % 50}", url=url,
                type=f"Type {number % 50}", data="{}", scraped_at=NOON,
            )
        )  # fmt: skip
    writer.commit()
    with writing(engine) as connection:
        connection.execute(insert("mysql", runs), [run(number) for number in range(2_000)])
        connection.execute(insert("mysql", actions), [action(number) for number in range(2_000)])
        connection.execute(insert("mysql", schedules), [schedule(number) for number in range(2_000)])
        connection.execute(insert("mysql", firings), [firing(number) for number in range(2_000)])
        connection.execute(insert("mysql", heartbeats), [heartbeat(number) for number in range(2_000)])
        connection.execute(text(f"ANALYZE TABLE {', '.join(metadata.tables)}"))
    yield engine
    engine.dispose()


def run(number):
    return {
        "id": f"run {number}",
        "crawl_id": f"crawl {number % 50}",
        "spider": f"spider {number % 50}",
        "arguments": "{}",
        "outcome": "finished" if number > 5 else "running",
        "reason": None,
        **dict.fromkeys(("pages", "failed", "filtered", "links", "items"), 0),
        "host": "host",
        "pid": number,
        "egg_version": None,
        "started_at": datetime(2026, 1, 1) + timedelta(minutes=number),  # noqa: DTZ001 -- as it is stored
        "finished_at": None,
    }


def action(number):
    return {
        "id": f"action {number}",
        "kind": "retry",
        "asked_by": "anna",
        "filter": "{}",
        "total": None,
        "done": 0,
        "cursor": None,
        "state": "finished" if number > 5 else "pending",
        "result": "{}",
        "error": None,
        "asked_at": datetime(2026, 1, 1) + timedelta(minutes=number),  # noqa: DTZ001 -- as it is stored
        **dict.fromkeys(("claimed_until", "claimed_by", "finished_at")),
    }


def schedule(number):
    none = dict.fromkeys(column.name for column in schedules.columns)
    return none | {
        "id": number + 1, "name": f"schedule {number}", "timing": "1h", "timezone": "UTC",
        "anchor": NAIVE_NOON, "target": "{}", "jitter_seconds": 0, "grace_seconds": 1, "late": "once",
        "overlap": "skip", "enabled": True, "failures_in_row": 0, "version": 1, "changed_by": "anna",
        "next_due": NAIVE_NOON + timedelta(minutes=number), "changed_at": NAIVE_NOON,
    }  # fmt: skip


def firing(number):
    none = dict.fromkeys(column.name for column in firings.columns)
    return none | {
        "id": number + 1, "schedule_id": number % 50, "due": NAIVE_NOON + timedelta(minutes=number),
        "state": {3: "waiting", 4: "starting"}.get(number, "ended"),
        "kind": "scheduled", "times": 1, "tries": 0,
        "fired_at": NAIVE_NOON + timedelta(minutes=number), "fired_by": "one", "start_at": NAIVE_NOON,
        "claimed_until": NAIVE_NOON,
    }  # fmt: skip


def heartbeat(number):
    moment = NAIVE_NOON + timedelta(minutes=number)
    kind = "alerts" if number % 20 == 0 else "periodic"
    return {"name": f"process {number}", "kind": kind, "started_at": moment, "beat_at": moment}


def plan(engine, query):
    words = query.compile(engine, compile_kwargs={"render_postcompile": True})
    with reading(engine) as connection:
        return (
            connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {words}", words.params).mappings().one()
        )


@pytest.mark.parametrize(
    ("index", "query"),
    [*ASKED.items(), *(pytest.param(*asked, id=name) for name, asked in ASKED_TOO.items())],
)
def test_a_named_query_uses_its_index(filled, index, query):
    explained = plan(filled, query)
    assert index in explained["key"].split("|")  # one may filter what another finds
    assert "filesort" not in (explained["Extra"] or "")
    with reading(filled) as connection:
        assert connection.execute(query).first() is not None


def test_every_index_has_a_named_query():
    made = {index.name for table in metadata.tables.values() for index in table.indexes}
    assert made - {"uq_refused_rows_row_hash"} == set(ASKED)  # that one keeps refusals apart


@pytest.mark.parametrize(
    "of",
    [
        {},
        {"crawl_id": "crawl 3"},
        {"domain": "host7.example"},
        {"since": LATE},
        {"since": LATE, "domain": "host7.example"},
        {"crawl_id": "crawl 3", "domain": "host7.example"},
    ],
)
def test_an_overview_reads_neighbouring_roll_up_rows_alone(filled, of):
    asked = {"crawl_id": "/", "domain": "/", "since": None} | of
    explained = plan(filled, overview._outcomes(**asked))
    assert explained["key"] == "PRIMARY"
    assert explained["type"] in {"ref", "range"}
    assert int(explained["rows"]) < 200
