"""A server's pooled connections, without the round trips that a crawl's commits do not need."""

import time
from typing import Any, Final

from pymysql.err import Error
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import InvalidatePoolError

#: A connection that was in use so many seconds ago counts as alive. If it is not, the transaction fails, as
#: when the server goes away in its middle.
FRESH_SECONDS: Final = 1.0
USED_AT, COMMITTED = "used_at", "committed"  # in a connection's info


def look_after(engine: Engine) -> None:
    """Check a connection that was idle for a while; roll back a transaction that was not committed.

    For an engine without ``pool_pre_ping`` and ``pool_reset_on_return``, which do both every time.
    """
    event.listen(engine, "checkout", _check_alive)
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "reset", _roll_back)


def has_committed(connection: Connection) -> None:
    """Note that the connection executed nothing since its commit, and will not before it is given back."""
    connection.info[COMMITTED] = True


def _check_alive(connection: Any, record: Any, _proxy: object) -> None:
    used_at = record.info.get(USED_AT)
    if used_at is None or time.monotonic() - used_at < FRESH_SECONDS:  # new, or nearly
        return
    try:
        connection.ping(reconnect=False)
    except Error as error:
        raise InvalidatePoolError from error  # the pool makes a new one


def _note_use(_connection: object, record: Any) -> None:
    record.info[USED_AT] = time.monotonic()


def _roll_back(connection: Any, record: Any, state: Any) -> None:
    if not record.info.pop(COMMITTED, False) and not state.transaction_was_reset:
        connection.rollback()
