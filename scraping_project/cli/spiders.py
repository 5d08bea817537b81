from scrapy import Spider
from scrapy.settings import BaseSettings
from scrapy.spiderloader import get_spider_loader

from scraping_project.cli.exits import refuse


def spider_class(settings: BaseSettings, name: str) -> type[Spider]:
    """The spider of that name; refuses an unknown one in one line that lists all."""
    loader = get_spider_loader(settings)
    if name not in loader.list():
        refuse(f"there is no spider {name!r}: there are {', '.join(sorted(loader.list()))}")
    return loader.load(name)
