"""A start's steps on the database take effect once, whichever request or reply of theirs is lost."""

import secrets
import sys
from itertools import count

import pytest
from sqlalchemy import make_url, text

from scraping_project.storage.engine import connect
from scraping_project.storage.errors import DatabaseAway, DatabaseUnavailable
from scraping_project.storage.migrate import migrate, missing
from scraping_project.storage.transactions import reading
from scraping_project.storage.upkeep import health
from scraping_project.worker.patience import patiently
from testing.tcp_proxy import Way, tcp_proxy

#: Migrations need some hundred and fifty of each; `python -m tests.lost_replies` loses every one.
STEP = 30


@pytest.mark.parametrize("way", Way)
def test_migrations_are_completed_whatever_of_them_is_lost(shared_mariadb, way):
    shared_mariadb.start()
    first = 1 + secrets.randbelow(STEP)
    sys.stdout.write(f"every {STEP}th from number {first}\n")
    for number in count(first, STEP):
        url = make_url(shared_mariadb.database())
        with tcp_proxy(url.host, url.port) as proxy:
            proxy.cut_at = way, number
            engine = connect(url.set(port=proxy.port).render_as_string(hide_password=False))
            patiently(migrate, engine)
            engine.dispose()
            needed = proxy.passed[way]
        engine = connect(url.render_as_string(hide_password=False))
        assert missing(engine) == []
        assert [line for well, line in health.findings(engine) if not well] == []
        engine.dispose()
        if needed < number:
            break
    assert number > 100


def test_a_connection_that_ends_means_that_the_server_is_away(mariadb_url):
    with tcp_proxy(make_url(mariadb_url).host, make_url(mariadb_url).port) as proxy:
        proxy.cut_at = Way.REPLY, 1
        engine = connect(make_url(mariadb_url).set(port=proxy.port).render_as_string(hide_password=False))
        with pytest.raises(DatabaseAway), reading(engine):
            pass
        with reading(engine) as connection:
            assert connection.scalar(text("SELECT 1")) == 1
        engine.dispose()


@pytest.mark.parametrize("changes", [{"password": "another"}, {"database": "another"}])
def test_a_server_that_says_no_is_not_away(mariadb_url, changes):
    engine = connect(make_url(mariadb_url).set(**changes).render_as_string(hide_password=False))

    with pytest.raises(DatabaseUnavailable) as caught, reading(engine):
        pass

    assert not isinstance(caught.value, DatabaseAway)
    engine.dispose()
