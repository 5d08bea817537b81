import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from itertools import count
from pathlib import Path

import filelock
import psutil
import pytest
import redis

import scraping_project
from scraping_project.embedded import RedisUnavailable, resolve, stop
from scraping_project.embedded.client import connect
from scraping_project.embedded.paths import Place
from scraping_project.embedded.server import _environment, claim_port
from scraping_project.embedded.supervisor import Supervisor
from testing.servers import free_port, redis_binaries, redis_server
from testing.tcp_proxy import Way, tcp_proxy
from tests.support.embedded_servers import (
    client_of,
    embedded_processes,
    eventually,
    read,
    servers,
    supervisors,
    write,
)

PASSWORD = "s3cret"

RESOLVE = """
import sys
from pathlib import Path
from scraping_project.embedded import resolve
print(resolve(None, Path(sys.argv[1]), port=int(sys.argv[2])).url, flush=True)
"""


def command(data_dir, port):
    return [sys.executable, "-W", "error", "-c", RESOLVE, str(data_dir), str(port)]


def module(data_dir, port):
    return [sys.executable, "-m", "scraping_project.embedded", str(data_dir), str(port), "60"]


def test_twenty_processes_at_once_start_one_server(base, data_dir, port):
    starters = [
        subprocess.Popen(command(data_dir, port), stdout=subprocess.PIPE, text=True) for _ in range(20)
    ]
    answers = [starter.communicate()[0] for starter in starters]

    assert answers == [f"{Place.of(data_dir).url}\n"] * 20
    assert len(servers(base)) == 1
    assert len(supervisors(base)) == 1
    assert (data_dir / "valkey/valkey.log").read_text().count("Ready to accept connections") == 1


def test_the_server_outlives_the_process_group_of_whoever_started_it(base, data_dir, port):
    script = RESOLVE + "sys.stdin.read()"
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(data_dir), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with starter:
        assert starter.stdout.readline().strip() == Place.of(data_dir).url
        os.killpg(starter.pid, signal.SIGKILL)

    (running,) = servers(base)
    write(resolve(None, data_dir, port=port), "after the kill")
    assert servers(base) == [running]


def test_neither_server_nor_supervisor_inherits_descriptors_or_stays_a_child(base, data_dir, port):
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    resolve("embedded", data_dir, port=port)
    os.close(write_end)

    assert os.read(read_end, 1) == b""
    os.close(read_end)
    embedded = embedded_processes(base)
    assert len(embedded) == 2
    assert not set(embedded) & set(psutil.Process().children())


def test_the_server_keeps_to_loopback_to_its_owner_and_to_its_data(base, data_dir, port):
    (data_dir / "valkey").mkdir(mode=0o755, parents=True)
    server = resolve(None, data_dir, port=port)

    with client_of(server) as client:
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
        assert client.config_get("protected-mode") == {"protected-mode": "yes"}
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("save") == {"save": ""}
    socket = Place.of(data_dir).socket
    assert socket.stat().st_mode & 0o777 == 0o700
    assert socket.parent.stat().st_mode & 0o777 == 0o700


def test_with_nothing_on_the_port_the_embedded_server_takes_it_and_is_found_again(base, data_dir, port):
    first = resolve(None, data_dir, port=port)
    with connect(f"redis://127.0.0.1:{port}", 5, first.credentials) as client:
        client.set("written", "through the port")

    assert first == resolve("", data_dir, port=port)
    assert first.origin == "embedded"
    assert first.port == port
    assert first.note == f"Redis: embedded Valkey in {data_dir}/valkey, port {port}"
    assert read(first) == "through the port"
    assert len(servers(base)) == 1


def test_the_note_names_the_directory_as_seen_from_here(base, data_dir, port, monkeypatch):
    monkeypatch.chdir(base)

    assert (
        resolve(None, Path("data"), port=port).note == f"Redis: embedded Valkey in data/valkey, port {port}"
    )


def test_a_second_data_directory_gets_a_server_of_its_own_on_a_socket_only(base, data_dir, port):
    first = resolve(None, data_dir, port=port)
    second = resolve(None, base / "other", port=port)
    write(first, "first")
    write(second, "second")

    assert second.origin == "embedded"
    assert second.port is None
    assert second.note.endswith(f"other/valkey, unix socket only, because port {port} is taken")
    assert (read(first), read(second)) == ("first", "second")


