import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import redis
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DataError, OperationalError

from testing import servers
from tests.support.oracle import wget_html_urls

ROOT = Path(__file__).parents[2]


@pytest.fixture(name="site")
def small_site(tmp_path, nginx):
    (tmp_path / "index.html").write_text("<a href=other.html>other</a> <a href=missing.html>missing</a>")
    (tmp_path / "other.html").write_text("<img src=image.svg>")
    (tmp_path / "image.svg").write_text("<svg/>")
    (tmp_path / "unlinked.html").write_text("")
    return nginx(tmp_path)


def fetch(url):
    with urlopen(url) as answer:
        return answer.read()


def ask(url, command, *arguments):
    with redis.Redis.from_url(url, protocol=2) as client:
        return client.execute_command(command, *arguments)


def execute(url, statement):
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return result.all() if result.returns_rows else []
    finally:
        engine.dispose()


def listens(host, port):
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def addresses_listened_on(pid):
    """Returns the local addresses of a process's listening sockets, in the kernel's own spelling."""
    sockets = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    tables = [Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


@pytest.mark.parametrize("name", servers.redis_binaries())
def test_each_redis_keeps_its_data_over_a_kill_and_is_gone_after_its_block(name):
    with servers.redis_server(servers.redis_binaries()[name]) as server:
        ask(server.url, "SET", "key", "value")
        server.kill()
        assert not listens(server.host, server.port)
        server.start()
        assert ask(server.url, "GET", "key") == b"value"
        server.stop()
        server.start()
        assert ask(server.url, "GET", "key") == b"value"
    assert not exists(server.pid)
    assert not server.directory.exists()


def test_a_redis_takes_settings_by_name():
    with servers.redis_server(maxmemory_policy="noeviction", requirepass="secret", maxmemory="7mb") as server:
        assert ask(server.url, "CONFIG", "GET", "maxmemory")[1] == b"7340032"
        with pytest.raises(redis.AuthenticationError):
            ask(f"redis://127.0.0.1:{server.port}/0", "PING")


def test_a_server_that_cannot_start_says_what_its_log_says(tmp_path):
    server = servers.RedisServer(tmp_path, "redis-server", {"maxmemory-policy": "nonsense"})
    with pytest.raises(servers.ServerError, match="maxmemory-policy"):
        server.start()
    assert not server.running


def test_a_redis_does_not_take_another_one_on_its_port_for_itself(tmp_path, redis_server):
    server = servers.RedisServer(tmp_path, "redis-server", {"port": str(redis_server.port)})
    server.port = redis_server.port
    with pytest.raises(servers.ServerError, match="in use"):
        server.start()


def test_an_nginx_does_not_take_another_one_on_its_port_for_itself(tmp_path, site, monkeypatch):
    monkeypatch.setattr(servers, "free_port", lambda _host: site.port)
    server = servers.NginxServer(tmp_path, tmp_path, site.host)
    with pytest.raises(servers.ServerError, match="in use"):
        server.start()


class Mute(servers.Server):
    """A program that runs and never answers."""

    def _command(self):
        return ["tail", "-f", "/dev/null"]

    def _answers(self):
        return False


def test_a_server_that_does_not_answer_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "START_SECONDS", 0.1)
    server = Mute(tmp_path)
    with pytest.raises(servers.ServerError, match="Mute does not answer"):
        server.start()
    assert not exists(server.pid)


def test_a_missing_program_is_named_together_with_what_brings_it():
    with pytest.raises(servers.ServerError, match="no-such-server is not installed; `make test`"):
        servers.find_program("no-such-server")


def test_a_server_deaf_to_sigterm_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "STOP_SECONDS", 0.1)
    server = servers.RedisServer(tmp_path, "redis-server", {})
    with server:
        os.kill(server.pid, signal.SIGSTOP)
    assert not exists(server.pid)


STARTS_ALL_AND_WAITS = """
import sys
from pathlib import Path
from testing import servers
with (
    servers.redis_server() as one,
    servers.mariadb_server() as two,
    servers.nginx_server(Path.cwd()) as three,
):
    print(one.pid, two.pid, three.pid, one.directory, two.directory, three.directory, flush=True)
    sys.stdin.read()
"""


