"""``scrapy frontier NAME requeue``: puts dead letters back."""

from argparse import ArgumentParser, Namespace
from itertools import islice

from scraping_project.cli.frontier_verbs.dead_letters import add_filters, check_filters, chosen
from scraping_project.cli.frontier_verbs.verb import Place, Verb, say
from scraping_project.cli.progress import Progress

#: Dead letters that one script puts back.
BATCH = 500


class Requeue(Verb):
    name = "requeue"
    help = "put dead letters back into their queues"
    more = "All of them, or those that the options choose; `dead` with the same options lists them before."
    example = "scrapy frontier links requeue --reason timeout"

    def add_options(self, parser: ArgumentParser) -> None:
        add_filters(parser)

    def check(self, opts: Namespace) -> None:
        check_filters(opts)

    def run(self, place: Place, opts: Namespace) -> int:
        ids = [letter.id for letter in chosen(place.frontier, opts)]
        remaining, moved = iter(ids), 0
        with Progress() as progress:
            while batch := list(islice(remaining, BATCH)):
                moved += place.frontier.requeue(batch)
                progress.say(f"requeued {moved:,} of {len(ids):,}")
        place.frontier.rest()
        return say(opts, f"requeued {moved} of {len(ids)}", requeued=moved, of=len(ids))
