from dataclasses import dataclass, field

from scrapy import Spider


@dataclass
class Page:
    file_urls: list
    files: list = field(default_factory=list)


class Files(Spider):
    name = "files"
    custom_settings = {"ITEM_PIPELINES": {"scrapy.pipelines.files.FilesPipeline": 1}}  # noqa: RUF012  as people do

    def __init__(self, base, **kwargs):
        super().__init__(**kwargs)
        self.start_urls = [f"{base}/Items/1", f"{base}/Items/2"]

    def parse(self, response):
        return Page(file_urls=[response.urljoin("/file.txt"), response.urljoin("/no-file.txt")])
