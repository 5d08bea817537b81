"""Spiders that know nothing of this project: each of their attempts has its row too."""

import pytest

from tests.support.empty_redis import emptied
from tests.support.hostile_server import hostile_server, redirect, whole
from tests.support.project import Project

HTML = b"Content-Type: text/html\r\n"
FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=32", "-s", "RETRY_TIMES=1")

SPIDERS = '''
from scrapy import Request, Spider
from scrapy.exceptions import CloseSpider, DropItem, IgnoreRequest
from scrapy.http import HtmlResponse
from scraping_project.attempts.registry import utc_now
from scraping_project.items import Site
from scraping_project.http.page_metadata import site_of
from scraping_project.settings import DOWNLOADER_MIDDLEWARES


class Pipeline:
    def process_item(self, item):
        if item == {"drop": True}:
            raise DropItem("unwanted")
        if item == {"raise": True}:
            raise ValueError("the pipeline is broken")
        return item


class LastPipeline:
    def process_item(self, item):
        if isinstance(item, Site):
            if item.title == "drop":
                raise DropItem("unwanted")
            item.title = item.title.upper()
        return item


class Middleware:
    """Answers, replaces, refuses or breaks requests by their path."""

    def process_request(self, request):
        if request.url.endswith("/answered-by-middleware"):
            return HtmlResponse(request.url, body=b"made up", request=request.replace())
        if request.url.endswith("/replaced-by-middleware"):
            return request.replace(url=request.url.replace("/replaced-by-middleware", "/replacement"))
        if request.url.endswith("/broken-by-middleware"):
            raise ValueError("the middleware is broken")
        if request.url.endswith("/ignored-by-middleware"):
            raise IgnoreRequest("not that")

    def process_response(self, request, response):
        if request.url.endswith("/answer-ignored-by-middleware"):
            raise IgnoreRequest("not that answer")
        if request.url.endswith("/answer-breaks-middleware"):
            raise ValueError("the middleware is broken")
        return response

    def process_exception(self, request, exception):
        if request.url.endswith("/saved-by-middleware"):
            return HtmlResponse(request.url, body=b"instead")


class Ordinary(Spider):
    name = "ordinary"
    custom_settings = {
        "ITEM_PIPELINES": {
            "ordinary_spiders.Pipeline": 100,
            "pipelines.sites.SitesPipeline": 300,
            "pipelines.logs.LogsPipeline": 310,
            "ordinary_spiders.LastPipeline": 900,
        },
        "DOWNLOADER_MIDDLEWARES": DOWNLOADER_MIDDLEWARES | {Middleware: 800},
    }

    def __init__(self, base):
        self.base = base

    async def start(self):
        yield {"without": "a response"}
        yield Site(
            url=self.base, status_code=200, title="no answer", content_hash="ab", scraped_at=utc_now()
        )
        for name in ("returns", "raises", "raises_late", "pipeline", "drops", "generates", "one_then_raises"):
            yield Request(f"{self.base}/{name}", callback=getattr(self, name))
        for name in ("stores", "overflows", "changes", "drops"):
            yield Request(f"{self.base}/site/{name}", getattr(self, f"{name}_site"))
        yield Request(f"{self.base}/lambda", callback=lambda response: {"lambda": True})
        yield Request(f"{self.base}/twice", self.returns, dont_filter=True)
        yield Request(f"{self.base}/twice", self.returns, dont_filter=True)
        yield Request(f"{self.base}/loop-a", self.returns, dont_filter=True)
        yield Request(f"{self.base}/page/1", self.copies_meta)
        yield Request(f"{self.base}/handled/missing", self.returns, meta={"handle_httpstatus_list": [404]})
        yield Request(f"{self.base}/unhandled/missing", self.returns)
        yield Request(f"{self.base}/errback/missing", self.returns, errback=self.handles)
        for role in ("handles", "breaks"):
            yield Request(f"{self.base}/reset/{role}", self.returns, errback=getattr(self, role))
        for name in ("answered-by", "replaced-by", "broken-by", "ignored-by"):
            yield Request(f"{self.base}/{name}-middleware", self.returns)
        yield Request(f"{self.base}/raises/answered-by-middleware", self.raises)
        yield Request(f"{self.base}/answer-ignored-by-middleware", self.returns)
        yield Request(f"{self.base}/answer-breaks-middleware", self.returns)
        yield Request(f"{self.base}/reset/saved-by-middleware", self.returns, meta={"dont_retry": True})
        yield Request("gopher://127.0.0.1/", self.returns)
        yield Request(f"{self.base}/forbidden", self.returns)

    def returns(self, response):
        return {"url": response.url}

    def raises(self, response):
        raise ValueError("the callback is broken")

    def raises_late(self, response):
        yield {"one": True}
        yield {"two": True}
        raise ValueError("the callback is broken")

    def one_then_raises(self, response):
        yield {"raise": True}
        raise ValueError("the callback is broken too")

    def pipeline(self, response):
        yield {"fine": True}
        yield {"raise": True}

    def drops(self, response):
        yield {"drop": True}

    def stores_site(self, response):
        site = site_of(response, title="never stored")
        site.content_hash = "abcd"
        yield site

    def overflows_site(self, response):
        site = site_of(response, title="never stored")
        site.depth = float("inf")
        yield site

    def changes_site(self, response):
        yield site_of(response, title="changed")

    def drops_site(self, response):
        yield site_of(response, title="drop")

    async def generates(self, response):
        yield {"one": True}
        yield Request(f"{self.base}/generated", self.returns)

    def copies_meta(self, response):
        number = int(response.url.rpartition("/")[2])
        if number < 4:
            yield Request(f"{self.base}/page/{number + 1}", self.copies_meta, meta=response.meta)

    def handles(self, failure):
        return {"failed": failure.request.url}

    def breaks(self, failure):
        raise ValueError("the errback is broken")


class Closes(Spider):
    name = "closes"

    def __init__(self, base):
        self.start_urls = [f"{base}/returns"]

    def parse(self, response):
        yield Request(response.urljoin("/never"))
        raise CloseSpider("enough")
'''

