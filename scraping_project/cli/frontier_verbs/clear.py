"""``scrapy frontier NAME clear``: forgets the crawl."""

from argparse import Namespace
from itertools import count

from scraping_project.cli.frontier_verbs.verb import Place, Verb, say
from scraping_project.cli.progress import Progress

#: Keys that one sweep deletes.
SWEPT = 1000


class Clear(Verb):
    name = "clear"
    help = "forget the crawl and all it holds"
    more = "Runs with start URLs end, workers that wait for seeds go on. What was said of slots stays."
    example = "scrapy frontier links clear"
    may_come_first = True

    def run(self, place: Place, opts: Namespace) -> int:
        held = place.frontier.clear()
        with Progress() as progress:
            for scripts in count(1):
                if not place.frontier.sweep(SWEPT):
                    break
                progress.say(f"about {scripts * SWEPT:,} keys swept up")
        return say(opts, f"cleared {place.name}: {held} requests were waiting or in work", cleared=held)
