from scrapy.commands import fetch

from scraping_project.commands.plain import Plain


class Command(Plain, fetch.Command):
    pass
