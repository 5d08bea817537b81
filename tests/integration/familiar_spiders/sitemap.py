from scrapy.spiders import SitemapSpider


class Sitemap(SitemapSpider):
    name = "sitemap"
    sitemap_rules = (("/Items/", "parse_item"),)

    def __init__(self, base, **kwargs):
        super().__init__(**kwargs)
        self.sitemap_urls = [f"{base}/sitemap.xml"]

    def parse_item(self, response):
        return {"title": response.css("title::text").get()}
