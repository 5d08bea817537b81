"""A run whose connection ends instead of bringing one request or one reply ends as if nothing had been lost.

The first steps of a run, its crawl and its end are cut alike, but not every time; ``make storm`` cuts each.
"""

import pytest

from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from testing.tcp_proxy import Way
from tests import lost_replies
from tests.lost_replies import SERVERS
from tests.support import thoroughness

#: Of how many in a row one is lost; a run has some hundred requests to MariaDB.
ONE_IN = {"redis": 4, "mariadb": 12}
#: A run needs several times as many before its first page is asked for.
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
    step = ONE_IN[server]

    lost, wrong = lab.lose_each(server, way, first=thoroughness.first(step), step=step)

    assert wrong == []
    assert lost >= FEWEST
