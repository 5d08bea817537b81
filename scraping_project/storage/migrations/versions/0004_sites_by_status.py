"""The sites whose last answer was a failure are found without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INDEX = "ix_sites_status_code"


def upgrade() -> None:
    if INDEX not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("sites")}:
        op.create_index(INDEX, "sites", ["status_code"])


def downgrade() -> None:
    op.drop_index(INDEX, "sites")
