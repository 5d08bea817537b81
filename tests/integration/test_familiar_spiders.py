"""Spiders that people already have yield on the shared frontier what they yield on plain Scrapy."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from scraping_project import embedded
from scraping_project.frontier.keys import Keys
from testing.servers import free_port
from tests.integration.familiar_spiders.site import served

FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")
FOLDER = Path(__file__).with_name("familiar_spiders")
PATH = {"PYTHONPATH": str(FOLDER)}


@pytest.fixture(name="site", scope="module")
def a_small_site():
    with served() as base:
        yield base


def crawl(project, name, *arguments, module=None, env=None, **options):
    arguments = ("-s", f"SPIDER_MODULES={module or name}", *FAST, *arguments)
    return project.run("crawl", name, *arguments, env=env or PATH, **options)


def items(path):
    return sorted(json.dumps(json.loads(line), sort_keys=True) for line in path.read_text().splitlines())


def on_both(project, name, *arguments, file=None):
    """The items of a run on the frontier, which are those of plain Scrapy."""
    ours, plain = (project.directory / f"{which}.jl" for which in ("ours", "plain"))
    module, folder = name, str(FOLDER)
    if file is not None:
        module, folder = file.stem, str(file.parent)
    env = {"PYTHONPATH": folder}
    crawl(project, name, *arguments, "-O", str(ours), module=module, env=env)
    project.run("runspider", f"{folder}/{module}.py", *FAST, *arguments, "-O", str(plain), env=env)
    assert items(ours) == items(plain)
    return [json.loads(item) for item in items(ours)]


def generated(project, template, site):
    """A spider as ``scrapy genspider`` writes it."""
    command = [sys.executable, "-m", "scrapy", "genspider", "-t", template, "mine", f"{site}/"]
    subprocess.run(command, cwd=project.directory, check=True, capture_output=True)
    spider = project.directory / "mine.py"
    domain = site.removeprefix("http://")  # Scrapy follows no link when it names a port
    spider.write_text(spider.read_text().replace(f'["{domain}"]', '["127.0.0.1"]'))
    return spider


def test_the_basic_template_crawls_its_start_urls(project, site):
    assert on_both(project, "mine", file=generated(project, "basic", site)) == []
    assert [row["url"] for row in project.rows("sites")] == [f"{site}/"]


def test_the_crawl_template_follows_its_rules(project, site):
    spider = generated(project, "crawl", site)
    spider.write_text(spider.read_text().replace("item = {}", 'item = {"url": response.url}'))
    assert on_both(project, "mine", file=spider) == [{"url": f"{site}/Items/1"}]
    assert {row["url"] for row in project.rows("sites")} == {f"{site}/", f"{site}/Items/1"}


def test_a_crawl_spiders_rules_callbacks_and_errbacks_are_found_again(project, site):
    found = on_both(project, "rules", "-a", f"base={site}")
    assert {item.get("title") for item in found} == {None, "One", "Two", "Three"}
    assert {"failed": f"{site}/missing", "from": f"{site}/"} in found
    assert {row["status"] for row in project.rows("scrape_logs")} == {"success", "failed"}
    assert "can't be written down" not in (project.directory / "stderr-0.log").read_text()


def test_arguments_forms_errbacks_and_starts_of_ones_own_come_through(project, site):
    found = on_both(project, "arguments", "-a", f"base={site}")
    titles = {item["title"] for item in found if "title" in item}
    assert titles == {None, "a=1&%C3%BC=%C3%A9 form", '{"a": [1]} json'}
    assert found.count({"again": f"{site}/Items/1"}) == 2
    assert found.count({"by lambda": f"{site}/?lambda"}) == 1
    assert {"tags": ["1", "Two"]} in found
    assert {"failed": f"{site}/missing", "parent": f"{site}/"} in found


def test_the_files_pipeline_stores_files(project, site):
    store = project.directory / "files"
    output = project.directory / "files.jl"
    crawl(project, "files", "-a", f"base={site}", "-s", f"FILES_STORE={store}", "-O", str(output))
    for item in map(json.loads, items(output)):
        (stored,) = item["files"]
        assert (store / stored["path"]).read_text() == "a file"


def test_a_sitemap_spider_crawls_the_sitemaps_pages(project, site):
    found = on_both(project, "sitemap", "-a", f"base={site}")
    assert [item["title"] for item in found] == ["One", "Three", "Two"]


def test_a_spider_with_middlewares_of_its_own_ends_too(project, site):
    found = on_both(project, "sitemap", "-a", f"base={site}", "-s", "SPIDER_MIDDLEWARES={}")
    assert len(found) == 3


@pytest.fixture(name="client")
def a_client(redis_url):
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        yield client


def fed(project, name, *arguments, module="fed"):
    """The items of a run of one of scrapy-redis's spiders, which ends when no seed came for a second."""
    output = project.directory / "fed.jl"
    idle = ("-s", "MAX_IDLE_TIME_BEFORE_CLOSE=1")
    crawl(project, name, *idle, *arguments, "-O", str(output), module=module)
    return [json.loads(item) for item in items(output)]


