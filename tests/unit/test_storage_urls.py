import os
from traceback import format_exception

import pytest

from scraping_project.storage.engine import connect
from scraping_project.storage.errors import BadDatabaseURL, DatabaseUnavailable

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("", "cannot be read"),
        ("nonsense", "cannot be read"),
        (f"mysql+pymysql://user:pass@host:{SECRET}/db", "cannot be read"),
        (f"postgresql://user:{SECRET}@host/db", "'postgresql', which is not supported"),
        (f"oracle+nothing://user:{SECRET}@host/db", "'oracle', which is not supported"),
        (f"mysql+aiomysql://user:{SECRET}@host/db", "'mysql+aiomysql' is not supported"),
        (f"mysql+pymysql://user:{SECRET}@host", "names no database"),
        (f"mysql+pymysql://user:a@{SECRET}@host/db", "%40"),
        (f"mysql+pymysql://user:1/{SECRET}@b@host/db", "%40"),
        ("sqlite://", "names no database"),
        ("sqlite:///:memory:", "names no database"),
        ("sqlite:///file:x?uri=true", "file: form"),
        ("sqlite+aiosqlite:///x.db", "not supported"),
    ],
)
def test_a_bad_url_is_one_line_that_says_what_is_wrong_without_the_password(url, hint):
    with pytest.raises(BadDatabaseURL) as caught:
        connect(url)
    message = str(caught.value)
    assert hint in message
    assert "\n" not in message
    assert SECRET not in message
    assert SECRET not in "".join(format_exception(caught.value))


def test_the_directory_of_an_sqlite_file_is_made(tmp_path):
    connect(f"sqlite:///{tmp_path}/a/b/scraping.db").dispose()
    assert (tmp_path / "a/b").is_dir()


def test_a_directory_that_cannot_be_made_is_said_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnavailable, match="cannot be made: Not a directory"):
        connect(f"sqlite:///{tmp_path}/file/below/scraping.db")


def test_a_relative_file_stays_where_it_was_when_the_process_moves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    engine = connect("sqlite:///scraping.db")
    os.chdir("/")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE a (b)")
    engine.dispose()
    assert engine.url.database == str(tmp_path / "scraping.db")
    assert (tmp_path / "scraping.db").exists()
