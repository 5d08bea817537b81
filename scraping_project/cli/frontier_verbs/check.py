"""``scrapy frontier NAME check``: counts everything and compares with the ledger."""

import json
from argparse import Namespace

from scraping_project.cli.frontier_verbs.verb import Place, Verb
from scraping_project.cli.progress import Progress


class Check(Verb):
    name = "check"
    help = "count everything and compare with the ledger"
    more = (
        "Exact while nobody works, and it says so when somebody did. Exit code 1: something is wrong."
        " Dead letters that an older version has not counted by reason and slot are counted."
    )
    example = "scrapy frontier links check"

    def run(self, place: Place, opts: Namespace) -> int:
        with Progress() as progress:
            checked = place.frontier.checked(progress.of_parts)
            if not checked.grouped:
                place.frontier.count_letters(lambda number: progress.say(f"{number:,} dead letters counted"))
        code = 1 if checked.wrong and not checked.moved else 0
        if opts.json:
            print(json.dumps({"clean": not checked.wrong, "wrong": checked.wrong, "moved": checked.moved}))
            return code
        word = "MOVED" if checked.moved else "WRONG"
        lines = "\n".join(f"{word} {line}" for line in checked.wrong)
        print(lines or "clean: everything is where the ledger says")
        if checked.wrong and checked.moved:
            print(
                "workers were at work, so this may be what moved meanwhile: check again when they have ended"
            )
        return code