ROBOTS = whole("200 OK", b"User-agent: *\nDisallow: /forbidden\n", b"Content-Type: text/plain\r\n")

#: Path -> the rows of its attempts: status, reason, status code, records.
ONE = [("success", None, 200, 1)]
RESET = ("retried", "reset", None, 0)
EXPECTED = {
    "/returns": ONE,
    "/raises": [("dead", "callback", 200, 0)],
    "/raises_late": [("dead", "callback", 200, 2)],
    "/one_then_raises": [("dead", "callback", 200, 0)],
    "/pipeline": [("dead", "pipeline", 200, 1)],
    "/drops": [("success", None, 200, 0)],
    "/site/stores": [("dead", "pipeline", 200, 0)],
    "/site/overflows": [("dead", "pipeline", 200, 0)],
    "/site/changes": ONE,
    "/site/drops": [("success", None, 200, 0)],
    "/generates": ONE,
    "/generated": ONE,
    "/lambda": ONE,
    "/twice": ONE + ONE,
    "/page/1": [("success", None, 200, 0)],
    "/page/2": [("success", None, 200, 0)],
    "/page/3": [("success", None, 200, 0)],
    "/page/4": [("success", None, 200, 0)],
    "/handled/missing": [("failed", "http_404", 404, 1)],
    "/unhandled/missing": [("failed", "http_404", 404, 0)],
    "/errback/missing": [("failed", "http_404", 404, 1)],
    "/reset/handles": [RESET, ("dead", "reset", None, 1)],
    "/reset/breaks": [RESET, ("dead", "reset", None, 0)],
    "/answered-by-middleware": ONE,
    "/raises/answered-by-middleware": [("dead", "callback", 200, 0)],
    "/replacement": ONE,
    "/broken-by-middleware": [("dead", "parse", None, 0)],
    "/answer-ignored-by-middleware": [("success", None, 200, 0)],
    "/answer-breaks-middleware": [("dead", "parse", 200, 0)],
    "/reset/saved-by-middleware": ONE,
    "gopher://127.0.0.1/": [("filtered", "guard", None, 0)],
    "/forbidden": [("filtered", "robots", None, 0)],
}


class Crawled:
    def __init__(self, project, name, base):
        folder = project.directory / "spiders"
        folder.mkdir()
        (folder / "ordinary_spiders.py").write_text(SPIDERS)
        arguments = ("crawl", name, "-a", f"base={base}", "-s", "SPIDER_MODULES=ordinary_spiders", *FAST)
        self.process = project.run(*arguments, env={"PYTHONPATH": str(folder)})
        self.base = base
        self.logs = sorted(project.rows("scrape_logs"), key=lambda log: (log["attempt"], log["task_id"]))
        self.sites = {site["id"]: site for site in project.rows("sites")}
        self.runs = project.rows("runs")

    def of(self, path):
        url = path if "://" in path else self.base + path
        return [log for log in self.logs if log["url"] == url]


