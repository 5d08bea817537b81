"""``scrapy dashboard``: how it starts, what it refuses, and how it ends."""

import signal
import socket
import subprocess
import sys
from contextlib import closing

import httpx
import pytest

from scraping_project.dashboard.passwords import matches
from scraping_project.dashboard.server import GRACE
from scraping_project.http.failed_logins import FREE
from tests.support.dashboard_app import ACCOUNTS, LOGINS
from tests.support.dashboard_server import begin, dashboard
from tests.support.project import ROOT

#: It does not sit out its grace.
SECONDS_TO_END = GRACE - 1
AWAY = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "mysql+pymysql://u:p@127.0.0.1:1/db"}
MAKE_SECRET = """
import sys
from pathlib import Path
from scraping_project.dashboard.sessions import secret_in
print("ready", flush=True)
sys.stdin.readline()
print(secret_in(Path(sys.argv[1])).hex())
"""


@pytest.fixture(autouse=True)
def no_server_is_needed(project):
    project.env |= AWAY


def refused(project, *arguments, **env):
    """Runs it; returns the one line that it refuses with."""
    done = project.run("dashboard", *arguments, env=env, check=False)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("scrapy: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("scrapy: ").rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--port", "65536"), "--port is a number from 0 to 65535, not 65536"),
        (("--port", "-1"), "--port is a number from 0 to 65535, not -1"),
        (("--port", "x"), "argument --port: invalid int value: 'x': see --help"),
        (("--port", ""), "argument --port: invalid int value: '': see --help"),
        (("--host", ""), "--host is empty: give it a value, or leave it out"),
        (("--hots", "x"), "there is no option --hots: see --help"),
        (("hash", "x"), "dashboard takes no arguments but hash, got hash x"),
        (("links",), "dashboard takes no arguments but hash, got links"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(project, arguments, said):
    assert refused(project, *arguments) == said


@pytest.mark.parametrize(
    "host", ["no such host", "a..b", "x" * 70, "256.1.1.1", "[::1]", "192.0.2.1", "h.invalid"]
)
def test_a_host_that_is_none_of_this_machine_is_refused_in_one_line(project, host):
    said = refused(project, "--host", host, "--port", "0", **ACCOUNTS)

    assert said.startswith(f"{host}:0 can't be listened at (")
    assert said.endswith("): choose another with --host and --port")


def test_a_busy_port_is_refused_in_one_line(project):
    with closing(socket.create_server(("127.0.0.1", 0))) as busy:
        port = busy.getsockname()[1]
        said = refused(project, "--port", str(port))

    assert said == (
        f"127.0.0.1:{port} can't be listened at (Address already in use):"
        " choose another with --host and --port"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_where_others_reach_it_it_does_not_start_without_a_password(project, host):
    assert refused(project, "--host", host, "--port", "0") == (
        f"at {host} others can reach it: set DASHBOARD_USERNAME and DASHBOARD_PASSWORD, or use 127.0.0.1"
    )


@pytest.mark.parametrize("host", ["localhost", "::1", "127.0.0.2"])
def test_at_every_address_of_loopback_it_starts_without_one(project, host):
    with dashboard(project, "--host", host) as url:
        assert httpx.get(f"{url}/frontier").status_code == 200


def test_with_a_password_it_starts_where_others_reach_it(project):
    with dashboard(project, "--host", "0.0.0.0", env=ACCOUNTS) as url:
        port = url.rpartition(":")[2]
        answer = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": "tower.example"})
    assert answer.headers["location"] == "/login?next=%2F"


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (
            {"DASHBOARD_USERNAME": "anna"},
            "set both DASHBOARD_USERNAME and DASHBOARD_PASSWORD, or neither",
        ),
        (
            {"DASHBOARD_USERNAME": "anna", "DASHBOARD_PASSWORD": "$argon2id$v=19$canary"},
            "DASHBOARD_PASSWORD is a broken Argon2id string: `scrapy dashboard hash` makes one",
        ),
    ],
)
def test_logins_that_cannot_be_used_are_refused_in_one_line(project, env, said):
    assert refused(project, **env) == said


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(project):
    project.data_dir.write_text("a file")

    assert refused(project).startswith(f"{project.data_dir}/dashboard.key can't be used (")


def test_a_key_file_that_was_cut_off_is_refused_in_one_line(project):
    project.data_dir.mkdir()
    (project.data_dir / "dashboard.key").write_bytes(b"short")

    assert "it is cut off: remove it" in refused(project)


def hash_of(typed):
    command = [sys.executable, "-W", "error", "-m", "scrapy", "dashboard", "hash"]
    return subprocess.run(command, cwd=ROOT, input=typed, capture_output=True, text=True, check=False)


