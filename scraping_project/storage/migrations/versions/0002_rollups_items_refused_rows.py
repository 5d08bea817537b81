"""Roll-ups, items of any kind, refused rows, the depth of a site.

It only adds, so that workers of the version before go on writing meanwhile. What is stored is counted
once here; what such workers write afterwards is not, until ``storage.recount`` counts all of it.

MySQL commits every CREATE by itself, so each step passes over what an interrupted try has made.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"

INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
    "if_not_exists": True,
}
MEASURES = ("attempts", "timed", "latency_ms", "bytes", "records")

SUMS = (
    "count(*)",
    "count(latency_ms)",
    "coalesce(sum(latency_ms), 0)",
    "sum(CASE WHEN bytes BETWEEN 0 AND 1099511627776 THEN bytes ELSE 0 END)",
    "sum(records_scraped)",
)

identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
hash16 = sa.LargeBinary().with_variant(mysql.BINARY(16), "mysql")
moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
long_text = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
task_id = sa.String(190).with_variant(mysql.VARCHAR(190, charset="ascii", collation="ascii_bin"), "mysql")


def upgrade() -> None:
    _create_items()
    _create_rollups()
    _create_refused_rows()
    if "depth" not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("sites")}:
        op.add_column("sites", sa.Column("depth", sa.Integer()))
    _create_index("ix_scrape_logs_status", "scrape_logs", "status", "finished_at")
    _count()  # last: the next CREATE would commit it without the version


def downgrade() -> None:
    op.drop_index("ix_scrape_logs_status", "scrape_logs")
    op.drop_column("sites", "depth")
    for table in ("refused_rows", "site_totals", "attempt_totals", "attempt_minutes", "items"):
        op.drop_table(table)


def _create_items() -> None:
    op.create_table(
        "items",
        sa.Column("id", identity, primary_key=True, autoincrement=True),
        sa.Column("task_id", task_id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("crawl_id", sa.String(64), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("type", sa.String(255), nullable=False),
        sa.Column("data", long_text, nullable=False),
        sa.Column("scraped_at", moment, nullable=False),
        **INNODB,
    )
    _create_index("uq_items_task_id", "items", "task_id", "number", unique=True)
    _create_index("ix_items_type", "items", "type")
    _create_index("ix_items_run_id", "items", "run_id")


def _create_rollups() -> None:
    op.create_table(
        "attempt_minutes",
        sa.Column("domain", sa.String(255), primary_key=True),
        sa.Column("minute", sa.DateTime(), primary_key=True),
        sa.Column("crawl_id", sa.String(64), primary_key=True),
        sa.Column("status", sa.String(32), primary_key=True),
        sa.Column("reason", sa.String(32), primary_key=True),
        *(sa.Column(measure, sa.BigInteger(), nullable=False) for measure in MEASURES),
        **INNODB,
    )
    _create_index("ix_attempt_minutes_minute", "attempt_minutes", "minute")
    op.create_table(
        "attempt_totals",
        sa.Column("domain", sa.String(255), primary_key=True),
        sa.Column("crawl_id", sa.String(64), primary_key=True),
        sa.Column("status", sa.String(32), primary_key=True),
        sa.Column("reason", sa.String(32), primary_key=True),
        *(sa.Column(measure, sa.BigInteger(), nullable=False) for measure in MEASURES),
        **INNODB,
    )
    op.create_table(
        "site_totals",
        sa.Column("domain", sa.String(255), primary_key=True),
        sa.Column("sites", sa.BigInteger(), nullable=False),
        **INNODB,
    )
    _create_index("ix_site_totals_sites", "site_totals", "sites")


def _create_refused_rows() -> None:
    op.create_table(
        "refused_rows",
        sa.Column("id", identity, primary_key=True, autoincrement=True),
        sa.Column("row_hash", hash16, nullable=False),
        sa.Column("table_name", sa.String(255), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("data", long_text, nullable=False),
        sa.Column("refused_at", moment, nullable=False),
        **INNODB,
    )
    _create_index("uq_refused_rows_row_hash", "refused_rows", "row_hash", unique=True)


def _count() -> None:
    for table in ("attempt_minutes", "attempt_totals", "site_totals"):
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 -- one of three names
    sqlite = op.get_bind().dialect.name == "sqlite"
    minute = "substr(finished_at, 1, 16) || '\\:00.000000'"
    minute = minute if sqlite else "CAST(DATE_FORMAT(finished_at, '%Y-%m-%d %H\\:%i\\:00') AS DATETIME)"
    for domain in ("domain", "'/'"):
        _add_up("attempt_minutes", "scrape_logs", domain=domain, minute=minute, crawl_id="crawl_id")
        _add_up("site_totals", "sites", domain=domain)
    for domain, crawl in (("'/'", "crawl_id"), ("domain", "'/'"), ("'/'", "'/'")):
        _add_up("attempt_totals", "scrape_logs", domain=domain, crawl_id=crawl)


def _add_up(table: str, source: str, **keys: str) -> None:
    counts = {"sites": "count(*)"}
    if source == "scrape_logs":
        keys |= {"status": "status", "reason": "coalesce(reason, '')"}
        counts = dict(zip(MEASURES, SUMS, strict=True))
    names = ", ".join([*keys, *counts])
    # By number: by name, MySQL would take the column for the expression that is named like it.
    order = ", ".join(str(number) for number, _ in enumerate(keys, 1))
    values = ", ".join([*keys.values(), *counts.values()])
    # No value of anybody's is in the statement.
    op.execute(sa.text(f"INSERT INTO {table} ({names}) SELECT {values} FROM {source} GROUP BY {order}"))  # noqa: S608


def _create_index(name: str, table: str, *columns: str, unique: bool = False) -> None:
    # CREATE INDEX IF NOT EXISTS is MariaDB's and SQLite's, not MySQL's.
    existing = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    if name not in existing:
        op.create_index(name, table, list(columns), unique=unique)
