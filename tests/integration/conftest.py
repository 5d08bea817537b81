"""The databases that the storage's tests run on."""

import pytest

from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate


@pytest.fixture(name="database_url", params=["sqlite", "mariadb"])
def each_database_url(request, tmp_path):
    """Names an empty database, once on SQLite and once on MariaDB."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/scraping.db"
    return request.getfixturevalue("mariadb_url")


@pytest.fixture(name="engine")
def migrated_engine(database_url):
    engine = connect(database_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(name="sqlite")
def migrated_sqlite(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/scraping.db")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(name="mariadb")
def migrated_mariadb(mariadb_url):
    engine = connect(mariadb_url)
    migrate(engine)
    yield engine
    engine.dispose()