def test_a_lost_answer_about_its_port_is_asked_for_again(base, data_dir, port, monkeypatch):
    failures = [redis.ConnectionError("Connection closed by server.")]

    def claim(client, port):
        if failures:
            raise failures.pop()
        return claim_port(client, port)

    monkeypatch.setattr("scraping_project.embedded.server.claim_port", claim)

    assert resolve(None, data_dir, port=port).port == port


def test_a_port_that_became_free_is_taken_by_the_running_server(base, data_dir, port):
    resolve(None, base / "other", port=port)
    assert resolve(None, data_dir, port=port).port is None
    stop(base / "other")

    assert resolve(None, data_dir, port=port).port == port


def test_a_redis_on_the_port_is_used(base, data_dir):
    with redis_server() as neighbour:
        server = resolve(None, data_dir, port=neighbour.port)

        assert server.origin == "found"
        assert server.port == neighbour.port
        assert server.url == f"redis://127.0.0.1:{neighbour.port}/0"
        assert server.note == f"Redis: found at 127.0.0.1:{neighbour.port} (set REDIS_URL to choose another)"
    assert not data_dir.exists()


@pytest.mark.parametrize("way", Way)
def test_a_redis_on_the_port_is_found_though_one_request_or_reply_was_lost(base, data_dir, way):
    with redis_server() as neighbour:
        for number in count(1):
            with tcp_proxy(neighbour.host, neighbour.port) as proxy:
                proxy.cut_at = way, number
                assert resolve(None, data_dir, port=proxy.port).origin == "found"
                if proxy.passed[way] < number:
                    break
    assert number > 2


@pytest.mark.parametrize("way", Way)
def test_anothers_embedded_server_is_told_from_a_redis_though_one_was_lost(base, data_dir, port, way):
    resolve(None, base / "other", port=port)
    for number in count(1):
        with tcp_proxy("127.0.0.1", port) as proxy:
            proxy.cut_at = way, number
            assert resolve(None, data_dir, port=proxy.port).origin == "embedded"
            if proxy.passed[way] < number:
                break
    assert number > 2


def test_a_valkey_that_is_configured_as_debian_does_it_is_nobodys_embedded_server(base, data_dir):
    conf = base / "etc/valkey/valkey.conf"
    conf.parent.mkdir(parents=True)
    port = free_port()
    conf.write_text(f"port {port}\nbind 127.0.0.1\nsave ''\ndir {base}\n")
    with subprocess.Popen(["redis-server", conf], stdout=subprocess.DEVNULL) as neighbour:
        try:
            resolve(f"redis://127.0.0.1:{port}", data_dir)
            assert resolve(None, data_dir, port=port).origin == "found"
        finally:
            neighbour.kill()


def test_a_valkey_of_the_same_wheel_that_is_not_embedded_is_used(base, data_dir):
    with redis_server(redis_binaries()["valkey-9"]) as neighbour:
        assert resolve(None, data_dir, port=neighbour.port).origin == "found"


def test_a_redis_that_asks_for_a_password_is_left_alone_and_named(base, data_dir):
    with redis_server(requirepass=PASSWORD) as neighbour:
        server = resolve(None, data_dir, port=neighbour.port)

        assert server.origin == "embedded"
        assert server.port is None
        assert f"the Redis on port {neighbour.port} asks for a password" in server.note


def test_the_word_embedded_passes_by_a_redis_on_the_port(base, data_dir):
    with redis_server() as neighbour:
        assert resolve("embedded", data_dir, port=neighbour.port).origin == "embedded"


def test_a_redis_that_was_named_is_used_with_its_password_unshown(base, data_dir):
    with redis_server(requirepass=PASSWORD) as named:
        url = f"redis://:{PASSWORD}@127.0.0.1:{named.port}/2"
        server = resolve(url, data_dir)

    assert (server.url, server.origin, server.port) == (url, "configured", named.port)
    assert server.note == f"Redis: redis://127.0.0.1:{named.port}/2, from REDIS_URL"


@pytest.mark.parametrize("credentials", ["", ":wr0ng@", "nobody:wr0ng@"])
def test_a_password_that_is_refused_is_told_in_one_line(base, data_dir, credentials):
    with (
        redis_server(requirepass=PASSWORD) as named,
        pytest.raises(RedisUnavailable, match="refuses") as refused,
    ):
        resolve(f"redis://{credentials}127.0.0.1:{named.port}", data_dir, patience=3600)

    assert "wr0ng" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_named_redis_that_is_away_is_told_in_one_line_and_nothing_is_started(base, data_dir, port):
    with pytest.raises(RedisUnavailable) as away:
        resolve(f"redis://:{PASSWORD}@127.0.0.1:{port}", data_dir, patience=0.1)

    assert str(away.value) == (
        f"no Redis answers at redis://127.0.0.1:{port}/0 (connection refused): "
        "start it, or unset REDIS_URL to use the embedded one"
    )
    assert not data_dir.exists()


