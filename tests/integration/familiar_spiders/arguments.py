from dataclasses import dataclass

from scrapy import FormRequest, Request, Spider
from scrapy.http import JsonRequest


@dataclass
class Thing:
    tags: set


class Arguments(Spider):
    name = "arguments"

    def __init__(self, base, **kwargs):
        super().__init__(**kwargs)
        self.base = base

    async def start(self):
        yield {"begun": True}
        yield Request(f"{self.base}/", cb_kwargs={"depth": 1, "path": ["a", "b"]}, meta={"seen": {"x": None}})
        yield FormRequest(f"{self.base}/form", formdata={"a": "1", "ü": "é"}, headers={"X-Asks": "form"})
        yield JsonRequest(f"{self.base}/json", data={"a": [1]}, headers={"X-Asks": "json"}, priority=5)
        yield Request(f"{self.base}/Items/1", self.twice, dont_filter=True)
        yield Request(f"{self.base}/Items/1", self.twice, dont_filter=True)
        for _ in range(2):
            yield Request(f"{self.base}/?lambda", callback=lambda response: {"by lambda": response.url})
        yield Request(f"{self.base}/Items/2", self.with_item, cb_kwargs={"item": Thing({1})})

    def parse(self, response, depth=0, path=()):
        yield {
            "title": response.css("title::text").get(),
            "depth": depth,
            "path": list(path),
            "seen": response.meta.get("seen"),
        }
        if depth:
            yield from response.follow_all(
                css="a", callback=self.page, errback=self.failed, cb_kwargs={"parent": response.url}
            )

    def twice(self, response):
        return {"again": response.url}

    async def page(self, response, parent):
        yield {"page": response.url, "parent": parent}

    def with_item(self, response, item):
        item.tags.add(response.css("title::text").get())
        yield {"tags": sorted(map(str, item.tags))}

    def failed(self, failure):
        yield {"failed": failure.request.url, "parent": failure.request.cb_kwargs["parent"]}
