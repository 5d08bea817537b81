"""The tables as they are; ``migrations/`` holds how they came to be, and a test compares the two.

Every text is compared byte by byte (utf8mb4_bin), on MySQL as on SQLite.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql

metadata = MetaData()

#: Stands in the roll-ups for every crawl or every domain; no host can be called so.
ALL = "/"

#: The longest text a column takes, in characters; longer values are cut to fit.
URL_LENGTH = 8_000
ERROR_LENGTH = 4_000
TITLE_LENGTH = 1_000
SHORT_LENGTH = 255
TASK_ID_LENGTH = 190
ID_LENGTH = 64
WORD_LENGTH = 32

INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}

Identity = BigInteger().with_variant(Integer(), "sqlite")
Hash = LargeBinary().with_variant(mysql.BINARY(16), "mysql")
Moment = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")  # UTC, naive
LongText = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
TaskId = String(TASK_ID_LENGTH).with_variant(
    mysql.VARCHAR(TASK_ID_LENGTH, charset="ascii", collation="ascii_bin"), "mysql"
)

sites = Table(
    "sites",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("url_hash", Hash, nullable=False),  # the first 16 bytes of the URL's SHA-256
    Column("url", Text(), nullable=False),
    Column("domain", String(SHORT_LENGTH), nullable=False),
    Column("title", String(TITLE_LENGTH)),
    Column("status_code", Integer(), nullable=False),
    Column("content_type", String(SHORT_LENGTH)),
    Column("content_hash", Hash),
    Column("etag", String(SHORT_LENGTH)),
    Column("last_modified", String(SHORT_LENGTH)),
    Column("links_count", Integer(), nullable=False),
    Column("links", LongText, nullable=False),  # JSON array of URLs: read and written whole, so one value
    Column("link_rels", LongText),  # JSON object: index into links -> rel, for the links that carry one
    Column("depth", Integer()),  # links followed from a seed to here
    Column("first_scraped", Moment, nullable=False),
    Column("last_scraped", Moment, nullable=False),
    Column("last_changed", Moment, nullable=False),
    # Which row is this URL's? The upsert, and the site of a log.
    Index("uq_sites_url_hash", "url_hash", unique=True),
    # The pages of one domain, by id: lists, exports.
    Index("ix_sites_domain", "domain"),
    # What was scraped lately, or since a moment.
    Index("ix_sites_last_scraped", "last_scraped"),
    # Whose last answer was a failure.
    Index("ix_sites_status_code", "status_code"),
    **INNODB,
)

scrape_logs = Table(
    "scrape_logs",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("task_id", TaskId, nullable=False),
    Column("crawl_id", String(ID_LENGTH), nullable=False),
    Column("run_id", String(ID_LENGTH), nullable=False),
    # No foreign key: InnoDB would lock the site's row for every log, against another worker's upsert
    # of that site, and no site is ever deleted under its logs.
    Column("site_id", BigInteger()),
    Column("url", Text(), nullable=False),
    Column("domain", String(SHORT_LENGTH), nullable=False),
    Column("status", String(WORD_LENGTH), nullable=False),
    Column("status_code", Integer()),
    Column("reason", String(WORD_LENGTH)),
    Column("error_message", Text()),
    Column("records_scraped", Integer(), nullable=False),
    Column("attempt", Integer(), nullable=False),
    Column("latency_ms", Integer()),
    Column("bytes", BigInteger()),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment, nullable=False),
    # Which row is this attempt's? The upsert.
    Index("uq_scrape_logs_task_id", "task_id", unique=True),
    # The newest attempts; the attempts since a moment, for rates.
    Index("ix_scrape_logs_finished_at", "finished_at"),
    # The newest attempts of one domain, and its share of failures.
    Index("ix_scrape_logs_domain", "domain", "finished_at"),
    # How the attempts of one crawl ended: the summary, and the list behind each of its numbers.
    Index("ix_scrape_logs_crawl", "crawl_id", "status", "reason"),
    # The history of one site.
    Index("ix_scrape_logs_site_id", "site_id"),
    # The newest failures, of every crawl.
    Index("ix_scrape_logs_status", "status", "finished_at"),
    **INNODB,
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(ID_LENGTH), primary_key=True),
    Column("crawl_id", String(ID_LENGTH), nullable=False),
    Column("spider", String(SHORT_LENGTH), nullable=False),
    Column("arguments", LongText, nullable=False),  # JSON object
    Column("outcome", String(WORD_LENGTH), nullable=False),
    Column("reason", String(SHORT_LENGTH)),
    Column("pages", BigInteger(), nullable=False),
    Column("failed", BigInteger(), nullable=False),
    Column("filtered", BigInteger(), nullable=False),
    Column("links", BigInteger(), nullable=False),
    Column("items", BigInteger(), nullable=False),
    Column("host", String(SHORT_LENGTH), nullable=False),
    Column("pid", BigInteger(), nullable=False),
    Column("egg_version", String(SHORT_LENGTH)),
    Column("started_at", Moment, nullable=False),  # of a pending run: when it was asked for
    Column("finished_at", Moment),
    Column("project", String(SHORT_LENGTH)),  # as Scrapyd knows it; NULL for one that was typed
    Column("node", String(SHORT_LENGTH)),  # URL of the Scrapyd that was asked
    Column("settings", LongText),  # JSON object: those that were asked for
    Column("error", Text()),
    Column("heartbeat_at", Moment),  # by the database's clock
    Column("cancel_asked_at", Moment),
    # The newest runs.
    Index("ix_runs_started_at", "started_at"),
    # The runs of one crawl.
    Index("ix_runs_crawl_id", "crawl_id"),
    # The runs that say they are running.
    Index("ix_runs_outcome", "outcome"),
    # The newest of those that ended in one way.
    Index("ix_runs_outcome_started_at", "outcome", "started_at"),
    # The newest of one spider.
    Index("ix_runs_spider", "spider", "started_at"),
    **INNODB,
)

items = Table(
    "items",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("task_id", TaskId, nullable=False),  # the attempt that yielded it
    Column("number", Integer(), nullable=False),  # its place among the items of that attempt
    Column("crawl_id", String(ID_LENGTH), nullable=False),
    Column("run_id", String(ID_LENGTH), nullable=False),
    Column("url", Text(), nullable=False),
    Column("type", String(SHORT_LENGTH), nullable=False),
    Column("data", LongText, nullable=False),  # JSON
    Column("scraped_at", Moment, nullable=False),
    # Which row is this item's? The upsert.
    Index("uq_items_task_id", "task_id", "number", unique=True),
    # The items of one type, by id: lists, exports.
    Index("ix_items_type", "type"),
    # What one run yielded, by id.
    Index("ix_items_run_id", "run_id"),
    **INNODB,
)


def _measures() -> list[Column[int]]:
    names = ("attempts", "timed", "latency_ms", "bytes", "records")  # timed: those that have a latency
    return [Column(name, BigInteger(), nullable=False) for name in names]


# The roll-ups always say what counting scrape_logs and sites would: the writer changes both in one
# transaction. Their keys begin with what a query names, so that it reads neighbouring rows and no others.
attempt_minutes = Table(
    "attempt_minutes",
    metadata,
    Column("domain", String(SHORT_LENGTH), primary_key=True),  # ALL: of the crawl's every domain
    Column("minute", DateTime(), primary_key=True),
    Column("crawl_id", String(ID_LENGTH), primary_key=True),
    Column("status", String(WORD_LENGTH), primary_key=True),
    Column("reason", String(WORD_LENGTH), primary_key=True),  # empty for none
    *_measures(),
    # What is old enough to be pruned.
    Index("ix_attempt_minutes_minute", "minute"),
    **INNODB,
)

attempt_totals = Table(
    "attempt_totals",
    metadata,
    Column("domain", String(SHORT_LENGTH), primary_key=True),  # ALL, or crawl_id is ALL, or both are
    Column("crawl_id", String(ID_LENGTH), primary_key=True),
    Column("status", String(WORD_LENGTH), primary_key=True),
    Column("reason", String(WORD_LENGTH), primary_key=True),
    *_measures(),
    **INNODB,
)

#: The statuses that ``failure_hours`` counts; a filtered request is shown apart from failures.
FAILURES = ("failed", "dead", "filtered")

failure_hours = Table(
    "failure_hours",
    metadata,
    Column("hour", DateTime(), primary_key=True),
    Column("group_id", BigInteger(), primary_key=True, autoincrement=False),  # of reason and domain
    Column("status", String(WORD_LENGTH), primary_key=True),  # of FAILURES
    Column("crawl_id", String(ID_LENGTH), primary_key=True),
    Column("reason", String(WORD_LENGTH), primary_key=True),  # empty for none
    Column("domain", String(SHORT_LENGTH), primary_key=True),  # ALL: of the crawl's every domain
    Column("attempts", BigInteger(), nullable=False),
    # What failed at one domain since an hour, or, of ALL, everywhere.
    Index("ix_failure_hours_domain", "domain", "hour"),
    sqlite_with_rowid=False,  # else each row is there twice
    **INNODB,
)

site_totals = Table(
    "site_totals",
    metadata,
    Column("domain", String(SHORT_LENGTH), primary_key=True),
    Column("sites", BigInteger(), nullable=False),
    # The largest domains.
    Index("ix_site_totals_sites", "sites"),
    **INNODB,
)

actions = Table(
    "actions",
    metadata,
    Column("id", String(ID_LENGTH), primary_key=True),  # the asking form's, so that it is asked once
    Column("kind", String(WORD_LENGTH), nullable=False),
    Column("asked_by", String(SHORT_LENGTH), nullable=False),
    Column("filter", LongText, nullable=False),  # JSON object
    Column("total", BigInteger()),
    Column("done", BigInteger(), nullable=False),
    Column("cursor", Text()),  # where its worker goes on
    Column("state", String(WORD_LENGTH), nullable=False),
    Column("result", LongText, nullable=False),  # JSON object
    Column("error", Text()),
    Column("asked_at", Moment, nullable=False),  # this moment and the others by the database's clock
    Column("claimed_until", Moment),
    Column("claimed_by", String(SHORT_LENGTH)),
    Column("finished_at", Moment),
    # The newest.
    Index("ix_actions_asked_at", "asked_at"),
    # Those that are still to be done.
    Index("ix_actions_state", "state"),
    **INNODB,
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("name", String(ID_LENGTH), nullable=False),
    Column("timing", String(SHORT_LENGTH), nullable=False),  # as it was typed: a cron expression or 15m
    Column("timezone", String(ID_LENGTH), nullable=False),
    Column("anchor", DateTime(), nullable=False),  # intervals count from here
    Column("target", LongText, nullable=False),  # JSON object: what is started
    Column("jitter_seconds", Integer(), nullable=False),
    Column("grace_seconds", Integer(), nullable=False),
    Column("late", String(WORD_LENGTH), nullable=False),
    Column("overlap", String(WORD_LENGTH), nullable=False),
    Column("pause_after", Integer()),  # failures in a row; NULL: it goes on
    Column("enabled", Boolean(), nullable=False),
    Column("paused_at", Moment),
    Column("paused_until", Moment),  # NULL: until somebody resumes it
    Column("pause_note", String(SHORT_LENGTH)),
    Column("paused_by", String(SHORT_LENGTH)),
    Column("failures_in_row", Integer(), nullable=False),
    Column("next_due", DateTime()),  # only ever moves forward; NULL: it never matches again
    Column("version", BigInteger(), nullable=False),  # one more with every edit
    Column("error", Text()),  # why it could not be evaluated
    Column("retry_at", Moment),  # and when it is looked at again
    Column("changed_at", Moment, nullable=False),  # by the database's clock, as all moments here
    Column("changed_by", String(SHORT_LENGTH), nullable=False),
    # Is the name taken?
    Index("uq_schedules_name", "name", unique=True),
    # Those that are due.
    Index("ix_schedules_next_due", "enabled", "next_due"),
    sqlite_autoincrement=True,  # an id stands in the ids of runs, and is never another's
    **INNODB,
)

firings = Table(
    "firings",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("schedule_id", BigInteger(), nullable=False),
    Column("due", Moment, nullable=False),  # nominal, without jitter
    Column("kind", String(WORD_LENGTH), nullable=False),
    Column("state", String(WORD_LENGTH), nullable=False),
    Column("reason", String(WORD_LENGTH)),  # why it was skipped
    Column("last_due", Moment),  # of a stretch of skipped times that one row stands for
    Column("times", Integer(), nullable=False),
    Column("fired_at", Moment, nullable=False),
    Column("fired_by", String(SHORT_LENGTH), nullable=False),
    Column("start_at", Moment),  # not before: due and jitter, or the next try
    Column("claimed_by", String(SHORT_LENGTH)),
    Column("claimed_until", Moment),
    Column("tries", Integer(), nullable=False),
    Column("gives_up_at", Moment),  # set by the first try that failed
    Column("started_at", Moment),
    Column("run_id", String(ID_LENGTH)),
    Column("outcome", String(WORD_LENGTH)),  # the run's, once it has ended
    Column("ended_at", Moment),
    Column("error", Text()),
    # Has it fired? This key lets no time fire twice.
    Index("uq_firings_schedule_due", "schedule_id", "due", "kind", unique=True),
    # Those that are to be started, and those whose runs have not ended.
    Index("ix_firings_state", "state", "start_at"),
    # What is old enough to be pruned.
    Index("ix_firings_fired_at", "fired_at"),
    sqlite_autoincrement=True,
    **INNODB,
)

# The processes beside the crawl that are alive: those that fire schedules, and those that watch for alerts.
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(SHORT_LENGTH), primary_key=True),  # host, process and a random part
    Column("kind", String(WORD_LENGTH), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("beat_at", Moment, nullable=False),
    # When did any of a kind beat last?
    Index("ix_heartbeats_kind", "kind", "beat_at"),
    **INNODB,
)

refused_rows = Table(
    "refused_rows",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("row_hash", Hash, nullable=False),  # of table and row: a refusal that repeats is kept once
    Column("table_name", String(SHORT_LENGTH), nullable=False),
    Column("error", Text(), nullable=False),
    Column("data", LongText, nullable=False),  # the row as JSON, cut with a mark when it is long
    Column("refused_at", Moment, nullable=False),
    # Was this row refused before? The upsert.
    Index("uq_refused_rows_row_hash", "row_hash", unique=True),
    **INNODB,
)