def test_a_named_redis_that_is_just_being_started_is_waited_for(base, data_dir):
    with redis_server() as named:
        named.stop()
        waiting = subprocess.Popen(
            [sys.executable, "-c", "import sys\n" + NAMED, named.url, str(data_dir)],
            stdout=subprocess.PIPE,
            text=True,
        )
        with waiting:
            assert waiting.stdout.readline() == "looking\n"
            named.start()
            assert waiting.stdout.readline() == "configured\n"


NAMED = """
from pathlib import Path
from scraping_project.embedded import resolve
print("looking", flush=True)
print(resolve(sys.argv[1], Path(sys.argv[2]), patience=60).origin, flush=True)
"""


def test_a_named_redis_that_does_not_say_a_word_is_given_up(base, data_dir):
    with redis_server() as named:
        psutil.Process(named.pid).suspend()
        for url in (named.url, f"{named.url}?socket_timeout=9999"):
            with pytest.raises(RedisUnavailable, match=r"\(no answer in time\)"):
                resolve(url, data_dir, patience=0.1)
        psutil.Process(named.pid).resume()


def test_a_redis_that_loads_its_data_is_waited_for_and_never_passed_by(base, data_dir):
    with redis_server() as neighbour:
        with connect(neighbour.url, timeout=30) as client:
            client.eval("for i = 1, 20000 do redis.call('SET', 'key' .. i, i) end", 0)
        neighbour.stop()
        slowly = [*neighbour._command(), "--key-load-delay", "200"]
        with subprocess.Popen(slowly, stdout=subprocess.DEVNULL) as loading:
            try:
                eventually(lambda: "loading its data" in failure(neighbour.url, data_dir))
                with pytest.raises(RedisUnavailable, match="is loading its data: wait"):
                    resolve(None, data_dir, port=neighbour.port, patience=0.1)
                assert resolve(None, data_dir, port=neighbour.port, patience=60).origin == "found"
            finally:
                loading.kill()


def failure(url, data_dir):
    with pytest.raises(RedisUnavailable) as refused:
        resolve(url, data_dir, patience=0.4)
    return str(refused.value)


def test_without_clients_the_server_leaves_and_comes_back_with_its_data(base, data_dir, port):
    server = resolve(None, data_dir, port=port, linger=1)
    write(server, "kept")
    eventually(lambda: not embedded_processes(base))

    assert not Place.of(data_dir).socket.exists()
    assert read(resolve(None, data_dir, port=port)) == "kept"


def test_a_client_that_does_nothing_keeps_the_server(base, data_dir, port):
    server = resolve(None, data_dir, port=port, linger=5)
    with client_of(server) as client, client.client() as connected:
        connected.ping()
        before = connected.info("server")["uptime_in_seconds"]
        eventually(lambda: connected.info("server")["uptime_in_seconds"] >= before + 7)
    eventually(lambda: not embedded_processes(base))


def test_short_visits_keep_the_server(base, data_dir, port):
    server = resolve(None, data_dir, port=port, linger=5)
    (pid,) = (process.pid for process in servers(base))
    for _ in range(70):
        write(server, "a visit")
        time.sleep(0.1)

    assert [process.pid for process in servers(base)] == [pid]


def test_the_server_does_not_leave_while_somebody_looks_for_it(base, data_dir, port):
    server = resolve(None, data_dir, port=port, linger=5)
    with client_of(server) as client:
        client.ping()
        looking = Place.of(data_dir).starting(timeout=30).acquire()
    with looking.lock:
        time.sleep(7)
        write(server, "answered")

    looking.lock.release(force=True)
    eventually(lambda: not embedded_processes(base))


def test_a_visit_at_the_last_moment_keeps_the_server(base, data_dir, port):
    server = resolve(None, data_dir, port=port)
    supervisors(base)[0].kill()
    eventually(lambda: not supervisors(base))
    supervisor = Supervisor(Place.of(data_dir), port, 60)
    supervisor._count_visitors()
    write(server, "kept")

    assert not supervisor._leave()
    assert read(server) == "kept"
    assert not supervisor._leave()
    assert supervisor._leave()
    eventually(lambda: not servers(base))
    os.close(supervisor._anchor)
    supervisor._client.close()


