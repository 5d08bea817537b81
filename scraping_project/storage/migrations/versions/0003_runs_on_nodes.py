"""What is known of a run before it starts, while it runs on a node, and when it fails.

MySQL commits every ALTER by itself, so each step passes over what an interrupted try has made.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"

moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
long_text = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("runs")}
    for column in _columns():
        if column.name not in known:
            op.add_column("runs", column)


def downgrade() -> None:
    for column in _columns():
        op.drop_column("runs", column.name)


def _columns() -> list["sa.Column[object]"]:
    return [
        sa.Column("project", sa.String(255)),
        sa.Column("node", sa.String(255)),
        sa.Column("settings", long_text),
        sa.Column("error", sa.Text()),
        sa.Column("heartbeat_at", moment),
        sa.Column("cancel_asked_at", moment),
    ]
