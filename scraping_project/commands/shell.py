from scrapy.commands import shell

from scraping_project.cli.plain_scrapy import Plain


class Command(Plain, shell.Command):
    pass
