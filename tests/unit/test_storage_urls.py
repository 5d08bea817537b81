import os
from traceback import format_exception

import pytest
import trustme

from scraping_project.storage.engine import connect, parse
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
        ("sqlite:///x.db?timeout=1", "SQLite takes nothing"),
        ("mysql://host/db?charset=latin1", "another charset than utf8mb4"),
        ("mysql://host/db?unix_socket=a&unix_socket=b", "an option twice"),
        (f"mysql://host/db?passwd={SECRET}", "option 'passwd': it takes charset, unix_socket, ssl_ca,"),
        ("mysql://host/db?ssl_check_hostname=maybe", "neither true nor false"),
        (f"mysql://user:{SECRET}@a..b/db", "host 'a..b' cannot be the name of one"),
        (f"mysql://user:{SECRET}@{64 * 'a'}.b/db", "cannot be the name of one"),
        (f"mysql://user:{SECRET}@host/db?ssl_ca=%00", "a control character outside of its password"),
        (f"mysql://us%0Aer:{SECRET}@host/db", "a control character outside of its password"),
        (f"mysql://user:{SECRET}\udce9@host/db", "not UTF-8"),
        ("mysql://host/db?ssl_ca=/none", "certificates of the database URL cannot be used"),
        (f"mysql://host/db?ssl_cert={__file__}", "certificates of the database URL cannot be used"),
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


def test_white_space_around_a_url_is_no_part_of_it():
    assert parse(" sqlite:////a/b.db\n").database == "/a/b.db"


def test_a_mysql_url_may_name_charset_socket_and_certificates(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(f"{tmp_path}/ca.pem")
    authority.issue_cert("host").private_key_and_cert_chain_pem.write_to_path(f"{tmp_path}/own.pem")
    certificates = f"ssl_ca={tmp_path}/ca.pem&ssl_cert={tmp_path}/own.pem&ssl_check_hostname=false"
    connect(f"mysql://host/db?charset=utf8mb4&unix_socket=/run/my.sock&{certificates}").dispose()
