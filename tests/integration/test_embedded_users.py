"""Everybody on the machine may push and count seeds on an embedded server; the project may do all else."""

import os
import subprocess
from contextlib import contextmanager

import filelock
import pytest
import redis

from scraping_project.embedded import RedisUnavailable, resolve, stop
from scraping_project.embedded.client import connect
from scraping_project.embedded.paths import Place, binary
from scraping_project.embedded.users import OWN
from scraping_project.frontier.connection import connect as connect_frontier
from testing.servers import find_program, redis_server
from tests.support.embedded_servers import (
    client_of,
    embedded_processes,
    eventually,
    read,
    servers,
    supervisors,
    write,
)

NOBODY = 65534

#: What the project itself wrote before the server had users.
OLDER_CONF = """
bind 127.0.0.1
protected-mode yes
port 0
unixsocket {socket}
unixsocketperm 700
dir {dir}
appendonly yes
maxmemory-policy noeviction
"""


@pytest.fixture(name="server")
def running_server(data_dir, port):
    return resolve(None, data_dir, port=port)


def stranger(*words, stdin=None):
    """What redis-cli says to another user of the machine, or without a login where tests may be no other."""
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    done = subprocess.run(
        [find_program("redis-cli"), *map(str, words)],
        input=stdin, capture_output=True, text=True, check=False, cwd="/", **other,
    )  # fmt: skip
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("lpush", "links:start_urls", "http://a/"), "1"),
        (("-3", "rpush", "links:start_urls", "http://a/"), "1"),
        (("sadd", "links:start_urls", "http://a/"), "1"),
        (("zadd", "links:start_urls", "5", "http://a/"), "1"),
        (("llen", "links:start_urls"), "0"),
        (("lrange", "links:start_urls", "0", "-1"), ""),
        (("scard", "links:start_urls"), "0"),
        (("zcard", "other.name:start_urls"), "0"),
        (("ping",), "PONG"),
    ],
)
def test_everybody_pushes_and_counts_seeds_without_a_login(server, port, words, answer):
    assert stranger("-p", port, *words) == answer


def test_redis_cli_serves_everybody_as_it_stands_in_the_docs_and_line_by_line(server, port):
    lines = "lpush links:start_urls http://a/\nllen links:start_urls\ncommand docs lpush\n"

    said = stranger("-p", port, stdin=lines)

    assert said.splitlines()[:2] == ["1", "1"]
    assert "NOPERM" not in said


def test_a_client_library_with_its_own_defaults_pushes_many_at_once(server, port):
    with redis.Redis(port=port, client_name="mine") as client, client.pipeline() as many:
        many.lpush("links:start_urls", "http://a/").lpush("links:start_urls", "http://b/")
        assert many.execute() == [1, 2]


DENIED = [
    "set links:start_urls x", "get links:start_urls", "set other x", "flushall", "flushdb", "keys *",
    "del links:start_urls", "unlink links:start_urls", "rename links:start_urls x:start_urls",
    "expire links:start_urls 1", "lpop links:start_urls",
    "lmove links:start_urls x:start_urls left left", "ltrim links:start_urls 1 0", "scan 0",
    "spop links:start_urls", "zrange links:start_urls 0 -1", "sort links:start_urls", "dump links:start_urls",
    "lpush other x", "lpush {links:start_urls}:crawl x", "sadd {links:start_urls}:1:seen x",
    "zadd {links:start_urls}:1:queue:0:x:start_urls 1 x", "replicaof no one", "replicaof 127.0.0.1 1",
    "config set requirepass x", "config get dir", "config rewrite", "eval redis.call('FLUSHALL') 0",
    "evalsha x 0", "script flush", "function flush", "fcall x 0", "acl list", "acl setuser default on +@all",
    "client list", "client kill type normal", "client pause 1000", "client no-evict on", "info", "monitor",
    "slowlog get", "shutdown nosave", "save", "bgrewriteaof", "module list", "select 1",
    "swapdb 0 1", "subscribe x", "publish x y", "latency latest", "memory stats",
    "smembers links:start_urls", "object freq links:start_urls",
    "wait 0 0", "failover", "cluster nodes", "restore x:start_urls 0 x", "migrate 127.0.0.1 1 x 0 1",
]  # fmt: skip


