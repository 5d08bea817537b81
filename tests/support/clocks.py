"""Clocks for schedules: one that stands where a test sets it, and one of the database that runs fast."""

from datetime import datetime, timedelta

from sqlalchemy import DateTime, Engine, cast, func, literal, text
from sqlalchemy.dialects import mysql

from scraping_project.storage.tables import Moment


class SetClock:
    """Stands still."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self, engine: Engine, seconds: float):
        moment = literal(self.moment + timedelta(seconds=seconds), Moment)
        # MySQL takes a literal for a text, which is what would come back.
        return moment if engine.dialect.name == "sqlite" else cast(moment, mysql.DATETIME(fsp=6))

    def forward(self, **age) -> datetime:
        self.moment += timedelta(**age)
        return self.moment


class FastClock:
    """The database's clock, that shows ``begin`` at ``real_begin`` and runs so many times as fast.

    Args:
        begin: What it shows at first; UTC, naive.
        real_begin: When that was, by the database's own clock.
        speed: Seconds that pass in one.
    """

    def __init__(self, begin: datetime, real_begin: datetime, speed: int) -> None:
        self.begin, self.real_begin, self.speed = begin, real_begin, speed

    def __call__(self, engine: Engine, seconds: float):
        if engine.dialect.name == "sqlite":
            passed = func.julianday("now") - func.julianday(str(self.real_begin))
            day = func.julianday(str(self.begin)) + passed * self.speed
            later = f"{seconds:+.3f} seconds"
            return func.strftime("%Y-%m-%d %H:%M:%f000", day, later, type_=DateTime())
        passed = func.timestampdiff(text("MICROSECOND"), str(self.real_begin), func.utc_timestamp(6))
        micros = passed * self.speed + round(seconds * 1_000_000)
        # Without the cast, what is computed of a text comes back as a text.
        moment = func.timestampadd(text("MICROSECOND"), micros, str(self.begin))
        return cast(moment, mysql.DATETIME(fsp=6))
