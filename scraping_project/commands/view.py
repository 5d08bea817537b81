from scrapy.commands import view

from scraping_project.cli.plain_scrapy import Plain


class Command(Plain, view.Command):
    pass
