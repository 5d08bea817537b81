"""``scrapy schedule run-now`` and ``backfill``: firings beside the times of a schedule."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime

from scraping_project.cli.schedule_verbs.verb import Place, Verb, say
from scraping_project.schedules import changes


class RunNow(Verb):
    name = "run-now"
    help = "fire a schedule once beside its times"
    more = "Its due times stay as they are. Whatever scrapy periodic is first starts it."
    example = "scrapy schedule run-now nightly"

    def run(self, place: Place, opts: Namespace) -> None:
        due = changes.run_now(place.process, place.schedule(opts))
        say(opts, f"{opts.name} fires now: scrapy schedule show {opts.name}", name=opts.name, due=f"{due}Z")


class Backfill(Verb):
    name = "backfill"
    help = "fire a schedule for its times of a stretch, one run after the other"
    more = "{due} and {due_date} in its arguments stand for those times. A time is backfilled once."
    example = "scrapy schedule backfill nightly --from 2026-11-01 --to 2026-11-08"

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="begin", type=_moment, required=True, metavar="WHEN", help="UTC")
        parser.add_argument("--to", dest="end", type=_moment, required=True, metavar="WHEN", help="UTC")

    def run(self, place: Place, opts: Namespace) -> None:
        done = changes.backfill(place.process, place.schedule(opts), opts.begin, opts.end)
        known = f"; {done.known} were asked for before" if done.known else ""
        say(opts, f"{opts.name} fires for {done.new} times, one after the other{known}", name=opts.name,
            times=done.new)  # fmt: skip


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"it is a moment such as 2026-11-01 or 2026-11-01T02:30, not {text!r}"
        ) from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
