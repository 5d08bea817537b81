"""Three processes fire days of schedules, killed and stopped at random: each time once."""

import sys
from contextlib import closing
from datetime import datetime

import pytest

from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from tests.support.chance import chance
from tests.support.schedule_storm import Storm
from tests.support.thoroughness import STORM

#: The clocks of Berlin change on 25 October, those of New York on 1 November.
BEGIN, DAYS, SPEED = (datetime(2026, 10, 19), 14, 30_000) if STORM else (datetime(2026, 10, 24), 2, 10_000)


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_days_under_kills_fire_each_time_once(kind, tmp_path, request):
    url = f"sqlite:///{tmp_path}/storm.db" if kind == "sqlite" else request.getfixturevalue("mariadb_url")
    engine = connect(url)
    migrate(engine)
    engine.dispose()
    with chance() as random, closing(Storm(url, BEGIN, days=DAYS, speed=SPEED, chance=random)) as storm:
        storm.prepare()
        storm.rage()
        storm.calm_down()
        sys.stdout.write(storm.summary() + "\n")

        assert storm.faults() == []
        assert storm.kills > 1
