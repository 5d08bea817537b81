"""What failed, by the hour, and what people have asked the dashboard to do.

It only adds. Failures that workers of the version before log meanwhile are not in ``failure_hours`` until
``storage.recount`` counts them.

MySQL commits every CREATE by itself, so each step passes over what an interrupted try has made.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"

INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
    "if_not_exists": True,
}
HOUR = timedelta(hours=1)
BEGIN = datetime(1, 1, 1)  # noqa: DTZ001 -- as it is stored

moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
long_text = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    op.create_table(
        "failure_hours",
        sa.Column("hour", sa.DateTime(), primary_key=True),
        sa.Column("group_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("status", sa.String(32), primary_key=True),
        sa.Column("crawl_id", sa.String(64), primary_key=True),
        sa.Column("reason", sa.String(32), primary_key=True),
        sa.Column("domain", sa.String(255), primary_key=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
        **INNODB,
    )
    _create_index("ix_failure_hours_domain", "failure_hours", "domain", "hour")
    op.create_table(
        "actions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("asked_by", sa.String(255), nullable=False),
        sa.Column("filter", long_text, nullable=False),
        sa.Column("total", sa.BigInteger()),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("result", long_text, nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("asked_at", moment, nullable=False),
        sa.Column("claimed_until", moment),
        sa.Column("claimed_by", sa.String(255)),
        sa.Column("finished_at", moment),
        **INNODB,
    )
    _create_index("ix_actions_asked_at", "actions", "asked_at")
    _create_index("ix_actions_state", "actions", "state")
    _count()  # last: the next CREATE would commit it without the version


def downgrade() -> None:
    op.drop_table("actions")
    op.drop_table("failure_hours")


def _count() -> None:
    """Counts the minutes hour by hour, so that no more rows are in memory than one hour has."""
    connection = op.get_bind()
    connection.execute(sa.text("DELETE FROM failure_hours"))
    for hour in _hours(connection):
        sums = sa.text(
            "SELECT status, crawl_id, reason, domain, sum(attempts) FROM attempt_minutes"
            " WHERE minute >= :begin AND minute < :end AND status IN ('failed', 'dead', 'filtered')"
            " GROUP BY status, crawl_id, reason, domain HAVING sum(attempts) > 0"
        ).bindparams(*_moments(begin=hour, end=hour + HOUR))
        rows = [
            {"status": row[0], "crawl": row[1], "reason": row[2], "domain": row[3], "count": int(row[4])}
            for row in connection.execute(sums)
        ]
        if rows:
            each = sa.text(
                "INSERT INTO failure_hours VALUES (:hour, :id, :status, :crawl, :reason, :domain, :count)"
            ).bindparams(*_moments(hour=hour))
            connection.execute(each, [row | {"id": _id(row), "hour": hour} for row in rows])


def _hours(connection: sa.Connection) -> Iterator[datetime]:
    """The hours in which anything ended."""
    first = sa.text("SELECT min(minute) AS minute FROM attempt_minutes WHERE minute >= :begin")
    next_ = first.bindparams(*_moments(begin=BEGIN)).columns(minute=sa.DateTime())
    begin = BEGIN
    while (minute := connection.scalar(next_, {"begin": begin})) is not None:
        hour = minute.replace(minute=0)
        yield hour
        begin = hour + HOUR


def _moments(**values: datetime) -> Iterator["sa.BindParameter[datetime]"]:
    return (sa.bindparam(name, value, sa.DateTime()) for name, value in values.items())


def _id(row: dict[str, Any]) -> int:
    digest = blake2b(f"{row['reason']} {row['domain']}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _create_index(name: str, table: str, *columns: str) -> None:
    # CREATE INDEX IF NOT EXISTS is MariaDB's and SQLite's, not MySQL's.
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, list(columns))
