from scrapy.commands import check

from scraping_project.commands.plain import Plain


class Command(Plain, check.Command):
    pass