def test_hash_prints_what_logs_in_as_the_password_does(project):
    done = hash_of("a long password\n")
    assert (done.returncode, done.stderr) == (0, "")
    kept = done.stdout.rstrip("\n")
    assert matches(kept, "a long password")

    with dashboard(project, env={"DASHBOARD_USERNAME": "anna", "DASHBOARD_PASSWORD": kept}) as url:
        form = {"name": "anna", "password": "a long password"}
        assert httpx.post(f"{url}/login", data=form).status_code == 303


@pytest.mark.parametrize("typed", ["", "\n"])
def test_an_empty_password_is_refused_in_one_line(typed):
    done = hash_of(typed)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "scrapy: the password is empty: type one, or pipe it in\n"


@pytest.mark.parametrize("accounts", [{}, ACCOUNTS], ids=["no login", "logins"])
def test_it_starts_and_lets_people_in_while_redis_and_the_database_are_away(project, accounts):
    with dashboard(project, env=accounts) as url, httpx.Client(base_url=url, timeout=30) as client:
        if accounts:
            name, password = LOGINS["viewer"]
            form = {"name": name, "password": password}
            assert client.post("/login", data=form).status_code == 303
        page = client.get("/")

    assert page.status_code == 200
    assert "Redis does not answer" in page.text
    assert "The database does not answer" in page.text
    assert "u:p@" not in page.text


def test_a_restart_keeps_sessions_and_a_changed_password_ends_them(project):
    name, password = LOGINS["operator"]
    with dashboard(project, env=ACCOUNTS) as url:
        answer = httpx.post(f"{url}/login", data={"name": name, "password": password})
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    statuses = []
    for changed in ({}, {"DASHBOARD_PASSWORD": "another"}):
        with dashboard(project, env=ACCOUNTS | changed) as url:
            statuses.append(httpx.get(f"{url}/frontier", headers=cookie).status_code)

    assert statuses == [200, 303]


@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "interrupted\n"), (signal.SIGTERM, -15, "")]
)
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "kept open"])
def test_a_signal_ends_it_at_once(project, number, code, said, busy):
    process, url = begin(project)
    with httpx.Client(base_url=url) as client:
        if busy:
            client.get("/frontier")  # and the connection stays
        process.send_signal(number)
        process.communicate(timeout=SECONDS_TO_END)

    assert process.returncode == code
    assert project.errors(process) == f"dashboard: {url}/ (Ctrl-C ends it)\n{said}"


def test_ctrl_c_ends_it_while_a_page_waits_for_a_silent_redis(project):
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        silent.settimeout(60)
        redis_url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        process, url = begin(project, env={"REDIS_URL": redis_url})
        asking = socket.create_connection((url.split("/")[2].split(":")[0], int(url.rpartition(":")[2])))
        with asking:
            asking.sendall(b"GET /frontier HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            waiting, _ = silent.accept()
            with waiting:
                assert waiting.recv(1)
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=10)

    assert process.returncode == 130
    assert "Traceback" not in project.errors(process)


def test_two_processes_that_start_at_once_get_the_same_secret(tmp_path):
    command = [sys.executable, "-c", MAKE_SECRET, str(tmp_path)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()

    assert {process.communicate()[0] for process in processes} == {
        f"{(tmp_path / 'dashboard.key').read_bytes().hex()}\n"
    }


@pytest.mark.parametrize(("proxy", "last"), [("", 429), ("127.0.0.1", 401), ("192.0.2.1", 429)])
def test_an_address_that_somebody_claims_counts_only_when_the_proxy_does(project, proxy, last):
    with dashboard(project, env=ACCOUNTS | {"DASHBOARD_PROXY": proxy}) as url:
        form = {"name": "x", "password": "y"}
        statuses = [
            httpx.post(f"{url}/login", data=form, headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code
            for n in range(FREE + 2)
        ]

    assert statuses == [401] * (FREE + 1) + [last]


@pytest.mark.parametrize(("proxy", "secure"), [("", False), ("127.0.0.1", True)])
def test_the_cookie_is_secure_where_the_proxy_speaks_tls(project, proxy, secure):
    name, password = LOGINS["operator"]
    with dashboard(project, env=ACCOUNTS | {"DASHBOARD_PROXY": proxy}) as url:
        headers = {"X-Forwarded-Proto": "https", "Host": "tower.example", "Origin": "https://tower.example"}
        answer = httpx.post(f"{url}/login", data={"name": name, "password": password}, headers=headers)

    assert answer.status_code == 303
    assert ("secure" in answer.headers["set-cookie"].lower().split("; ")) == secure
