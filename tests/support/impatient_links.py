"""The links spider in a worker that soon gives back what does not end; test_leavings sees the true one."""

from scraping_project.worker import lifecycle
from spiders import links

lifecycle.LAST_PATIENCE = 2.0  # s


class LinksSpider(links.LinksSpider):
    """Scrapy takes no spider that a module has imported."""
