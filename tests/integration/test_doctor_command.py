import socket
from contextlib import closing
from types import SimpleNamespace

import pytest
import redis
from sqlalchemy import create_engine

from scraping_project.monitor import health
from testing import servers
from tests.support.terse_redis import terse_redis


def findings(project, code, **env):
    done = project.run("doctor", env=env, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def wrong(project, **env):
    lines = findings(project, 1, **env)
    assert all("sesame" not in line for line in lines)
    return [line.removeprefix("WRONG ") for line in lines if line.startswith("WRONG ")]


def test_all_parts_that_are_well_are_named_and_the_exit_code_is_0(project):
    lines = findings(project, 0)

    assert len(lines) == 9
    assert all(line.startswith("ok    ") for line in lines)


def test_all_is_well_on_mariadb_and_its_password_is_not_shown(project, mariadb_url):
    lines = findings(project, 0, DATABASE_URL=mariadb_url)

    assert any("mysql+pymysql://" in line for line in lines)
    assert len(lines) == 13
    assert mariadb_url.split("@")[0].split(":")[-1] not in "\n".join(lines)


def test_a_redis_without_append_only_file_is_wrong(project):
    with servers.redis_server(appendonly="no", requirepass="sesame") as server:
        assert wrong(project, REDIS_URL=server.url) == ["Redis keeps no append-only file: set appendonly yes"]


def test_a_redis_that_may_drop_keys_is_wrong(project):
    with servers.redis_server(maxmemory_policy="allkeys-lru") as server:
        assert wrong(project, REDIS_URL=server.url) == [
            "Redis maxmemory-policy allkeys-lru: set it to noeviction, it may drop requests"
        ]


def test_a_redis_that_does_not_show_its_configuration_is_wrong(project, redis_server):
    with redis.Redis.from_url(redis_server.url, protocol=2) as client:
        client.acl_setuser(
            "weak", enabled=True, passwords=["+sesame"], keys=["*"], commands=["+@all", "-info"]
        )
    url = redis_server.url.replace("redis://", "redis://weak:sesame@")

    (line,) = wrong(project, REDIS_URL=url)

    assert "allow INFO to this user" in line


def test_a_redis_that_says_nothing_of_its_durability_is_wrong(project):
    with terse_redis(INFO=b"$0\r\n") as url:
        assert wrong(project, REDIS_URL=url) == [
            "Redis keeps no append-only file: set appendonly yes",
            "Redis maxmemory-policy unknown: set it to noeviction, it may drop requests",
        ]


def test_a_redis_that_falls_silent_is_wrong_and_the_rest_is_looked_at_all_the_same(project):
    with terse_redis() as url:
        lines = findings(project, 1, REDIS_URL=f"{url}?socket_timeout=9999")

    assert "Redis stopped answering" in lines[3]
    assert [line.split()[0] for line in lines] == ["ok", "ok", "ok", "WRONG", "ok", "ok", "ok", "ok"]


def test_a_redis_that_is_away_is_wrong_and_the_rest_is_looked_at_all_the_same(project):
    lines = findings(project, 1, REDIS_URL="redis://:sesame@127.0.0.1:1/0")

    assert [line.split()[0] for line in lines] == ["ok", "ok", "WRONG", "ok", "ok", "ok", "ok"]
    assert "start it" in lines[2]
    assert "sesame" not in lines[2]


@pytest.mark.parametrize("silent", [True, False])
def test_a_database_that_is_away_is_wrong(project, silent):
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1] if silent else 1
        (line,) = wrong(project, DATABASE_URL=f"mysql+pymysql://u:sesame@127.0.0.1:{port}/db")

    assert "start it, or set DATABASE_URL" in line


def test_a_password_that_is_wrong_is_not_taken_for_a_server_that_is_away(project, mariadb_url):
    (line,) = wrong(project, DATABASE_URL=mariadb_url.replace("@", "x@"))

    assert "check user and password" in line


def test_what_is_wrong_with_a_database_is_a_line_each(project, mariadb_url):
    engine = create_engine(mariadb_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {engine.url.database} CHARACTER SET latin1")
    engine.dispose()

    (line,) = wrong(project, DATABASE_URL=mariadb_url)

    assert line.startswith("charset latin1")


@pytest.mark.parametrize(("free", "well"), [(2**31, True), (2**31 - 1, False)])
def test_a_disk_that_is_nearly_full_is_wrong(tmp_path, monkeypatch, free, well):
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))

    found = health._room(tmp_path, "DATA_DIR x")

    assert found[0] == well
    assert ("make room" in found[1]) != well


def test_a_data_dir_that_can_not_be_written_is_wrong(project, tmp_path):
    place = tmp_path / "file"
    place.touch()

    lines = wrong(project, DATA_DIR=str(place))

    assert len(lines) == 2, "the database lies in it, too"
    assert all(str(place) in line and "set DATA_DIR" in line for line in lines)


@pytest.mark.parametrize(("argument", "word"), [("x", "no arguments"), ("--bogus", "no option --bogus")])
def test_doctor_takes_no_arguments(project, redis_url, argument, word):
    done = project.run("doctor", argument, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr
    assert done.stderr.count("\n") == 1