def test_a_redis_spider_takes_seeds_of_both_forms_once_and_ends_when_idle(project, site, client):
    seed = {"url": f"{site}/Items/2", "meta": {"asked": "for two"}}
    client.lpush("fed:start_urls", f"{site}/Items/1", json.dumps(seed))

    found = fed(project, "fed")

    assert found == [{"asked": "for two", "title": "Two"}, {"asked": None, "title": "One"}]
    assert [row["status"] for row in project.rows("scrape_logs")] == ["success", "success"]
    assert [row["reason"] for row in project.rows("runs")] == ["finished"]
    assert client.llen("fed:start_urls") == 0


def test_a_redis_spider_logs_in_to_the_embedded_server_whatever_login_it_has_for_another(project, site):
    project.env["REDIS_URL"] = "embedded"
    server = embedded.resolve("embedded", project.data_dir, port=free_port())
    with redis.Redis(port=server.port, protocol=2) as anybody:
        anybody.lpush("fed:start_urls", f"{site}/Items/1")
    try:
        found = fed(
            project, "fed", "-s", 'REDIS_PARAMS={"username": "u", "password": "p", "socket_timeout": 9}'
        )
    finally:
        embedded.stop(project.data_dir)

    assert [item["title"] for item in found] == ["One"]


def test_a_redis_spider_takes_seeds_from_a_set_in_its_own_way(project, site, client):
    client.sadd("todo", *(json.dumps({"base": site, "path": path}) for path in ("/Items/1", "/Items/3")))

    assert fed(project, "fed_own_way", "-s", "REDIS_START_URLS_AS_SET=1") == [
        {"path": "/Items/1", "title": "One"},
        {"path": "/Items/3", "title": "Three"},
    ]


def test_a_redis_spider_takes_seeds_from_a_sorted_set(project, site, client):
    client.zadd("fed:start_urls", {f"{site}/Items/1": 1, f"{site}/Items/3": 2})

    titles = [item["title"] for item in fed(project, "fed", "-s", "REDIS_START_URLS_AS_ZSET=1")]

    assert titles == ["One", "Three"]


