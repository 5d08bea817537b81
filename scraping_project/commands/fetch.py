from scrapy.commands import fetch

from scraping_project.cli.plain_scrapy import Plain


class Command(Plain, fetch.Command):
    pass
