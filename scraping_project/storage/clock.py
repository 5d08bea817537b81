"""The database's clock, by which processes on hosts with clocks of their own agree."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import DateTime, Engine, func, text
from sqlalchemy.sql.functions import Function

MICROSECONDS: Final = 1_000_000


def database_now(engine: Engine, seconds: float = 0) -> Function[datetime]:
    """What the database's clock says, or will say in so many seconds: UTC, naive, for use in a statement.

    SQLite's knows milliseconds, written as the columns are, so that moments compare as texts.
    """
    kind: Any = DateTime()
    if engine.dialect.name == "sqlite":
        later = f"{seconds:+.3f} seconds"
        return func.strftime("%Y-%m-%d %H:%M:%f000", "now", later, type_=kind)
    now = func.utc_timestamp(6)
    return func.timestampadd(text("MICROSECOND"), round(seconds * MICROSECONDS), now, type_=kind)
