"""``scrapy frontier NAME dead``: requests that will not be retried, and why."""

import json
import sys
from argparse import ArgumentParser, Namespace

from scraping_project.cli.frontier_verbs.dead_letters import add_filters, check_filters, chosen, url_of
from scraping_project.cli.frontier_verbs.verb import Place, Verb
from scraping_project.cli.printable import printable
from scraping_project.frontier.dead_letters import DeadLetter


class Dead(Verb):
    name = "dead"
    help = "list what will not be retried, with its reason"
    example = "scrapy frontier links dead --reason timeout --domain example.com"

    def add_options(self, parser: ArgumentParser) -> None:
        add_filters(parser)

    def check(self, opts: Namespace) -> None:
        check_filters(opts)

    def run(self, place: Place, opts: Namespace) -> int:
        number = 0
        for number, letter in enumerate(chosen(place.frontier, opts), 1):  # noqa: B007  read after the loop
            fields = {"id": letter.id, "url": url_of(letter), **letter.letter}
            line = f"{fields['reason']:<12} {fields['url']}  {_why(letter)}".rstrip()
            print(json.dumps(fields) if opts.json else printable(line))
        print(f"{number} dead letter{'' if number == 1 else 's'}", file=sys.stderr)
        return 0


def _why(letter: DeadLetter) -> str:
    if letter.letter.get("deaths"):
        return f"{letter.letter['deaths']} workers died with it in flight"
    return str(letter.letter.get("message") or "")
