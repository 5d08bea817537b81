"""What a node refuses, and what it keeps to itself."""

import base64
import json
import select
import socket
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import requests
from sqlalchemy import make_url

from deploy.scrapyd.limits import MAX_EGG, MAX_FORM
from deploy.scrapyd.login_throttle import MOST_WAITING
from scraping_project.http.failed_logins import FREE
from testing.servers import LOOPBACK, redis_server
from tests.support.scrapyd_server import Scrapyd
from tests.support.small_site import small_site

BAD_NAMES = [
    "../../etc", "..", ".", "", "a/b", "a b", "-x", "a;id", "$(id)", "`id`", "a|b", "a\nb", "a\0b", "é",
    "x" * 65, "%2e%2e", "*", "a:b", "{}",
]  # fmt: skip


@pytest.fixture(scope="module")
def scrapyd(tmp_path_factory):
    with Scrapyd(tmp_path_factory.mktemp("scrapyd")) as server:
        yield server


def refused(scrapyd, page, **fields):
    """Post what must be refused; returns the message."""
    answer = requests.post(scrapyd.url + page, fields, timeout=30)
    assert answer.json()["status"] == "error", answer.text
    assert "Traceback" not in answer.text
    jobs = scrapyd.get("listjobs.json")
    assert jobs["pending"] == jobs["running"] == jobs["finished"] == []
    return answer.json()["message"]


@pytest.mark.parametrize("field", ["project", "spider", "jobid"])
@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_none_is_refused(scrapyd, field, name):
    fields = {"project": "default", "spider": "links", "jobid": "1"} | {field: name}
    assert refused(scrapyd, "schedule.json", **fields).startswith(f"{field}: ")


@pytest.mark.parametrize("version", ["../x", "a/../b", "/x", "a//b", "-1", "", "a b", "a;id", "x" * 101])
@pytest.mark.parametrize(
    ("page", "field"),
    [("addversion.json", "version"), ("delversion.json", "version"), ("schedule.json", "_version")],
)
def test_a_version_that_is_none_is_refused(scrapyd, page, field, version):
    fields = {"project": "default", "spider": "links", field: version}
    assert refused(scrapyd, page, **fields).startswith(f"{field}: ")


@pytest.mark.parametrize("page", ["cancel.json", "delproject.json", "addversion.json"])
def test_no_page_takes_a_path_for_a_project(scrapyd, page):
    assert "is no project" in refused(scrapyd, page, project="../../data", job="1", version="1")


@pytest.mark.parametrize(
    "setting",
    [
        "LOG_FILE=/etc/cron.d/x", "ITEM_PIPELINES={}", "DOWNLOAD_HANDLERS={}", "SPIDER_MODULES=os",
        "DATABASE_URL=sqlite:////tmp/x", "REDIS_URL=redis://evil", "EXTENSIONS={}", "FEEDS={}",
        "ALLOW_PRIVATE_ADDRESSES=1", "JOBDIR=/tmp", "TELNETCONSOLE_ENABLED=1", "=", "", "nosuch",
    ],
)  # fmt: skip
def test_a_setting_that_is_not_on_the_list_is_refused(scrapyd, setting):
    told = refused(scrapyd, "schedule.json", project="default", spider="links", setting=setting)
    assert "a request may not set" in told


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"password": "x"}, "holds a secret"),
        ({"api_key": "x"}, "holds a secret"),
        ({"start_urls": "http://user:word@example.com/"}, "holds a secret"),
        ({"start_urls": "http://a/\0"}, "control characters"),
        ({"start_urls": "http://a/\r\nb"}, "control characters"),
        ({"start_urls": "http://a/" + 70_000 * "x"}, "longer than 65536 bytes"),
        ({"--help": "x"}, "is no spider argument"),
        ({"a b": "x"}, "is no spider argument"),
        ({"priority": "nan"}, "priority"),
        ({"setting": "LOG_LEVEL=" + 70_000 * "x"}, "longer than 65536 bytes"),
        ({"start_urls": b"\xff"}, "utf-8"),
        ({"name": "x"}, "a spider argument can't be called name"),
        ({"spider_name": "x"}, "a spider argument can't be called spider_name"),
        ({"settings": "x"}, "a spider argument can't be called settings"),
        ({"self": "x"}, "a spider argument can't be called self"),
        ({"_job": "x"}, "is no spider argument"),
        ({"start_urls": "http://user:wo@rd@example.com/"}, "holds a secret"),
        ({"setting": "LOG_LEVEL"}, "setting is NAME=VALUE"),
        ({"setting": ["LOG_LEVEL=INFO", "ITEM_PIPELINES=a=b"]}, "a request may not set 'ITEM_PIPELINES'"),
        ({"setting": "log_level=INFO"}, "a request may not set 'log_level'"),
        ({"setting[]": "LOG_FILE=x"}, "is no spider argument"),
        ({"jobid": ["good", "../x"]}, "is no run id"),
        ({"jobid": "a\n"}, "is no run id"),
        ({"jobid": "\u0661"}, "is no run id"),
    ],
)
def test_what_cannot_stand_in_a_command_line_is_refused(scrapyd, fields, message):
    told = refused(scrapyd, "schedule.json", project="default", spider="links", **fields)
    assert message in told


