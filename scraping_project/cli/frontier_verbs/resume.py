"""``scrapy frontier NAME resume``: ends a pause."""

from argparse import Namespace

from scraping_project.cli.frontier_verbs.verb import Place, Verb, say


class Resume(Verb):
    name = "resume"
    help = "end the pause"
    example = "scrapy frontier links resume"
    may_come_first = True

    def run(self, place: Place, opts: Namespace) -> int:
        place.frontier.resume()
        place.frontier.rest()
        return say(opts, f"resumed {place.name}", paused=False)
