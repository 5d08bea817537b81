"""A run whose connection ends instead of bringing one request or one reply ends as if nothing had been lost.

The first steps of a run, its crawl and its end are cut alike, every fourth time; ``make storm`` cuts each.
"""

import secrets
import sys

import pytest

from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from testing.tcp_proxy import Way
from tests import lost_replies
from tests.lost_replies import SERVERS

STEP = 4
#: Of every fourth. A run needs several times as many before its first page is asked for.
FEWEST = 4


@pytest.fixture(scope="module")
def lab(tmp_path_factory, shared_mariadb):
    shared_mariadb.start()
    database = shared_mariadb.database()
    engine = connect(database)
    migrate(engine)
    engine.dispose()
    with lost_replies.lab(tmp_path_factory.mktemp("lost"), shared_mariadb, database) as lab:
        yield lab


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("server", SERVERS)
def test_one_lost_on_the_way_costs_nothing(lab, server, way):
    first = 1 + secrets.randbelow(STEP)
    sys.stdout.write(f"every {STEP}th from number {first}\n")

    lost, wrong = lab.lose_each(server, way, first=first, step=STEP)

    assert wrong == []
    assert lost >= FEWEST
