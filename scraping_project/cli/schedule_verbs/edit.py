"""``scrapy schedule edit``: change a schedule."""

from argparse import ArgumentParser, Namespace

from scraping_project.cli.schedule_verbs import wanted
from scraping_project.cli.schedule_verbs.verb import Place, Verb, say
from scraping_project.schedules.changes import change, known
from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.schedules.in_words import in_words


class Edit(Verb):
    name = "edit"
    help = "change a schedule; its times count from now on"
    more = "What is not named stays as it is, but for -a and -s, which come all anew with any of them."
    example = "scrapy schedule edit nightly --cron '0 4 * * *' --overlap queue"

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rename", metavar="NAME", help="call it so")
        wanted.add_options(parser)

    def run(self, place: Place, opts: Namespace) -> None:
        old = place.schedule(opts)
        asked = wanted.edited(old, opts, place.settings, place.process.time())
        if asked == wanted.as_it_is(old):
            raise ScheduleRefused(f"what of {old.name} shall be otherwise? See scrapy schedule edit --help")
        change(place.process, old, asked)
        kept = known(place.process.engine, asked.name)
        words = in_words(kept.timing, kept.timezone)
        say(opts, f"{kept.name}: {words}, next at {kept.next_due} UTC", name=kept.name,
            next_due=f"{kept.next_due}Z", in_words=words)  # fmt: skip
