"""The client that sends each command once."""

import threading

import pytest
import redis

from scraping_project.frontier.connection import connect
from testing.servers import redis_server
from testing.tcp_proxy import Fault, tcp_proxy
from tests.support.frontier_worker import until


@pytest.fixture(name="proxy")
def proxy_before_the_server(server):
    with tcp_proxy(*address(server)) as proxy:
        yield proxy


def address(client):
    options = client.connection_pool.connection_kwargs
    return options["host"], options["port"]


def test_the_client_sends_each_command_once(server, proxy):
    with connect(f"redis://127.0.0.1:{proxy.port}") as client:
        client.ping()
        proxy.fault = Fault.CUT_REPLY
        with pytest.raises(redis.ConnectionError):
            client.incr("count")

    assert server.get("count") == b"1"
    server.delete("count")


@pytest.mark.parametrize(
    "query",
    [
        "retry_on_timeout=yes",
        "protocol=3",
        "decode_responses=yes",
        "health_check_interval=1",
        "socket_timeout=1",
    ],
)
def test_what_a_url_says_about_retries_and_the_protocol_does_not_count(server, proxy, query):
    with connect(f"redis://127.0.0.1:{proxy.port}/3?{query}") as client:
        client.set("count", 0)
        assert client.get("count") == b"0"
        assert client.client_info()["db"] == 3
        assert client.client_info().get("resp", "2") in {"2", 2}
        proxy.fault = Fault.CUT_REPLY
        with pytest.raises(redis.ConnectionError):
            client.incr("count")

    with connect(f"redis://127.0.0.1:{address(server)[1]}/3") as client:
        assert client.get("count") == b"1"


def test_a_unix_socket_will_do(tmp_path):
    path = tmp_path / "redis.sock"
    with redis_server(unixsocket=path), connect(f"unix://{path}?db=2") as client:
        assert client.ping()
        assert client.client_info()["db"] == 2


def test_a_wait_without_a_timeout_lasts_until_there_is_something(server):
    with connect("redis://{}:{}".format(*address(server)), timeout=None) as client:
        found = []
        waiting = threading.Thread(
            target=lambda: found.append(client.blmove("from", "to", 0, "RIGHT", "LEFT"))
        )
        waiting.start()
        until(lambda: server.info("clients")["blocked_clients"])
        server.lpush("from", "seed")
        waiting.join()

    assert found == [b"seed"]


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6379", ""])
def test_what_is_no_url_of_a_redis_raises(url):
    with pytest.raises(ValueError, match="scheme"):
        connect(url)