def test_a_server_too_busy_to_answer_counts_as_visited(base, data_dir, port, monkeypatch):
    monkeypatch.setattr("scraping_project.embedded.server.TIMEOUT", 0.3)
    resolve(None, data_dir, port=port)
    supervisor = Supervisor(Place.of(data_dir), port, 0.1)
    servers(base)[0].suspend()

    assert supervisor._is_visited()
    servers(base)[0].resume()
    os.close(supervisor._anchor)
    supervisor._client.close()


def test_a_supervisor_lives_through_the_death_of_whoever_waits_for_its_word(base, data_dir, port):
    place = Place.of(data_dir)
    place.prepare()
    place.password.make()
    with subprocess.Popen(
        module(data_dir, port), stdout=subprocess.PIPE, cwd=place.dir, env=_environment()
    ) as starter:
        starter.stdout.close()
    with connect(place.url, 5, place.password) as client:
        eventually(place.socket.exists)
        eventually(lambda: any(entry["cmd"] == "wait" for entry in client.client_list()))


def test_a_start_that_lasts_is_no_failure_once_its_supervisor_reports(base, data_dir, port, monkeypatch):
    monkeypatch.setattr("scraping_project.embedded.server.PATIENCE", 0.03)

    assert read(resolve(None, data_dir, port=port)) is None


def test_a_server_with_much_to_load_is_waited_for(base, data_dir, port):
    server = resolve(None, data_dir, port=port)
    with client_of(server) as client:
        client.eval("for i = 1, 300000 do redis.call('SET', 'key' .. i, i) end", 0)
    for process in supervisors(base) + servers(base):
        process.kill()

    with client_of(resolve(None, data_dir, port=port)) as client:
        assert client.dbsize() == 300000


def test_a_server_that_was_killed_comes_back_by_itself_with_its_data(base, data_dir, port):
    server = resolve(None, data_dir, port=port)
    write(server, "kept")
    (killed,) = servers(base)
    killed.kill()
    eventually(lambda: [process.pid for process in servers(base)] not in ([], [killed.pid]))

    assert resolve(None, data_dir, port=port) == server
    assert read(server) == "kept"
    assert len(supervisors(base)) == 1


def test_after_the_kill_of_server_and_supervisor_the_next_one_starts_over_the_remains(base, data_dir, port):
    server = resolve(None, data_dir, port=port)
    write(server, "kept")
    for process in supervisors(base) + servers(base):
        process.kill()
    eventually(lambda: not embedded_processes(base))
    assert Place.of(data_dir).socket.exists()

    assert resolve(None, data_dir, port=port) == server
    assert read(server) == "kept"


def test_a_running_server_whose_supervisor_was_killed_gets_another_one(base, data_dir, port):
    server = resolve(None, data_dir, port=port)
    (running,) = servers(base)
    (killed,) = supervisors(base)
    killed.kill()
    eventually(lambda: killed not in supervisors(base))

    assert resolve(None, data_dir, port=port, linger=2) == server
    assert servers(base) == [running]
    assert len(supervisors(base)) == 1
    eventually(lambda: not embedded_processes(base))


def test_a_starter_killed_halfway_does_not_lead_to_a_second_server(base, data_dir, port):
    with subprocess.Popen(command(data_dir, port), stdout=subprocess.DEVNULL) as starter:
        eventually(lambda: embedded_processes(base))
        starter.kill()

    write(resolve(None, data_dir, port=port), "answered")
    eventually(lambda: len(supervisors(base)) == 1)
    assert len(servers(base)) == 1


def test_a_server_that_is_told_to_go_is_not_started_again(base, data_dir, port):
    resolve(None, data_dir, port=port)
    servers(base)[0].terminate()

    eventually(lambda: not embedded_processes(base))


def test_stop_ends_server_and_supervisor_and_may_be_called_twice(base, data_dir, port):
    stop(data_dir)
    assert not data_dir.exists()
    server = resolve(None, data_dir, port=port)
    write(server, "kept")
    stop(data_dir)
    stop(data_dir)
    eventually(lambda: not embedded_processes(base))

    assert read(resolve(None, data_dir, port=port)) == "kept"


def test_stop_does_not_call_it_done_before_the_supervisor_has_left(base, data_dir, port, monkeypatch):
    resolve(None, data_dir, port=port)
    supervisors(base)[0].suspend()
    monkeypatch.setattr("scraping_project.embedded.server.PATIENCE", 0.1)

    with pytest.raises(RedisUnavailable, match=r"is held up \(supervisor.lock stays locked\)"):
        stop(data_dir)


