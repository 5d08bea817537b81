import hashlib
import socket
from pathlib import Path

import pytest
import redis

from scraping_project.embedded import RedisUnavailable, resolve
from scraping_project.embedded.client import TRIES, ask, connect, why
from scraping_project.embedded.paths import LONGEST_SOCKET_PATH, Place, binary, quoted
from scraping_project.embedded.resolve import shown_url
from scraping_project.embedded.users import PasswordFile


def test_a_short_data_directory_holds_its_own_socket():
    assert Place.of(Path("/srv/data")).socket == Path("/srv/data/valkey/valkey.sock")


def test_a_socket_path_too_long_for_the_system_moves_to_a_directory_of_its_own():
    deep = Place(Path("/", "d" * LONGEST_SOCKET_PATH))
    deeper = Place(Path("/", "d" * LONGEST_SOCKET_PATH, "e"))

    assert deep.socket.parent != deeper.socket.parent
    assert deep.socket == Place(deep.data_dir).socket
    assert len(str(deep.socket)) <= LONGEST_SOCKET_PATH


def test_the_length_of_a_socket_path_is_counted_in_bytes():
    assert Place(Path("/", "é" * 45)).socket.parent != Path("/", "é" * 45, "valkey")


def test_two_names_of_one_directory_name_the_same_server(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "data")

    assert Place.of(tmp_path / "link") == Place.of(tmp_path / "data")


def test_the_url_of_a_socket_survives_special_characters():
    place = Place(Path("/srv/a b?c#d%41"))

    with connect(place.url, timeout=1) as client:
        assert client.get_connection_kwargs()["path"] == str(place.socket)


def test_a_path_is_quoted_as_valkey_reads_it():
    assert quoted(Path('/a "b"\\c\n')) == '"/a \\"b\\"\\\\c\\n"'


def test_a_directory_that_is_a_link_is_not_used_for_a_socket(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = Place(tmp_path / ("d" * LONGEST_SOCKET_PATH))
    (tmp_path / "elsewhere").mkdir()
    place.socket.parent.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(RedisUnavailable, match="not a directory of yours"):
        place.prepare()


def test_a_password_is_made_once_and_for_its_owner_alone(tmp_path):
    file = PasswordFile(tmp_path / "password")
    file.make()
    user, password = file.get_credentials()
    file.make()

    assert (user, file.get_credentials()) == ("scraping_project", (user, password))
    assert len(set(password)) > 8
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file.path]


def test_no_two_servers_have_the_same_password(tmp_path):
    files = [PasswordFile(tmp_path / name) for name in "ab"]
    for file in files:
        file.make()

    assert files[0].get_credentials() != files[1].get_credentials()


def test_what_a_killed_process_left_of_a_password_is_not_taken_for_one(tmp_path):
    (tmp_path / "password.part").write_text("ha")
    file = PasswordFile(tmp_path / "password")
    file.make()

    assert len(file.get_credentials()[1]) == 64


def test_a_password_that_can_t_be_read_is_a_refusal_by_the_server(tmp_path):
    with pytest.raises(redis.AuthenticationError, match="password"):
        PasswordFile(tmp_path / "password").get_credentials()


def test_the_configuration_holds_the_password_as_a_hash_alone(tmp_path):
    place = Place(tmp_path)
    place.prepare()
    place.password.make()
    place.write_conf()

    _, password = place.password.get_credentials()
    assert password not in place.conf.read_text()
    assert hashlib.sha256(password.encode()).hexdigest() in place.conf.read_text()


def test_the_wheel_brings_a_server_for_this_machine():
    assert binary().is_file()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://db", "redis://db:6379/0"),
        ("redis://:secret@db:7000/3", "redis://db:7000/3"),
        ("rediss://user:secret@db/", "rediss://db:6379/0"),
        ("redis://db?password=secret", "redis://db:6379/0"),
        ("unix://user:secret@/run/redis.sock?db=1", "unix:///run/redis.sock"),
    ],
)
def test_a_url_is_shown_without_its_password(url, shown):
    assert shown_url(url)[0] == shown


@pytest.mark.parametrize(
    "url",
    [
        "db:6379",
        "http://:secret@db",
        "redis://db:port",
        "redis://db:99999",
        "redis://db/zero",
        "redis://[::1",
        "redis://:sec/ret@db",
        "redis://:sec#ret@db",
        "redis://:12#ret@db",
        "redis://:12?ret@db",
        "unix://:1/ret@/run/redis.sock",
        "redis://db?secret=1",
        "unix://",
    ],
)
def test_a_malformed_url_is_refused_in_one_line_that_does_not_repeat_it(url, tmp_path):
    with pytest.raises(RedisUnavailable) as refused:
        resolve(url, tmp_path)

    assert "REDIS_URL is not the URL of a Redis" in str(refused.value)
    assert "ret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refused_connection_is_named_in_the_systems_own_words():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        client = connect(f"redis://127.0.0.1:{silent.getsockname()[1]}", timeout=1)
        with client, pytest.raises(redis.ConnectionError) as refused:
            client.ping()

    assert why(refused.value) == "connection refused"


def cut():
    return redis.ConnectionError("Connection closed by server.")


def refused():
    error = redis.ConnectionError("Error 111 connecting to 127.0.0.1:1")
    error.__cause__ = ConnectionRefusedError()
    return error


@pytest.mark.parametrize(
    ("raised", "times"),
    [(cut, TRIES), (refused, 1), (redis.AuthenticationError, 1), (redis.TimeoutError, 1)],
)
def test_only_what_was_cut_off_is_asked_again_and_not_for_ever(raised, times):
    asked = []

    def question(client):
        asked.append(client)
        raise raised()

    with pytest.raises(redis.RedisError):
        ask(question, None)
    assert len(asked) == times


def test_an_answer_that_comes_at_last_is_one():
    failures = [cut(), cut()]

    def question(client):
        if failures:
            raise failures.pop()
        return client

    assert ask(question, "client") == "client"
