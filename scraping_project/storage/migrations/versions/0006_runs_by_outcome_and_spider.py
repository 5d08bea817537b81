"""The newest runs that ended in one way, and those of one spider, are found without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

INDEXES = {"ix_runs_outcome_started_at": "outcome", "ix_runs_spider": "spider"}


def upgrade() -> None:
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("runs")}
    for name, column in INDEXES.items():
        if name not in known:
            op.create_index(name, "runs", [column, "started_at"])


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "runs")
