"""Ctrl-C ends every command with one line and exit code 130, however early it comes."""

import signal
import socket
from contextlib import closing

import pytest


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("crawl", "links", "-a", "start_urls=http://127.0.0.1:1/"), "interrupted"),
        (("crawl", "links", "-a", "start_urls=http://127.0.0.1:1/", "--workers", "2"), "interrupted"),
        (("doctor",), "interrupted"),
        (("frontier", "links"), "interrupted"),
        (("recrawl", "links", "--older-than", "1d"), "interrupted after 0 seeds"),
        (("seed", "links", "http://127.0.0.1:1/"), "interrupted after 0 seeds"),
    ],
)
def test_a_command_that_waits_for_redis_is_interrupted_in_one_line(project, command, said):
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        silent.settimeout(60)
        port = silent.getsockname()[1]
        process = project.start(*command, env={"REDIS_URL": f"redis://127.0.0.1:{port}/0"})
        waiting, _ = silent.accept()
        with waiting:
            assert waiting.recv(1)  # it has asked, and waits for the answer
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)

    assert (process.returncode, output, project.errors(process)) == (130, "", f"{said}\n")
