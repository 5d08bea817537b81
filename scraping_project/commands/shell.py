from scrapy.commands import shell

from scraping_project.commands.plain import Plain


class Command(Plain, shell.Command):
    pass
