"""The first tables: sites, scrape_logs, runs.

MySQL commits every CREATE by itself, so each step passes over what an interrupted try has made.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
    "if_not_exists": True,
}

identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
hash16 = sa.LargeBinary().with_variant(mysql.BINARY(16), "mysql")
moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
long_text = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
task_id = sa.String(190).with_variant(mysql.VARCHAR(190, charset="ascii", collation="ascii_bin"), "mysql")


def upgrade() -> None:
    _create_sites()
    _create_scrape_logs()
    _create_runs()


def downgrade() -> None:
    for table in ("runs", "scrape_logs", "sites"):
        op.drop_table(table)


def _create_sites() -> None:
    op.create_table(
        "sites",
        sa.Column("id", identity, primary_key=True, autoincrement=True),
        sa.Column("url_hash", hash16, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("domain", sa.String(255), nullable=False),
        sa.Column("title", sa.String(1000)),
        sa.Column("status_code", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.String(255)),
        sa.Column("content_hash", hash16),
        sa.Column("etag", sa.String(255)),
        sa.Column("last_modified", sa.String(255)),
        sa.Column("links_count", sa.Integer(), nullable=False),
        sa.Column("links", long_text, nullable=False),
        sa.Column("link_rels", long_text),
        sa.Column("first_scraped", moment, nullable=False),
        sa.Column("last_scraped", moment, nullable=False),
        sa.Column("last_changed", moment, nullable=False),
        **INNODB,
    )
    _create_index("uq_sites_url_hash", "sites", "url_hash", unique=True)
    _create_index("ix_sites_domain", "sites", "domain")
    _create_index("ix_sites_last_scraped", "sites", "last_scraped")


def _create_scrape_logs() -> None:
    op.create_table(
        "scrape_logs",
        sa.Column("id", identity, primary_key=True, autoincrement=True),
        sa.Column("task_id", task_id, nullable=False),
        sa.Column("crawl_id", sa.String(64), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("site_id", sa.BigInteger()),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("domain", sa.String(255), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("status_code", sa.Integer()),
        sa.Column("reason", sa.String(32)),
        sa.Column("error_message", sa.Text()),
        sa.Column("records_scraped", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("latency_ms", sa.Integer()),
        sa.Column("bytes", sa.BigInteger()),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("finished_at", moment, nullable=False),
        **INNODB,
    )
    _create_index("uq_scrape_logs_task_id", "scrape_logs", "task_id", unique=True)
    _create_index("ix_scrape_logs_finished_at", "scrape_logs", "finished_at")
    _create_index("ix_scrape_logs_domain", "scrape_logs", "domain", "finished_at")
    _create_index("ix_scrape_logs_crawl", "scrape_logs", "crawl_id", "status", "reason")
    _create_index("ix_scrape_logs_site_id", "scrape_logs", "site_id")


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("crawl_id", sa.String(64), nullable=False),
        sa.Column("spider", sa.String(255), nullable=False),
        sa.Column("arguments", long_text, nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(255)),
        *(
            sa.Column(count, sa.BigInteger(), nullable=False)
            for count in ("pages", "failed", "filtered", "links", "items")
        ),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("egg_version", sa.String(255)),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("finished_at", moment),
        **INNODB,
    )
    _create_index("ix_runs_started_at", "runs", "started_at")
    _create_index("ix_runs_crawl_id", "runs", "crawl_id")
    _create_index("ix_runs_outcome", "runs", "outcome")


def _create_index(name: str, table: str, *columns: str, unique: bool = False) -> None:
    # CREATE INDEX IF NOT EXISTS is MariaDB's and SQLite's, not MySQL's.
    existing = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    if name not in existing:
        op.create_index(name, table, list(columns), unique=unique)
