"""Who fires, where, and by which clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, select

from scraping_project.storage import tables
from scraping_project.storage.clock import database_now
from scraping_project.storage.transactions import reading
from scraping_project.storage.values import fit_identity

#: In a statement: a value, or an expression of the database.
Moment = datetime | ColumnElement[datetime]
Clock = Callable[[Engine, float], ColumnElement[datetime]]


@dataclass(frozen=True, slots=True)
class Process:
    """One of the processes that fire schedules.

    Args:
        engine: The database.
        who: Tells this process from every other, those before it included.
        clock: Makes the expression for so many seconds after now: the database's, but for tests.
    """

    engine: Engine
    who: str
    clock: Clock = database_now

    @property
    def name(self) -> str:
        """``who``, as it fits its column."""
        return fit_identity(self.who, tables.SHORT_LENGTH)

    def after(self, seconds: float) -> ColumnElement[datetime]:
        """The moment in so many seconds, for use in a statement."""
        return self.clock(self.engine, seconds)

    @property
    def now(self) -> ColumnElement[datetime]:
        """This moment, for use in a statement."""
        return self.after(0)

    def look(self, connection: Connection) -> datetime:
        """What the clock says."""
        moment: datetime = connection.execute(select(self.now)).scalar_one()
        return moment

    def time(self) -> datetime:
        """What the clock says, in a transaction of its own."""
        with reading(self.engine) as connection:
            return self.look(connection)
