"""``scrapy frontier NAME pause``: nothing more is leased."""

from argparse import Namespace

from scraping_project.cli.frontier_verbs.verb import Place, Verb, say


class Pause(Verb):
    name = "pause"
    help = "lease nothing more until resume"
    more = "What is leased may be sent for 5 s more. The crawl stays until it is resumed."
    example = "scrapy frontier links pause"
    may_come_first = True

    def run(self, place: Place, opts: Namespace) -> int:
        place.frontier.pause()
        text = "nothing more is leased until resume, what is leased may be sent for 5 s more"
        return say(opts, f"paused {place.name}: {text}", paused=True)