@pytest.mark.parametrize("signal", ["STOP", "HUP", "0", "19", "INT; id", "-9"])
def test_a_signal_that_does_not_end_a_run_is_refused(scrapyd, signal):
    assert "is none of INT, TERM and KILL" in refused(
        scrapyd, "cancel.json", project="default", job="1", signal=signal
    )


@pytest.mark.parametrize(
    "path", ["logs/../scrapyd/dbs/jobs.db", "logs/..%2fdbs/jobs.db", "logs/%2e%2e/dbs/jobs.db"]
)
def test_no_path_leads_out_of_the_logs(scrapyd, path):
    with socket.create_connection((LOOPBACK, scrapyd.port), timeout=10) as link:
        link.sendall(f"GET /{path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
        assert b" 404 " in read_all(link).partition(b"\r\n")[0]


def read_all(link):
    read = b""
    while chunk := link.recv(65_536):
        read += chunk
    return read


def answer_to(scrapyd, head, chunk, most):
    """Send a head and then a body without end; returns the first line that comes back, and what was sent."""
    sent = 0
    with socket.create_connection((LOOPBACK, scrapyd.port), timeout=30) as link:
        link.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        try:
            while sent < most:
                link.sendall(chunk)
                sent += len(chunk)
        except ConnectionError:
            pass
        try:
            return link.recv(100).partition(b"\r\n")[0], sent
        except ConnectionError:
            return b"", sent


HEAD = "POST /{page} HTTP/1.1\nHost: 127.0.0.1\nContent-Type: application/x-www-form-urlencoded\n{length}"


@pytest.mark.parametrize(("page", "limit"), [("schedule.json", MAX_FORM), ("addversion.json?x=1", MAX_EGG)])
def test_a_body_that_says_it_is_huge_is_refused_before_it_is_sent(scrapyd, page, limit):
    head = HEAD.format(page=page, length=f"Content-Length: {limit + 1}")
    assert answer_to(scrapyd, head, b"", 0)[0] == b"HTTP/1.1 413 Request Entity Too Large"


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off_at_the_limit(scrapyd):
    memory = psutil.Process(scrapyd.pid).memory_info().rss
    head = HEAD.format(page="schedule.json", length="Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + 65_536 * b"a" + b"\r\n"
    line, sent = answer_to(scrapyd, head, chunk, 64 * MAX_FORM)
    assert line in {b"", b"HTTP/1.1 413 Request Entity Too Large"}
    assert sent < 64 * MAX_FORM
    assert psutil.Process(scrapyd.pid).memory_info().rss - memory < 16 * MAX_FORM
    assert scrapyd.get("daemonstatus.json")["running"] == 0


def test_a_stranger_cannot_make_a_node_hold_an_egg(tmp_path):
    # Given a node with a login, and an egg that is larger than a form and no egg
    form = b"project=p&version=1&egg=" + 2 * MAX_FORM * b"x"
    with Scrapyd(tmp_path, SCRAPYD_USERNAME="crawler", SCRAPYD_PASSWORD="word") as scrapyd:

        def first_line(word, body):
            login = base64.b64encode(f"crawler:{word}".encode()).decode()
            head = HEAD.format(page="addversion.json", length=f"Content-Length: {len(form)}")
            return answer_to(scrapyd, f"{head}\nAuthorization: Basic {login}", body, len(body))[0]

        # Then who does not have the login is answered before he has sent it
        assert first_line("wrong", b"") == b"HTTP/1.1 401 Unauthorized"
        assert first_line("word", form) == b"HTTP/1.1 200 OK"


def ask(scrapyd, password, address=LOOPBACK):
    """Ask for a page from an address of this machine, with a login; returns the connection."""
    login = base64.b64encode(f"crawler:{password}".encode()).decode()
    link = socket.create_connection((LOOPBACK, scrapyd.port), timeout=60, source_address=(address, 0))
    link.sendall(
        f"GET /daemonstatus.json HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n"
        f"Authorization: Basic {login}\r\n\r\n".encode()
    )
    return link


def answer(link):
    """The status and all that is answered."""
    with link:
        read = read_all(link)
        return int(read.split(b" ", 2)[1]), read


def test_of_many_wrong_passwords_at_once_few_are_looked_at_and_nobody_else_waits(tmp_path):
    # Given a node with a login, and an address that says many wrong passwords at once
    with (
        Scrapyd(tmp_path, SCRAPYD_USERNAME="crawler", SCRAPYD_PASSWORD="word") as scrapyd,
        ExitStack() as stack,
    ):
        links = [stack.enter_context(ask(scrapyd, f"wrong-{number}")) for number in range(60)]
        answered = []
        while len(answered) < 60 - MOST_WAITING:
            ready, _, _ = select.select(links, [], [], 60)
            assert ready
            answered += [answer(link) for link in ready]
            links = [link for link in links if link not in ready]

        # When somebody else logs in meanwhile
        other, _ = answer(ask(scrapyd, "word", "127.0.0.2"))

        # Then he is let in, and most of the tries were not looked at
        looked_at = [read for status, read in answered if status == 401]
        refused = [read for status, read in answered if status == 429]
        assert other == 200
        assert len(looked_at) + len(refused) == len(answered)
        assert FREE < len(looked_at) <= FREE + MOST_WAITING
        assert all(b"\r\nRetry-After: " in read for read in refused)
        assert all(b'"too many wrong passwords from your address: wait ' in read for read in refused)

        # And those who leave before their turn are no error
        stack.close()
        assert answer(ask(scrapyd, "word", "127.0.0.2"))[0] == 200
        assert "Traceback" not in scrapyd.log.read_text()


def test_no_passwords_are_guessed_by_announcing_eggs(tmp_path):
    with Scrapyd(tmp_path, SCRAPYD_USERNAME="crawler", SCRAPYD_PASSWORD="word") as scrapyd:
        head = HEAD.format(page="addversion.json", length=f"Content-Length: {MAX_FORM + 1}")
        login = base64.b64encode(b"crawler:wrong").decode()
        said = [answer_to(scrapyd, f"{head}\nAuthorization: Basic {login}", b"", 0)[0] for _ in range(40)]

    assert said[: FREE + 1] == [b"HTTP/1.1 401 Unauthorized"] * (FREE + 1)
    assert said.count(b"HTTP/1.1 429 Too Many Requests") >= 20


def test_a_form_just_below_the_limit_is_read(scrapyd):
    fields = {"project": "default", "spider": "nosuch"} | {f"a{number}": 60_000 * "x" for number in range(17)}
    assert refused(scrapyd, "schedule.json", **fields) == "spider 'nosuch' not found"


def test_no_secret_is_in_a_log_a_row_an_answer_or_the_list_of_processes(tmp_path, project, mariadb_url):
    # Given a password in every place that a node takes one from
    login = {"SCRAPYD_USERNAME": "crawler", "SCRAPYD_PASSWORD": "canary-scrapyd"}
    secrets = ("canary", make_url(mariadb_url).password)
    with redis_server(requirepass="canary-redis") as redis, small_site() as site:
        servers = {"REDIS_URL": redis.url, "DATABASE_URL": mariadb_url}
        settings = login | servers | {"ALLOW_PRIVATE_ADDRESSES": "true"}
        with Scrapyd(tmp_path, **settings) as scrapyd:
            asked, release = site.hold("secrets", "a")
            told = project.run(
                "run", "links", "-a", f"start_urls={site.start('secrets')}", "-s", "DOWNLOAD_DELAY=0",
                "-s", "LOG_LEVEL=DEBUG", "--project", "default", "--json",
                env=settings | {"SCRAPYD_URLS": scrapyd.url},
            )  # fmt: skip
            # When one run runs and ends, and another cannot reach Redis
            assert asked.wait(60)
            family = [psutil.Process(scrapyd.pid), *psutil.Process(scrapyd.pid).children(recursive=True)]
            listed = [" ".join(process.cmdline()) for process in family]
            release()
            assert scrapyd.ended(json.loads(told.stdout)["id"]).outcome == "finished"
            redis.kill()
            assert "Redis" in scrapyd.ended(scrapyd.schedule("links", setting="LOG_LEVEL=DEBUG")).error
            rows = repr(scrapyd.known())
            answers = requests.get(f"{scrapyd.url}listjobs.json", auth=scrapyd.login, timeout=5).text
        # Then none of them is found in what others may read
        assert len(listed) == 3
        seen = [*listed, rows, answers, told.stdout, told.stderr]
        seen += [path.read_text("latin-1") for path in Path(tmp_path).rglob("*") if path.is_file()]
        assert [text for text in seen if any(secret in text for secret in secrets)] == []