def test_servers_die_with_the_process_that_started_them(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_ALL_AND_WAITS],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        pids = [int(pid) for pid in starter.stdout.readline().split()[:3]]
        assert [exists(pid) for pid in pids] == [True, True, True]
        starter.kill()
    wait_until_gone(pids)


def wait_until_gone(pids):
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)  # the kernel tells only a parent


def alive(pid):
    """Tells a running process from one that only waits for its new parent to notice its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_every_server_listens_on_loopback_alone(redis_server, shared_mariadb, site):
    for server in (redis_server, shared_mariadb, site):
        assert addresses_listened_on(server.pid) == {"0100007F"}


def test_mariadb_keeps_its_data_over_a_kill_and_is_gone_after_its_block():
    with servers.mariadb_server() as server:
        url = server.database()
        execute(url, "CREATE TABLE things (name VARCHAR(10))")
        execute(url, "INSERT INTO things VALUES ('💡')")
        server.kill()
        with pytest.raises(OperationalError):
            execute(url, "SELECT 1")
        server.start()
        assert execute(url, "SELECT name FROM things") == [("💡",)]
    assert not exists(server.pid)
    assert not server.directory.exists()


def test_a_database_of_mariadb_is_empty_strict_and_closed_to_the_users_of_others(shared_mariadb):
    mine, other = shared_mariadb.database(), shared_mariadb.database()
    execute(other, "CREATE TABLE secrets (id INT)")
    assert execute(mine, "SHOW TABLES") == []
    assert execute(mine, "SELECT @@character_set_database") == [("utf8mb4",)]
    with pytest.raises(OperationalError, match="denied"):
        execute(mine.rpartition("/")[0] + "/" + other.rpartition("/")[2], "SELECT 1")
    execute(mine, "CREATE TABLE things (name VARCHAR(2))")
    with pytest.raises(DataError, match="too long"):
        execute(mine, "INSERT INTO things VALUES ('long')")


@pytest.mark.parametrize("turn", [1, 2])
def test_the_redis_of_each_test_begins_empty(redis_url, turn):
    assert ask(redis_url, "DBSIZE") == 0
    ask(redis_url, "SET", "left", "behind")


def test_nginx_remembers_what_a_client_really_asked_for(site):
    earliest = time.time() - 1
    fetch(site.url + "other.html?a=1&b=%22'")
    (request,) = site.requests()
    assert (request.method, request.uri, request.status) == ("GET", "/other.html?a=1&b=%22'", 200)
    assert request.content_type == "text/html"
    assert request.host == f"127.0.0.1:{site.port}"
    assert request.user_agent.startswith("Python-urllib/")
    assert earliest < request.began <= request.ended
    site.forget()
    assert site.requests() == []


def test_the_record_of_requests_is_complete_at_once_and_outlives_the_server(site):
    for number in range(50):
        fetch(f"{site.url}?{number}")
        assert len(site.requests()) == number + 1
    site.stop()
    site.start()
    assert [request.uri for request in site.requests()] == [f"/?{number}" for number in range(50)]


def test_a_request_that_is_no_text_is_remembered_too(site):
    with socket.create_connection((site.host, site.port)) as client:
        client.sendall(b'GET /\xff\xe2\x80\xa8" HTTP/1.0\r\nUser-Agent: a\\b\x01"\r\n\r\n')
        assert client.recv(100).startswith(b"HTTP/1.1 404")
    (request,) = site.requests()
    assert request.uri == '/\udcff\u2028"'
    assert request.user_agent == 'a\\b\x01"'


def test_nginx_serves_on_another_address_of_loopback(tmp_path, nginx):
    (tmp_path / "index.html").write_text("hello")
    assert fetch(nginx(tmp_path, host="127.0.0.2").url) == b"hello"


def test_wget_finds_the_linked_pages_and_is_asked_once(site):
    fetch(Request(site.url + "unlinked.html", headers={"User-Agent": "Wget/1"}))
    expected = {site.url + "index.html", site.url + "other.html"}
    assert wget_html_urls(site) == expected
    site.forget()
    assert wget_html_urls(site) == expected
    assert site.requests() == []


def test_wget_finds_the_pages_of_postgresqls_manual(docs_site):
    root = ROOT / ".cache/docs/postgresql"
    pages = {docs_site.url + path.relative_to(root).as_posix() for path in root.rglob("*.html")}
    found = wget_html_urls(docs_site)
    assert len(found) > 1000
    assert found <= pages
    assert len(found) > 0.9 * len(pages)


@pytest.mark.parametrize("turn", [1, 2])
def test_the_record_of_a_manual_begins_empty_in_each_test(docs_site, sphinx_site, turn):
    for site in (docs_site, sphinx_site):
        assert site.requests() == []
        fetch(site.url)


def test_wget_finds_the_pages_of_scrapys_manual(sphinx_site):
    assert len(wget_html_urls(sphinx_site)) > 100


@pytest.fixture(name="standin")
def script_in_place_of_scrapy(tmp_path, project):
    """Runs a script where Scrapy's command would run, to see how it is started and ended."""
    project.warm = False
    project.env |= {"REDIS_URL": None, "PYTHONPATH": str(tmp_path)}
    return (tmp_path / "scrapy.py").write_text