def test_a_deleted_data_directory_takes_its_server_along(base, data_dir, port):
    resolve(None, data_dir, port=port)
    shutil.rmtree(data_dir)

    eventually(lambda: not embedded_processes(base))


def test_a_data_directory_made_anew_is_not_disturbed_by_the_server_of_the_old_one(base, data_dir, port):
    resolve(None, data_dir, port=port)
    old = embedded_processes(base)
    shutil.rmtree(data_dir)
    server = resolve("embedded", data_dir, port=port)
    write(server, "new")
    eventually(lambda: not any(process.is_running() for process in old))

    assert read(server) == "new"


def test_a_path_too_long_for_a_socket_is_served_from_the_temporary_directory(base, port):
    data_dir = base / ("d" * 100)
    server = resolve(None, data_dir, port=port)
    write(server, "kept")
    socket = Place.of(data_dir).socket

    assert socket.is_relative_to(base / "tmp")
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    stop(data_dir)
    assert read(resolve(None, data_dir, port=port)) == "kept"


def test_a_path_with_special_characters_is_served(base, port):
    data_dir = base / "a 'b' \"c\" é#%41"
    server = resolve(None, data_dir, port=port)
    write(server, "kept")
    stop(data_dir)

    assert read(resolve(None, data_dir, port=port)) == "kept"


def test_a_server_that_cannot_start_is_told_in_one_line_that_names_the_log(base, data_dir, port):
    (data_dir / "valkey").mkdir(parents=True)
    (data_dir / "valkey/appendonlydir").write_text("not a directory")

    with pytest.raises(RedisUnavailable) as failure:
        resolve(None, data_dir, port=port)

    assert str(failure.value) == (
        f"the embedded Valkey did not start: see {data_dir}/valkey/valkey.log, or set REDIS_URL"
    )
    assert "the server ended while starting, with 1" in (data_dir / "valkey/valkey.log").read_text()
    eventually(lambda: not embedded_processes(base))


def test_a_data_directory_that_cannot_be_made_is_told_in_one_line(base, port):
    (base / "file").write_text("not a directory")

    with pytest.raises(RedisUnavailable, match=r"cannot be used \(not a directory\)"):
        resolve(None, base / "file/data", port=port)


def test_a_second_supervisor_leaves_at_once(base, data_dir, port):
    resolve(None, data_dir, port=port)
    (first,) = supervisors(base)
    second = subprocess.run(module(data_dir, port), capture_output=True, check=True, text=True)

    assert second.stdout == ""
    assert "another supervisor was quicker" in second.stderr
    assert supervisors(base) == [first]


def test_from_a_zipped_egg_the_server_starts_and_outlives_the_egg(base, data_dir, port):
    egg = base / "project.egg"
    package = Path(scraping_project.__file__).parent
    with zipfile.ZipFile(egg, "w") as archive:
        archive.write(package / "__init__.py", "scraping_project/__init__.py")
        for file in (package / "embedded").glob("*.py"):
            archive.write(file, f"scraping_project/embedded/{file.name}")
    script = f"import sys; sys.path.insert(0, 'project.egg')\n{RESOLVE}assert 'scrapy' not in sys.modules"
    subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", script, str(data_dir), str(port)],
        cwd=base,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (supervisor,) = supervisors(base)
    assert supervisor.environ()["PYTHONPATH"].split(os.pathsep)[0] == str(egg)
    egg.unlink()

    server = resolve(None, data_dir, port=port)
    write(server, "kept")
    servers(base)[0].kill()
    eventually(lambda: len(servers(base)) == 1)
    assert read(resolve(None, data_dir, port=port)) == "kept"
    assert supervisors(base) == [supervisor]


def test_a_module_in_the_directory_of_the_server_is_not_run(base, data_dir, port):
    (data_dir / "valkey").mkdir(parents=True)
    (data_dir / "valkey/redis.py").write_text("raise SystemExit")

    write(resolve(None, data_dir, port=port), "answered")


def test_the_lock_of_a_starter_that_hangs_is_told_in_one_line(base, data_dir, port, monkeypatch):
    monkeypatch.setattr("scraping_project.embedded.server.LOCK_PATIENCE", 0.1)
    place = Place.of(data_dir)
    place.prepare()
    with (
        filelock.FileLock(place.dir / "start.lock", is_singleton=False),
        pytest.raises(RedisUnavailable, match="is held up"),
    ):
        resolve(None, data_dir, port=port)