def test_nobody_without_a_login_may_do_anything_else(server, port):
    with client_of(server) as own:
        own.lpush("links:start_urls", "http://a/")
    write(server, "kept")

    said = {line: stranger("-p", port, *line.split()) for line in DENIED}

    assert {line: answer for line, answer in said.items() if not answer.startswith("NOPERM")} == {}
    with client_of(server) as own:
        assert (own.get("written"), own.lrange("links:start_urls", 0, -1)) == ("kept", ["http://a/"])


def test_a_transaction_is_no_way_around(server, port):
    said = stranger("-p", port, stdin="multi\nset written x\nexec\n")

    assert "NOPERM" in said
    assert read(server) is None


def test_the_project_is_known_by_its_own_name_on_the_socket_and_on_the_port(server, port):
    for url in (server.url, f"redis://127.0.0.1:{port}"):
        with connect(url, 5, server.credentials) as client:
            assert client.acl_whoami() == OWN
        with connect_frontier(url, server.credentials) as client:
            assert client.acl_whoami() == OWN


def test_the_password_lies_in_one_file_of_its_owner_and_is_said_nowhere_else(base, data_dir, server):
    write(server, "logged in")
    place = Place.of(data_dir)
    password = place.password.path.read_text()
    processes = embedded_processes(base)

    assert place.password.path.stat().st_mode & 0o777 == 0o600
    assert len(password) == 64
    listed = [" ".join(process.cmdline()) + repr(process.environ()) for process in processes]
    files = [path for path in data_dir.rglob("*") if path.is_file() and path != place.password.path]
    written = [path.read_text("latin-1") for path in files]
    assert len(processes) == 2
    assert [text for text in [repr(server), *listed, *written] if password in text] == []


def test_no_command_says_the_password(project, demo_site):
    env = {"REDIS_URL": "embedded"}
    command = ("crawl", "links", "-a", f"start_urls={demo_site}/", "-s", "DOWNLOAD_DELAY=0", "-L", "DEBUG")
    try:
        done = project.run(*command, env=env)
        shown = project.run("doctor", env=env, check=False)
        password = Place.of(project.data_dir).password.path.read_text()
    finally:
        stop(project.data_dir)

    said = [done.stdout, done.stderr, shown.stdout, shown.stderr]
    assert "finished: " in done.stdout
    assert "embedded Valkey" in shown.stdout
    assert [text for text in said if password in text] == []


def test_a_server_that_comes_back_takes_the_same_password(base, data_dir, port, server):
    password = Place.of(data_dir).password.path.read_text()
    (killed,) = servers(base)
    killed.kill()
    eventually(lambda: [process.pid for process in servers(base)] not in ([], [killed.pid]))

    write(resolve(None, data_dir, port=port), "kept")
    stop(data_dir)

    assert read(resolve(None, data_dir, port=port)) == "kept"
    assert Place.of(data_dir).password.path.read_text() == password


def test_a_password_that_was_changed_under_a_running_server_is_told_in_one_line(data_dir, port, server):
    path = Place.of(data_dir).password.path
    kept = path.read_text()
    path.write_text("another")

    with pytest.raises(RedisUnavailable) as refused:
        resolve(None, data_dir, port=port)
    path.write_text(kept)

    assert str(refused.value) == (
        f"the embedded Valkey does not take the password in {path}, which has changed since it started: "
        f"end the valkey-server at {path.parent}/valkey.sock, or set REDIS_URL"
    )


