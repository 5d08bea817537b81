import json
import sqlite3
import subprocess
import sys

import pytest
import requests
from scrapyd import website  # noqa: F401  here, for Twisted warns of a part of its own when it is imported in a test
from scrapyd.config import Config
from scrapyd.exceptions import ConfigError

from deploy.scrapyd.application import application
from testing.servers import free_port
from tests.support.scrapyd_server import BIN, ROOT, START, Scrapyd, checkout, client, deploy, environment

LOGIN = {"SCRAPYD_USERNAME": "crawler", "SCRAPYD_PASSWORD": "pass%word$with:signs"}

#: Needs no Redis and no network: it only tells where its code came from.
SHIPPED_SPIDER = """
import json, os
from pathlib import Path
from scrapy import Spider
import pipelines, scraping_project, spiders

class Shipped(Spider):
    name = "shipped"
    custom_settings = {
        "SCHEDULER": "scrapy.core.scheduler.Scheduler",
        "DUPEFILTER_CLASS": "scrapy.dupefilters.RFPDupeFilter",
        "DOWNLOADER": "scrapy.core.downloader.Downloader",
        "DOWNLOADER_MIDDLEWARES": {},
        "SPIDER_MIDDLEWARES": {},
        "ITEM_PIPELINES": {},
        "EXTENSIONS": {},
    }

    async def start(self):
        files = [module.__file__ for module in (pipelines, scraping_project, spiders)]
        told = {"files": files, "mark": spiders.MARK, "version": os.environ["SCRAPYD_EGG_VERSION"]}
        Path(os.environ["DATA_DIR"], "shipped.json").write_text(json.dumps(told))
        for nothing in ():
            yield nothing
"""


