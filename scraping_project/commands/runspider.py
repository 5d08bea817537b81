from scrapy.commands import runspider

from scraping_project.cli.plain_scrapy import Plain


class Command(Plain, runspider.Command):
    pass