@contextmanager
def older_server(data_dir):
    """A server as earlier versions of this project have started it: everybody may do everything."""
    place = Place.of(data_dir)
    place.prepare()
    place.conf.write_text(OLDER_CONF.format(socket=place.socket, dir=place.dir))
    with subprocess.Popen(
        [binary(), place.conf], cwd=place.dir, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as running:
        try:
            eventually(place.socket.exists)
            yield running
        finally:
            running.kill()


@contextmanager
def supervised_by_an_older_version(place):
    with filelock.FileLock(place.supervision, is_singleton=False):
        yield


@contextmanager
def supervised_by_nobody(_):
    yield


@pytest.mark.parametrize("supervised", [supervised_by_an_older_version, supervised_by_nobody])
def test_an_older_versions_server_that_still_runs_is_used_and_stays_open_to_its_clients(
    base, data_dir, port, supervised
):
    # Given a server that an older version has started, with a client of that version
    with (
        older_server(data_dir) as older,
        supervised(Place.of(data_dir)),
        connect(Place.of(data_dir).url, 5) as its_client,
    ):
        its_client.set("written", "before")

        # When this version looks for its server
        server = resolve(None, data_dir, port=port)

        # Then it is that one, known to be open, and both go on
        assert [process.pid for process in servers(base)] == [older.pid]
        assert server.note.endswith("open to every user of this machine: an older version has started it")
        assert read(server) == "before"
        with client_of(server) as client:
            assert client.acl_whoami() == OWN
        assert its_client.set("written", "after")
        assert resolve(None, data_dir, port=port) == server


def test_an_older_versions_server_is_closed_by_its_next_start(base, data_dir, port):
    with older_server(data_dir):
        write(resolve(None, data_dir, port=port), "kept")
        stop(data_dir)

    server = resolve(None, data_dir, port=port)

    assert read(server) == "kept"
    assert server.note.endswith(f"port {port}")
    assert stranger("-p", port, "get", "written").startswith("NOPERM")


def test_an_older_versions_server_can_be_stopped(base, data_dir):
    with older_server(data_dir) as older:
        stop(data_dir)
        assert older.wait(30) == 0
    assert supervisors(base) == []


def test_the_projects_own_port_is_its_own_server_however_it_is_named(base, data_dir, port, server):
    write(server, "written")

    for url in (f"redis://127.0.0.1:{port}/0", f"redis://localhost:{port}", server.url):
        named = resolve(url, data_dir)
        assert (named.origin, named.credentials) == ("configured", server.credentials)
        assert read(named) == "written"
        assert resolve(named.url, data_dir) == named
    assert len(servers(base)) == 1


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:{port}/2", "redis://127.0.0.1:{port}?db=2", "{socket}?db=2"]
)
def test_the_database_that_is_named_is_kept(data_dir, port, server, url):
    named = resolve(url.format(port=port, socket=server.url), data_dir)
    write(named, "in the other one")

    assert read(server) is None
    assert read(resolve(named.url, data_dir)) == "in the other one"


def test_another_projects_embedded_server_is_used_by_its_socket(base, data_dir, port):
    other = resolve(None, base / "other", port=port)
    write(other, "shared")

    assert read(resolve(other.url, data_dir)) == "shared"
    assert not data_dir.exists()


def test_another_projects_embedded_server_is_told_by_its_port_and_what_to_set(base, data_dir, port):
    resolve(None, base / "other", port=port)

    with pytest.raises(RedisUnavailable) as refused:
        resolve(f"redis://127.0.0.1:{port}/0", data_dir)

    assert str(refused.value) == (
        f"the Redis at redis://127.0.0.1:{port}/0 is another project's embedded Valkey: "
        "set REDIS_URL to unix:///ITS_DATA_DIR/valkey/valkey.sock"
    )


def test_a_valkey_at_a_socket_like_that_of_an_embedded_one_is_none_for_that(base, data_dir):
    folder = base / "run/valkey"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    with redis_server(unixsocket=folder / "valkey.sock"):
        named = resolve(f"unix://{folder}/valkey.sock", data_dir)
        assert (named.origin, named.credentials) == ("configured", None)
        write(named, "logged in as anybody")
    assert folder.stat().st_mode & 0o777 == 0o755


def test_a_login_that_is_named_is_used_as_it_stands(data_dir, port, server):
    with client_of(server) as own:
        own.execute_command("ACL", "SETUSER", "mine", "on", ">word", "~*", "+@all")

    named = resolve(f"redis://mine:word@127.0.0.1:{port}/0", data_dir)

    assert named.credentials is None
    with connect(named.url, 5) as client:
        assert client.acl_whoami() == "mine"


@contextmanager
def restricted(*rules):
    """A Redis that lets whoever has no login do little."""
    with redis_server() as server:
        with connect(server.url, 5) as client:
            client.execute_command("ACL", "SETUSER", "default", "reset", "on", "nopass", *rules)
        yield server


@pytest.mark.parametrize("rules", [("+ping",), ("+ping", "+info"), ()])
def test_a_redis_that_lets_strangers_do_too_little_is_left_alone_and_named(base, data_dir, rules):
    with restricted(*rules) as neighbour:
        found = resolve(None, data_dir, port=neighbour.port)
        assert found.origin == "embedded"
        assert f"the Redis on port {neighbour.port} asks for a password" in found.note
        with pytest.raises(RedisUnavailable, match=r"redis://USER:PASSWORD@") as refused:
            resolve(f"redis://127.0.0.1:{neighbour.port}", data_dir)
    assert "\n" not in str(refused.value)


def test_a_redis_that_only_hides_its_info_is_used(base, data_dir):
    with restricted("~*", "+@all", "-info") as neighbour:
        assert resolve(None, data_dir, port=neighbour.port).origin == "found"