PLACES = """
import os
from deploy.scrapyd.directories import place_in_data_dir
from scrapyd.config import Config

place_in_data_dir(Config())
print(os.environ["DATA_DIR"])
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory, shared_redis):
    settings = LOGIN | {"REDIS_URL": shared_redis.url, "ALLOW_PRIVATE_ADDRESSES": "true"}
    with Scrapyd(tmp_path_factory.mktemp("scrapyd"), **settings) as server:
        yield server


@pytest.fixture
def scrapyd(node, redis_url):
    """A node that asks for a login, and to which nothing is deployed yet."""
    node.undeploy()
    return node


@pytest.fixture
def changed_project(tmp_path):
    root = checkout(tmp_path / "changed")
    (root / "spiders" / "shipped.py").write_text(SHIPPED_SPIDER)
    (root / "spiders" / "__init__.py").write_text("MARK = 'changed'\n")
    return root


def start_and_fail(tmp_path, **settings):
    return subprocess.run(
        START,
        cwd=ROOT,
        env=environment(SCRAPYD_HTTP_PORT=str(free_port()), DATA_DIR=str(tmp_path), **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def run_runner(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "deploy.scrapyd.runner", *arguments],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )


def test_plain_scrapyd_started_in_the_root_takes_up_the_projects_configuration(tmp_path):
    command = [str(BIN / "scrapyd"), f"--pidfile={tmp_path / 'scrapyd.pid'}"]
    with Scrapyd(tmp_path, command=command) as scrapyd:
        assert scrapyd.get("listprojects.json")["projects"] == ["default"]
        assert (scrapyd.data_dir / "scrapyd" / "dbs" / "jobs.db").exists()
        assert requests.get(scrapyd.url, headers={"Host": "evil.example"}, timeout=5).status_code == 403


def test_a_deployed_spider_crawls_the_demo_site_to_its_end(scrapyd, demo_site, tmp_path):
    deploy(checkout(tmp_path / "project"), scrapyd)
    log = scrapyd.run("links", start_urls=demo_site, setting="DOWNLOAD_DELAY=0")
    with sqlite3.connect(scrapyd.data_dir / "scraping.db") as database:
        (home,) = database.execute("SELECT count(*) FROM sites WHERE status_code = 200").fetchone()
        (attempts,) = database.execute("SELECT count(*) FROM scrape_logs").fetchone()
    database.close()
    assert home > 1, log
    assert attempts > 1, log


def test_a_run_uses_the_eggs_code_and_not_the_tree_scrapyd_was_started_in(scrapyd, changed_project):
    deploy(changed_project, scrapyd)
    assert "shipped" in scrapyd.get("listspiders.json", project="scraping_project")["spiders"]
    assert "shipped" not in scrapyd.get("listspiders.json", project="default")["spiders"]

    log = scrapyd.run("shipped")

    told = json.loads((scrapyd.data_dir / "shipped.json").read_text())
    egg = scrapyd.data_dir / "scrapyd" / "eggs" / "scraping_project" / f"{told['version']}.egg"
    assert told["mark"] == "changed", log
    assert told["files"] == [
        f"{egg}/{package}/__init__.py" for package in ("pipelines", "scraping_project", "spiders")
    ]


def test_the_cluster_target_reaches_the_scrapyd_of_scrapyd_url(scrapyd):
    settings = LOGIN | {"SCRAPYD_URL": scrapyd.url.rstrip("/")}
    listed = client("scrapyd-client", "projects", "--target", "cluster", root=ROOT, **settings)
    assert listed.stdout == "default\n", listed.stderr


def test_finished_runs_are_remembered_over_a_restart(scrapyd):
    refused = scrapyd.schedule("links", max_pages="none")
    scrapyd.wait_for(lambda: refused in scrapyd.finished())
    scrapyd.stop()
    scrapyd.start()
    assert refused in scrapyd.finished()


def test_a_run_of_a_version_that_is_gone_fails_instead_of_running_the_source_tree(tmp_path):
    done = run_runner(
        "list", SCRAPY_PROJECT="scraping_project", SCRAPYD_EGG_VERSION="17", DATA_DIR=str(tmp_path)
    )
    assert done.returncode == 1
    assert done.stderr == "no egg of scraping_project 17: run scrapyd-deploy\n"


def test_an_egg_without_settings_is_refused_in_one_line(tmp_path):
    egg = tmp_path / "scrapyd" / "eggs" / "scraping_project" / "1.egg"
    egg.parent.mkdir(parents=True)
    egg.write_bytes(b"PK\x05\x06" + 18 * b"\0")
    done = run_runner("list", SCRAPY_PROJECT="scraping_project", DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert (
        done.stderr
        == f"{egg} names no settings: its setup.py needs the entry point scrapy: settings = <module>\n"
    )


@pytest.mark.parametrize(("setting", "meant"), [("", "data"), ("elsewhere", "below/elsewhere")])
def test_runs_get_an_absolute_data_dir_by_default_beside_scrapy_cfg(tmp_path, setting, meant):
    (tmp_path / "scrapy.cfg").touch()
    below = tmp_path / "below"
    below.mkdir()
    where = environment(PYTHONPATH=str(ROOT), DATA_DIR=setting)
    printed = subprocess.check_output([sys.executable, "-c", PLACES], cwd=below, env=where, text=True)
    assert printed == f"{tmp_path / meant}\n"


def test_a_data_dir_with_a_percent_sign_is_taken_as_it_is(tmp_path):
    with Scrapyd(tmp_path, DATA_DIR=str(tmp_path / "100%(data)s")):
        assert (tmp_path / "100%(data)s" / "scrapyd" / "dbs" / "jobs.db").exists()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://["])
def test_a_page_of_another_origin_cannot_schedule(open_scrapyd, origin):
    fields = {"project": "default", "spider": "links"}
    page = f"{open_scrapyd.url}schedule.json"
    answer = requests.post(page, fields, headers={"Origin": origin}, timeout=30)
    assert answer.status_code == 403
    jobs = open_scrapyd.get("listjobs.json")
    assert jobs["pending"] == jobs["running"] == jobs["finished"] == []


def test_scrapyds_own_pages_may_use_it(open_scrapyd):
    answer = requests.post(
        f"{open_scrapyd.url}cancel.json",
        {"project": "default", "job": "none"},
        headers={"Origin": open_scrapyd.url.rstrip("/")},
        timeout=30,
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.parametrize("page", ["", "jobs", "listjobs.json", "logs/", "nosuch"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:6800", "127.0.0.1.evil.example", "[", ""])
def test_a_foreign_host_is_refused_without_a_password(open_scrapyd, page, host):
    answer = requests.get(open_scrapyd.url + page, headers={"Host": host}, timeout=5)
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:6800", "127.0.0.1", "[::1]:6800"])
def test_every_loopback_name_is_answered(open_scrapyd, host):
    assert requests.get(open_scrapyd.url, headers={"Host": host}, timeout=5).status_code == 200


@pytest.fixture(scope="module")
def open_scrapyd(tmp_path_factory):
    with Scrapyd(tmp_path_factory.mktemp("scrapyd")) as server:
        yield server


def refused_at_start(monkeypatch, **settings):
    """What a Scrapyd that is built in this process says of its environment; it starts nothing."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as refused:
        application(Config())
    return str(refused.value)


