"""Schedules, and the times at which they fired or did not.

MySQL commits every CREATE by itself, so each step passes over what an interrupted try has made.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"

INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
    "if_not_exists": True,
}

moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
long_text = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", identity, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("timing", sa.String(255), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("anchor", sa.DateTime(), nullable=False),
        sa.Column("target", long_text, nullable=False),
        sa.Column("jitter_seconds", sa.Integer(), nullable=False),
        sa.Column("grace_seconds", sa.Integer(), nullable=False),
        sa.Column("late", sa.String(32), nullable=False),
        sa.Column("overlap", sa.String(32), nullable=False),
        sa.Column("pause_after", sa.Integer()),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("paused_at", moment),
        sa.Column("paused_until", moment),
        sa.Column("pause_note", sa.String(255)),
        sa.Column("paused_by", sa.String(255)),
        sa.Column("failures_in_row", sa.Integer(), nullable=False),
        sa.Column("next_due", sa.DateTime()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("retry_at", moment),
        sa.Column("changed_at", moment, nullable=False),
        sa.Column("changed_by", sa.String(255), nullable=False),
        sqlite_autoincrement=True,
        **INNODB,
    )
    _create_index("uq_schedules_name", "schedules", "name", unique=True)
    _create_index("ix_schedules_next_due", "schedules", "enabled", "next_due")
    op.create_table(
        "firings",
        sa.Column("id", identity, primary_key=True, autoincrement=True),
        sa.Column("schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("due", moment, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("last_due", moment),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("fired_at", moment, nullable=False),
        sa.Column("fired_by", sa.String(255), nullable=False),
        sa.Column("start_at", moment),
        sa.Column("claimed_by", sa.String(255)),
        sa.Column("claimed_until", moment),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("gives_up_at", moment),
        sa.Column("started_at", moment),
        sa.Column("run_id", sa.String(64)),
        sa.Column("outcome", sa.String(32)),
        sa.Column("ended_at", moment),
        sa.Column("error", sa.Text()),
        sqlite_autoincrement=True,
        **INNODB,
    )
    _create_index("uq_firings_schedule_due", "firings", "schedule_id", "due", "kind", unique=True)
    _create_index("ix_firings_state", "firings", "state", "start_at")
    _create_index("ix_firings_fired_at", "firings", "fired_at")
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("beat_at", moment, nullable=False),
        **INNODB,
    )
    _create_index("ix_heartbeats_kind", "heartbeats", "kind", "beat_at")


def downgrade() -> None:
    op.drop_table("heartbeats")
    op.drop_table("firings")
    op.drop_table("schedules")


def _create_index(name: str, table: str, *columns: str, unique: bool = False) -> None:
    # CREATE INDEX IF NOT EXISTS is MariaDB's and SQLite's, not MySQL's.
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, list(columns), unique=unique)
