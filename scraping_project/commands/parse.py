from scrapy.commands import parse

from scraping_project.commands.plain import Plain


class Command(Plain, parse.Command):
    pass
