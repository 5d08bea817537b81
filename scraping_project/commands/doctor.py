"""``scrapy doctor``: check every part; name each fault and its remedy."""

from argparse import ArgumentParser, Namespace

from scrapy.commands import ScrapyCommand

from scraping_project.cli.backends import settings_of
from scraping_project.cli.exits import in_one_line, one_line_errors, refuse


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def short_desc(self) -> str:
        return "Check every part and say what to do"

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if args:
            refuse(f"doctor takes no arguments, got {' '.join(args)}")

    def run(self, args: list[str], opts: object) -> None:  # noqa: ARG002  Scrapy's interface
        # Scrapy imports the module of every command at each start: a crawl is to load no monitor.
        from scraping_project.monitor.health import findings  # noqa: PLC0415

        found = list(findings(settings_of(self)))
        for well, line in found:
            print(f"{'ok   ' if well else 'WRONG'} {line}")
        self.exitcode = 0 if all(well for well, _ in found) else 1
