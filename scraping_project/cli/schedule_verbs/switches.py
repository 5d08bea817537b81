"""``scrapy schedule enable``, ``disable``, ``pause``, ``resume`` and ``remove``."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime, timedelta

from scraping_project.cli.ages import seconds_of
from scraping_project.cli.schedule_verbs.verb import Place, Verb, say
from scraping_project.schedules import changes


class Enable(Verb):
    name = "enable"
    help = "let a schedule fire again from now on; what it has missed is not caught up"
    example = "scrapy schedule enable nightly"

    def run(self, place: Place, opts: Namespace) -> None:
        changes.enable(place.process, place.schedule(opts))
        kept = place.schedule(opts)
        say(opts, f"{kept.name} is on, next at {kept.next_due} UTC", name=kept.name, state="on")


class Disable(Verb):
    name = "disable"
    help = "let a schedule fire no more; it keeps its history"
    example = "scrapy schedule disable nightly"

    def run(self, place: Place, opts: Namespace) -> None:
        changes.disable(place.process, place.schedule(opts))
        say(opts, f"{opts.name} is disabled; a run of it that goes on is not ended", name=opts.name,
            state="disabled")  # fmt: skip


class Pause(Verb):
    name = "pause"
    help = "let the times of a schedule pass, each noted as skipped"
    example = "scrapy schedule pause nightly --until 2h --note 'the site is moving'"

    def add_options(self, parser: ArgumentParser) -> None:
        when = "2h from now, or 2026-12-31T08:00 in UTC (default: for ever)"
        parser.add_argument("--until", type=_until, metavar="WHEN", help=when)
        parser.add_argument("--note", metavar="TEXT", help="why, for those who wonder")

    def run(self, place: Place, opts: Namespace) -> None:
        until = opts.until
        if isinstance(until, timedelta):
            until = place.process.time().replace(microsecond=0) + until
        changes.pause(place.process, place.schedule(opts), until, opts.note)
        end = f"until {until} UTC" if until else f"until scrapy schedule resume {opts.name}"
        say(opts, f"{opts.name} is paused {end}", name=opts.name, state="paused")


class Resume(Verb):
    name = "resume"
    help = "end the pause of a schedule"
    example = "scrapy schedule resume nightly"

    def run(self, place: Place, opts: Namespace) -> None:
        changes.resume(place.process, place.schedule(opts))
        kept = place.schedule(opts)
        say(opts, f"{kept.name} goes on, next at {kept.next_due} UTC", name=kept.name, state="on")


class Remove(Verb):
    name = "remove"
    help = "take a schedule away with its history; its runs stay"
    example = "scrapy schedule remove nightly"

    def run(self, place: Place, opts: Namespace) -> None:
        changes.remove(place.process, place.schedule(opts))
        say(opts, f"{opts.name} is removed", name=opts.name, state="removed")


def _until(text: str) -> datetime | timedelta:
    if (seconds := seconds_of(text)) is not None:
        return timedelta(seconds=seconds)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"it is an age such as 2h, or a moment such as 2026-12-31T08:00, not {text!r}"
        ) from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