def answers():
    paths = [path.removeprefix("/") for path in EXPECTED]
    good = whole("200 OK", b"<title>Good</title>", HTML)
    own = {f"/{path}": good for path in paths if not path.startswith("reset") and "missing" not in path}
    loop = {"/loop-a": redirect(b"/loop-b"), "/loop-b": redirect(b"/loop-a")}
    return own | loop | {"/robots.txt": ROBOTS}


@pytest.fixture(scope="module", name="crawled")
def one_crawl(tmp_path_factory, shared_redis):
    redis_url = emptied(shared_redis)
    project = Project(tmp_path_factory.mktemp("ordinary"), lambda: redis_url)
    try:
        with hostile_server(answers()) as server:
            yield Crawled(project, "ordinary", server.url)
    finally:
        project.end_all()


@pytest.mark.parametrize("path", EXPECTED)
def test_each_attempt_has_the_row_of_how_it_ended(crawled, path):
    rows = [
        (log["status"], log["reason"], log["status_code"], log["records_scraped"]) for log in crawled.of(path)
    ]
    assert rows == EXPECTED[path]


def test_a_loop_of_redirects_that_no_filter_breaks_fails_with_its_status(crawled):
    (log,) = [log for log in crawled.logs if "/loop-" in log["url"]]
    assert (log["status"], log["reason"], log["status_code"]) == ("failed", "http_302", 302)
    assert crawled.sites[log["site_id"]]["status_code"] == 302


def test_what_a_middleware_keeps_from_being_sent_has_no_row(crawled):
    assert crawled.of("/ignored-by-middleware") == crawled.of("/replaced-by-middleware") == []


def test_an_errback_that_raises_says_why_the_download_failed(crawled):
    assert "ConnectionLost" in crawled.of("/reset/breaks")[1]["error_message"]


def test_nothing_else_has_a_row(crawled):
    known = {path if "://" in path else crawled.base + path for path in EXPECTED}
    assert {log["url"] for log in crawled.logs if "/loop-" not in log["url"]} == known


def test_copied_meta_hands_no_identity_on(crawled):
    pages = [log for log in crawled.logs if "/page/" in log["url"]]
    assert [log["attempt"] for log in pages] == [1, 1, 1, 1]
    assert len({log["task_id"] for log in crawled.logs}) == len(crawled.logs)


def test_every_answered_page_has_a_site_though_no_spider_stored_one(crawled):
    for log in crawled.logs:
        if log["status_code"] is None:
            assert log["site_id"] is None
        else:
            site = crawled.sites[log["site_id"]]
            assert (site["url"], site["status_code"]) == (log["url"], log["status_code"])


@pytest.mark.parametrize(
    ("name", "title", "why"),
    [
        ("stores", None, "4 digits, not 32"),
        ("overflows", None, "cannot convert float infinity"),
        ("changes", "CHANGED", ""),
        ("drops", None, ""),
    ],
)
def test_a_site_is_stored_as_it_left_the_last_pipeline_else_its_page_without_it(crawled, name, title, why):
    (log,) = crawled.of(f"/site/{name}")
    assert crawled.sites[log["site_id"]]["title"] == title
    assert why in (log["error_message"] or "")
    assert bool(log["error_message"]) == bool(why)


def test_an_item_of_no_answer_that_cannot_be_stored_is_said_in_the_log_by_its_own_error(crawled):
    assert "content_hash has 2 digits, not 32" in crawled.process.stderr
    assert "NoneType" not in crawled.process.stderr


def test_attempts_of_one_request_share_its_identity(crawled):
    first, second = crawled.of("/reset/handles")
    assert first["task_id"].rpartition(":")[0] == second["task_id"].rpartition(":")[0]


def test_a_spider_that_closes_itself_gives_its_page_back_and_the_next_run_begins_there(project):
    with hostile_server(answers()) as server:
        crawled = Crawled(project, "closes", server.url)
    assert crawled.logs == []
    assert [run["reason"] for run in crawled.runs] == ["enough"]
    assert crawled.process.stdout.startswith("ended early (enough): ")
    assert "queued: 2, the same command goes on with them" in crawled.process.stdout
