"""Spiders whose attributes Scrapy takes as they are, or does not know at all."""

from collections import deque

from scrapy import Request, Spider


class OwnWay(Spider):
    """Fetches its start URL and the five pages after it."""

    def __init__(self, base, **kwargs):
        super().__init__(**kwargs)
        self.base = base
        self.start_urls = [f"{base}/n/0"]

    def parse(self, response):
        yield {"url": response.url}
        number = int(response.url.rpartition("/")[2])
        if number < 5:
            yield Request(f"{self.base}/n/{number + 1}")
        yield Request("http://localhost/offsite")


class DomainsSet(OwnWay):
    name, allowed_domains = "domains_set", {"127.0.0.1", *(f"{letter}.example" for letter in "abcdefgh")}


class DomainsFrozen(OwnWay):
    name, allowed_domains = "domains_frozen", frozenset(("127.0.0.1", None))


class DomainsTuple(OwnWay):
    name, allowed_domains = "domains_tuple", ("127.0.0.1", None)


class DomainsKeys(OwnWay):
    name, allowed_domains = "domains_keys", {"127.0.0.1": True}.keys()


class DomainsFilter(OwnWay):
    name = "domains_filter"

    def __init__(self, base, domain="127.0.0.1,", **kwargs):
        super().__init__(base, **kwargs)
        self.allowed_domains = filter(None, domain.split(","))


class DomainsProperty(OwnWay):
    name = "domains_property"

    @property
    def allowed_domains(self):
        return (domain for domain in ["127.0.0.1"])


class Unnamed(OwnWay):
    """Stays on its site by no domains at all."""

    def parse(self, response):
        for asked in super().parse(response):
            if not isinstance(asked, Request) or "offsite" not in asked.url:
                yield asked


class FrontierDeque(Unnamed):
    name, frontier = "frontier_deque", deque(["x"])


class MaxDepthObject(Unnamed):
    name, max_depth = "max_depth_object", object()


class MaxPages(Unnamed):
    name, max_pages = "max_pages", 2  # of a listing, say


class MaxPagesText(Unnamed):
    name, max_pages = "max_pages_text", "all"


class StartGenerator(Unnamed):
    name = "start_generator"

    def __init__(self, base, **kwargs):
        super().__init__(base, **kwargs)
        self.start_urls = (f"{base}/n/{number}" for number in range(6))


class StartSet(StartGenerator):
    name = "start_set"

    def __init__(self, base, **kwargs):
        super().__init__(base, **kwargs)
        self.start_urls = set(self.start_urls)


class StartPairs(Unnamed):
    """A start() of its own may make anything of start_urls."""

    name = "start_pairs"

    def __init__(self, base, **kwargs):
        super().__init__(base, **kwargs)
        self.start_urls = [(f"{base}/n/0", {"kind": "listing"})]

    async def start(self):
        for url, _ in self.start_urls:
            yield Request(url)


class Strict(Spider):
    """Takes no argument that it does not know."""

    name = "strict"

    def __init__(self, base):
        self.start_urls = [f"{base}/n/{number}" for number in range(6)]

    def parse(self, response):
        yield {"url": response.url}


class Declares(Strict):
    name, crawl_arguments, max_pages, frontier = "declares", ("max_pages", "frontier"), 2, "declared"


class StartNone(Spider):
    name, start_urls = "start_none", ["http://127.0.0.1:1/", None]


class StartNested(Spider):
    name, start_urls = "start_nested", [["http://127.0.0.1:1/"]]


class StartText(Spider):
    name, start_urls = "start_text", "http://127.0.0.1:1/"


class StartIsNone(Spider):
    name, start_urls = "start_is_none", None


class DomainsText(Spider):
    name, start_urls, allowed_domains = "domains_text", ["http://127.0.0.1:1/"], "example.com"


class DomainsNumber(Spider):
    name, start_urls, allowed_domains = "domains_number", ["http://127.0.0.1:1/"], ["example.com", 5]


class DomainsObject(Spider):
    name, start_urls, allowed_domains = "domains_object", ["http://127.0.0.1:1/"], object()


class DeclaresOther(Spider):
    name, start_urls, crawl_arguments = "declares_other", ["http://127.0.0.1:1/"], ("max_page",)


class DeclaresText(Spider):
    name, start_urls = "declares_text", ["http://127.0.0.1:1/"]
    crawl_arguments, max_pages = ("max_pages",), "all"


class OldStart(Spider):
    name = "old_start"

    def start_requests(self):
        yield Request("http://127.0.0.1:1/")
