from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule


class Rules(CrawlSpider):
    name = "rules"
    allowed_domains = ("127.0.0.1",)
    rules = (
        Rule(LinkExtractor(allow="/category/"), follow=True, process_links="only_some"),
        Rule(LinkExtractor(allow=("/Items/", "/moved")), callback="parse_item", cb_kwargs={"shop": "a"}),
        Rule(
            LinkExtractor(allow="/missing"),
            callback="parse_item",
            errback="on_error",
            process_request="mark",
        ),
    )

    def __init__(self, base, **kwargs):
        super().__init__(**kwargs)
        self.start_urls = [f"{base}/"]

    def only_some(self, links):
        return [link for link in links if "never" not in link.url]

    def mark(self, request, response):
        return request.replace(meta={**request.meta, "from": response.url})

    def parse_start_url(self, response):
        return {"start": response.url}

    def parse_item(self, response, shop):
        meta = response.meta
        yield {
            "title": response.css("title::text").get(),
            "shop": shop,
            "rule": meta["rule"],
            "text": meta["link_text"],
        }

    def on_error(self, failure):
        return {"failed": failure.request.url, "from": failure.request.meta["from"]}
