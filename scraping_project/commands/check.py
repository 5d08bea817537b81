from scrapy.commands import check

from scraping_project.cli.plain_scrapy import Plain


class Command(Plain, check.Command):
    pass
