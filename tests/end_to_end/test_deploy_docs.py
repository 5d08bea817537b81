"""docs/deploy.md does what it says: its commands are run as they stand there."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from testing.servers import dies_with_us, free_port
from tests.support.git_release import commit
from tests.support.scrapyd_server import BIN, ROOT, environment, node_root

#: In place of a reader's patience: Scrapyd answers.
ANSWERS = (
    "until {python} -c 'import requests; requests.get(\"http://127.0.0.1:{port}\", timeout=5)' 2>/dev/null"
)


def commands():
    """Return the lines of the page's shell blocks."""
    page = (ROOT / "docs" / "deploy.md").read_text()
    return "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL)).splitlines()


def replace_in(path, *pairs):
    text = path.read_text()
    for old, new in pairs:
        assert old in text, (path, old)
        text = text.replace(old, new)
    path.write_text(text)


@pytest.mark.timeout(180)
def test_every_command_of_the_page_does_what_it_says(tmp_path, demo_site, redis_url):
    # Given a clone, free ports in place of the page's, and the demo site in place of the world
    root = node_root(tmp_path / "clone")
    first, second = str(free_port()), str(free_port())
    replace_in(root / "scrapyd.conf", ("6800", first))
    replace_in(root / "scrapy.cfg", ("6800", first))
    commit(root)
    lines = ["set -eu"]
    for line in commands():
        own = line.replace("https://example.com/", demo_site).replace("redis://127.0.0.1:6379/0", redis_url)
        lines.append(own.replace("6800", first).replace("6801", second))
        if "&  " in line or line.endswith("&"):
            port = second if second in lines[-1] else first
            lines.append(ANSWERS.format(python=sys.executable, port=port) + "\ndo sleep 0.1; done")
    lines.append("echo; echo THE END")
    variables = {"PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(root), "REDIS_URL": redis_url}
    variables |= {"SCRAPYD_URLS": f"http://127.0.0.1:{first}", "ALLOW_PRIVATE_ADDRESSES": "true"}
    # When they are typed one after the other
    with (tmp_path / "errors").open("w") as errors:
        shell = subprocess.Popen(
            dies_with_us(["sh", "-c", "\n".join(lines)]),
            cwd=root,
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        told = read_until_the_end(shell)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
        shell.stdout.close()
    # Then none fails, and the last lists the runs that the others have started, on both nodes
    assert told[-1] == "THE END", (told, (tmp_path / "errors").read_text()[-4000:])
    runs = [json.loads(line) for line in told if line.startswith('{"id"')]
    assert len(runs) == 5
    assert {run["node"] for run in runs} == {f"http://127.0.0.1:{port}" for port in (first, second)}
    assert not {run["outcome"] for run in runs} & {"failed", "killed", "lost"}


def read_until_the_end(shell):
    lines = []
    for line in shell.stdout:
        lines.append(line.rstrip())
        if lines[-1] == "THE END":
            break
    return lines
