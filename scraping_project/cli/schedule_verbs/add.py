"""``scrapy schedule add``: keep a new schedule."""

from argparse import ArgumentParser, Namespace

from scraping_project.cli.schedule_verbs import wanted
from scraping_project.cli.schedule_verbs.verb import Place, Verb, say
from scraping_project.schedules.changes import create
from scraping_project.schedules.in_words import in_words


class Add(Verb):
    name = "add"
    help = "keep a new schedule, which fires from now on"
    more = (
        "Something must fire it: scrapy periodic, any number of them. It starts a run of the spider, on a"
        " Scrapyd node or, where there is none, on the machine whose scrapy periodic is first; or it pushes"
        " seeds, or has stored pages asked for again."
    )
    example = "scrapy schedule add nightly --spider links --cron '30 2 * * *' --timezone Europe/Berlin"

    def add_options(self, parser: ArgumentParser) -> None:
        wanted.add_options(parser)

    def run(self, place: Place, opts: Namespace) -> None:
        asked = wanted.asked(opts, place.settings, place.process.time())
        kept = create(place.process, asked)
        words = in_words(kept.timing, kept.timezone)
        say(opts, f"{kept.name}: {words}, next at {kept.next_due} UTC", name=kept.name,
            next_due=f"{kept.next_due}Z", in_words=words)  # fmt: skip
