from scrapy.commands import view

from scraping_project.commands.plain import Plain


class Command(Plain, view.Command):
    pass