def test_a_redis_crawl_spider_follows_its_rules_however_long_after_its_seed(project, site, client):
    client.lpush("fed_rules:start_urls", f"{site}/")
    slowly = ("-s", "DOWNLOAD_DELAY=1", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=1")

    assert [item["title"] for item in fed(project, "fed_rules", *slowly)] == ["One", "Three", "Two"]


@pytest.mark.parametrize("domain", [(), ("-a", "domain=127.0.0.1,a.example")])
def test_scrapy_rediss_own_example_of_a_spider_runs(project, site, client, domain):
    client.lpush("myspider:start_urls", f"{site}/Items/1", json.dumps({"url": f"{site}/Items/2"}))

    assert fed(project, "myspider_redis", *domain, module="examples") == [
        {"name": "One", "url": f"{site}/Items/1"},
        {"name": "Two", "url": f"{site}/Items/2"},
    ]


@pytest.mark.parametrize("domain", ["127.0.0.1", "127.0.0.1,a.example"])
def test_scrapy_rediss_own_example_of_a_crawler_follows_the_links_of_its_domains(
    project, site, client, domain
):
    client.lpush("mycrawler:start_urls", f"{site}/")

    found = fed(project, "mycrawler_redis", "-a", f"domain={domain}", module="examples")

    assert [item["name"] for item in found if item["name"]] == ["One", "Three", "Two"]
    # the seed's own request has passed the filter, so a link to it is followed, as with scrapy-redis
    assert {item["url"].removeprefix(site) for item in found if not item["name"]} == {
        "/",
        "/category/1",
        "/category/2",
    }


def test_scrapy_rediss_own_example_of_a_crawler_follows_no_link_out_of_its_domains(project, site, client):
    client.lpush("mycrawler:start_urls", f"{site}/")

    assert fed(project, "mycrawler_redis", "-a", "domain=a.example", module="examples") == []
    assert [row["url"] for row in project.rows("scrape_logs")] == [f"{site}/"]


BAD_PUSHES = (
    "notaurl",
    b"\xff\xfe",
    json.dumps({"url": 5}),
    json.dumps({"url": "http://a.example/", "meta": 5}),
    json.dumps({"url": "http://a.example/", "method": 5}),
    json.dumps({"url": "http://[::1/"}),
)


@pytest.mark.parametrize("bad", BAD_PUSHES)
def test_a_push_that_makes_no_request_costs_a_batch_nothing_but_itself(project, site, client, bad):
    client.rpush("fed:start_urls", f"{site}/Items/1", f"{site}/Items/2", bad, f"{site}/Items/3")

    assert [item["title"] for item in fed(project, "fed")] == ["One", "Three", "Two"]
    refused = [row for row in project.rows("scrape_logs") if row["reason"] == "undecodable"]
    assert [row["url"] for row in refused] == [bad if isinstance(bad, str) else "\ufffd\ufffd"]
    dead = project.run("frontier", "fed", "dead", "--json").stdout.splitlines()
    assert [json.loads(letter)["reason"] for letter in dead] == ["undecodable"]


def test_what_a_spider_makes_of_a_push_before_it_raises_is_crawled(project, site, client):
    client.rpush("picky:start_urls", f"{site}/Items/1 broken", f"{site}/Items/2", f"broken {site}/Items/3")

    found = fed(project, "picky", module="examples")

    assert [item["name"] for item in found] == ["One", "Two"]
    messages = [row["error_message"] for row in project.rows("scrape_logs") if row["status"] == "dead"]
    assert messages == ["LookupError: the spider is broken"] * 2


def test_a_redis_spider_without_a_limit_waits_for_seeds_until_it_is_stopped(project, site, client):
    process = project.start("crawl", "fed", "-s", "SPIDER_MODULES=fed", *FAST, env=PATH)
    for number in (1, 2):
        client.lpush("fed:start_urls", f"{site}/Items/{number}")
        while int(client.hget(Keys("fed").of("crawl"), "done") or 0) < number:
            assert process.poll() is None, project.errors(process)
            time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert output.startswith("interrupted: 2 pages")
    assert project.errors(process).count("waiting for seeds in fed:start_urls") == 1


def test_another_scheduler_is_refused_before_it_opens_its_queue(project, client):
    client.set("fed:dupefilter", "kept")
    settings = ("-s", "SCHEDULER=scrapy_redis.scheduler.Scheduler")
    process = crawl(project, "fed", *settings, module="fed", check=False)
    assert process.returncode == 2
    assert "SCHEDULER is 'scrapy_redis.scheduler.Scheduler', which can't be used here" in process.stderr
    assert client.get("fed:dupefilter") == b"kept"
