import asyncio

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from scraping_project.core.unseen_links import unseen, unseen_by_all


def test_a_callback_that_is_tried_out_without_a_crawl_gets_every_url():
    spider = Spider.from_crawler(get_crawler(), "example")
    response = Response("https://a.example/", request=Request("https://a.example/"))
    urls = ["https://a.example/1", "https://a.example/2"]
    assert unseen(spider, response, iter(urls)) == urls
    assert asyncio.run(unseen_by_all(spider, response, iter(urls))) == urls