BIND = "Set SCRAPYD_USERNAME and SCRAPYD_PASSWORD, or bind 127.0.0.1."
HALF = "Scrapyd does not start: set both SCRAPYD_USERNAME and SCRAPYD_PASSWORD, or neither."
STOP = "Scrapyd does not start: SCRAPYD_STOP_SECONDS is a number of seconds from above 0 to 3600."


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"SCRAPYD_BIND_ADDRESS": "::"}, f"Scrapyd does not start: on :: it runs anybody's code. {BIND}"),
        ({"SCRAPYD_USERNAME": "crawler"}, HALF),
        ({"SCRAPYD_STOP_SECONDS": "soon"}, STOP),
    ],
)
def test_a_scrapyd_that_does_not_start_says_why_in_one_line(tmp_path, settings, message):
    done = start_and_fail(tmp_path, **settings)
    assert (done.returncode, done.stderr) == (1, f"{message}\n")


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.2"])
def test_another_address_without_a_password_does_not_start(monkeypatch, address):
    assert refused_at_start(monkeypatch, SCRAPYD_BIND_ADDRESS=address).endswith(
        f"on {address} it runs anybody's code. {BIND}"
    )


def test_half_a_login_does_not_start(monkeypatch):
    assert refused_at_start(monkeypatch, SCRAPYD_PASSWORD=LOGIN["SCRAPYD_PASSWORD"]) == HALF


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "3601"])
def test_a_stop_time_that_every_runner_would_end_at_does_not_start(monkeypatch, seconds):
    assert refused_at_start(monkeypatch, SCRAPYD_STOP_SECONDS=seconds) == STOP


def test_with_a_login_any_host_name_serves_but_no_foreign_page(tmp_path):
    with Scrapyd(tmp_path, host="127.0.0.2", SCRAPYD_BIND_ADDRESS="127.0.0.2", **LOGIN) as scrapyd:
        page = f"{scrapyd.url}daemonstatus.json"

        def status(login=scrapyd.login, **headers):
            return requests.get(page, auth=login, headers=headers, timeout=5).status_code

        assert status(login=None) == 401
        assert status(Host="crawler.example") == 200
        assert status(Host="crawler.example", Origin="https://crawler.example") == 200
        assert status(Host="crawler.example", Origin="https://evil.example") == 403


def test_an_unset_scrapyd_url_spoils_only_its_own_target(tmp_path):
    egg = tmp_path / "empty.egg"
    egg.touch()
    listed = client("scrapyd-client", "targets", root=ROOT).stdout
    assert [line.split() for line in listed.splitlines()] == [
        ["default", "http://127.0.0.1:6800"],
        ["local", "http://127.0.0.1:6800"],
        ["cluster", "$SCRAPYD_URL"],
    ]
    done = client("scrapyd-deploy", "cluster", "--egg", str(egg), root=ROOT)
    assert done.returncode == 1
    assert "Invalid URL" in done.stderr
