"""``fetch`` and its like are plain Scrapy: no frontier, no database, no server, nothing left."""

import pytest
import redis

SPIDER = """
from scrapy import Spider

class Titles(Spider):
    name = "titles"
    start_urls = ["PAGE"]

    def parse(self, response):
        yield {"title": response.css("title::text").get()}
"""


@pytest.fixture(name="page")
def a_page(tmp_path, nginx):
    root = tmp_path / "site"
    root.mkdir()
    (root / "index.html").write_text("<title>hello</title><a href=next>next</a>")
    return nginx(root).url


@pytest.fixture(
    name="arguments",
    params=["fetch", "shell", "parse", "runspider", "view", "list", "check", "settings", "version"],
)
def each_command(request, page, tmp_path):
    """Gives a command's arguments and a word of what it prints."""
    spider = tmp_path / "titles.py"
    spider.write_text(SPIDER.replace("PAGE", page))
    return {
        "fetch": (("fetch", page), "hello"),
        "shell": (("shell", page, "-c", "response.css('title::text').get()"), "hello"),
        "parse": (("parse", page, "--spider", "links", "-c", "parse"), "hello"),
        "runspider": (
            ("runspider", str(spider), "-o", f"{tmp_path}/out.csv"),
            "",
        ),
        "view": (("view", page), ""),
        "list": (("list",), "links"),
        "check": (("check",), ""),
        "settings": (("settings", "--get", "BOT_NAME"), "scraping_project"),
        "version": (("version",), "Scrapy"),
    }[request.param]


def run(project, arguments, **env):
    command, word = arguments
    done = project.run(*command, env={"BROWSER": "true", **env})
    assert word in done.stdout
    if command[0] != "parse":  # it breaks one of Scrapy's own deprecations, which are errors here
        assert "Traceback" not in done.stderr, done.stderr
    return done


def test_it_works_while_redis_and_the_database_are_away_and_makes_no_file(project, arguments):
    away = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "mysql+pymysql://u:p@127.0.0.1:1/db"}

    run(project, arguments, **away)
    assert not project.data_dir.exists()


def test_it_leaves_no_key_no_file_and_no_server(project, arguments, redis_url):
    run(project, arguments)

    with redis.Redis.from_url(redis_url, protocol=2) as client:
        assert client.keys() == []
    assert not project.data_dir.exists()


def test_it_starts_no_embedded_server(project, arguments):
    run(project, arguments, REDIS_URL="embedded")

    assert not project.data_dir.exists()


def test_a_contact_of_the_command_line_is_told_to_the_site(project, page):
    sent = project.run("fetch", page, "--headers", "-s", "CRAWLER_CONTACT=me@a.example").stdout
    assert "(+me@a.example)" in sent