def test_a_command_sees_the_tests_own_data_and_redis_and_nothing_inherited(
    project, standin, redis_url, monkeypatch
):
    standin("import json, os; print(json.dumps(dict(os.environ)))")
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/inherited.db")
    monkeypatch.setenv("SCRAPY_LOG_LEVEL", "inherited")
    del project.env["REDIS_URL"]
    seen = json.loads(project.run().stdout)
    assert (seen["DATA_DIR"], seen["REDIS_URL"]) == (str(project.data_dir), redis_url)
    assert not {"DATABASE_URL", "SCRAPY_LOG_LEVEL"} & set(seen)
    seen = json.loads(project.run(env={"REDIS_URL": None, "DATABASE_URL": "mine"}).stdout)
    assert "REDIS_URL" not in seen
    assert seen["DATABASE_URL"] == "mine"


def test_a_command_runs_in_the_project(project):
    assert project.run("settings", "--get", "DATA_DIR").stdout.strip() == str(project.data_dir)


def test_a_command_that_fails_fails_the_test_with_what_it_said(project):
    project.env["REDIS_URL"] = None
    with pytest.raises(pytest.fail.Exception, match=r"scrapy no-such-command ended with \d"):
        project.run("no-such-command")
    assert project.run("no-such-command", check=False).returncode != 0


WAITS = """
import subprocess
child = subprocess.Popen(["sleep", "100"])
print(child.pid, flush=True)
child.wait()
"""


def test_a_command_that_runs_too_long_is_ended_with_its_children(project, standin):
    standin(WAITS)
    with pytest.raises(pytest.fail.Exception, match=r"was ended after 1 s:\n\d+") as failed:
        project.run(timeout=1, check=False)
    wait_until_gone([int(str(failed.value).splitlines()[1])])


@pytest.fixture(name="end_with_the_project")
def pids_that_end_with_the_project():
    pids = []
    yield pids
    wait_until_gone(pids)


def test_a_started_command_ends_with_its_test_and_so_do_its_children(end_with_the_project, project, standin):
    standin(WAITS)
    process = project.start()
    end_with_the_project += [process.pid, int(process.stdout.readline())]


@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
def test_the_projects_rows_come_from_the_database_it_writes_to(project, request, database):
    project.data_dir.mkdir()
    if database == "mariadb":
        project.env["DATABASE_URL"] = request.getfixturevalue("mariadb_url")
    execute(project.database_url, "CREATE TABLE things (name VARCHAR(10), seen DATETIME)")
    execute(project.database_url, "INSERT INTO things VALUES ('a', '2026-01-02 03:04:05')")
    assert project.rows("things") == [{"name": "a", "seen": datetime(2026, 1, 2, 3, 4, 5)}]  # noqa: DTZ001 -- UTC, naive, as the tables hold it


def test_the_demo_site_answers(demo_site):
    assert b"<html" in fetch(demo_site + "/").lower()
