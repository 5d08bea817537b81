from scrapy.commands import parse

from scraping_project.cli.plain_scrapy import Plain


class Command(Plain, parse.Command):
    pass
