"""The values of a large statement, escaped by MySQL's driver all at once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, event

#: ASCII's unit separator, which no escaping touches.
SEPARATOR = "\x1f"


def escape_at_once(engine: Engine) -> None:
    """Take over from PyMySQL where values have places, as the writer's do; SQLAlchemy's have names.

    PyMySQL makes a call or two for each value of each row. Errors of SQLAlchemy show no values, here as
    there.
    """
    event.listen(engine, "do_execute", _execute)


def _execute(cursor: Any, statement: str, values: Any, _context: object) -> bool:
    """Execute a statement whose values have places; whether it was one."""
    if not isinstance(values, tuple):
        return False
    cursor.execute(statement % tuple(escaped(cursor, values)))
    return True


def escaped(cursor: Any, values: Sequence[Any]) -> list[str]:
    """The values as they stand in a statement; the driver escapes them character by character."""
    if set(map(type, values)) <= {str}:
        joined: str = cursor.mogrify("%s", (SEPARATOR.join(values),))
        pieces = joined.replace(SEPARATOR, f"'{SEPARATOR}'").split(SEPARATOR)
        if len(pieces) == len(values):  # no text has a separator of its own
            return pieces
    return [cursor.mogrify("%s", (value,)) for value in values]
