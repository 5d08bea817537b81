"""What a crawl imports, for a process that forks crawls, but for what reads the environment at its import."""

import gc
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

MODULES = (
    "scrapy.cmdline",
    "scrapy.contracts",
    "scrapy.core.downloader.handlers.http11",
    "scrapy.core.engine",
    "scrapy.core.scraper",
    "scrapy.extensions.feedexport",
    "scrapy.extensions.remote_control",
    "scrapy.linkextractors",
    "scrapy.pipelines.files",
    "scrapy.shell",
    "scrapy.utils.test",
    "scrapy_redis.spiders",
    "alembic.command",
    "alembic.runtime.migration",
    "pymysql",
    "redis.asyncio",
    "sqlalchemy.dialects.mysql.pymysql",
    "sqlalchemy.dialects.sqlite",
    "tldextract",
    "uvloop",
    "pipelines.logs",
    "pipelines.sites",
    "spiders.links",
)
#: With all that they hold.
PACKAGES = (
    "scrapy.commands",
    "scrapy.downloadermiddlewares",
    "scrapy.spidermiddlewares",
    "scraping_project.attempts",
    "scraping_project.core",
    "scraping_project.downloadermiddlewares",
    "scraping_project.embedded",
    "scraping_project.frontier",
    "scraping_project.http",
    "scraping_project.nodes",
    "scraping_project.parsing",
    "scraping_project.politeness",
    "scraping_project.repair",
    "scraping_project.spidermiddlewares",
    "scraping_project.tuning",
    "scraping_project.worker",
)


def import_everything() -> None:
    for name in (*MODULES, *_modules_of_packages()):
        import_module(name)
    gc.freeze()  # a child collects among its own objects


def _modules_of_packages() -> Iterator[str]:
    for package in PACKAGES:
        for module in iter_modules(import_module(package).__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                yield module.name
