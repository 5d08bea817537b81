from scrapy.commands import runspider

from scraping_project.commands.plain import Plain


class Command(Plain, runspider.Command):
    pass
