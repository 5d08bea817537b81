"""``scrapy schedule list``, ``show`` and ``next``: what there is, what it did, and when it fires."""

from argparse import ArgumentParser, Namespace
from datetime import datetime
from itertools import islice

from scraping_project.cli.exits import refuse
from scraping_project.cli.schedule_verbs.verb import Place, Verb, say
from scraping_project.cli.table import print_table
from scraping_project.schedules.definitions import in_zone, timing_of
from scraping_project.schedules.in_words import in_words
from scraping_project.schedules.words import ends_as, state_of, target_in_words
from scraping_project.storage.scheduling.firings import newest
from scraping_project.storage.scheduling.heartbeats import alive
from scraping_project.storage.scheduling.schedules import Schedule, read_all

#: Seconds: a process that fires beats far more often.
ALIVE = 60.0
MOST = 1_000


class List(Verb):
    name = "list"
    help = "list all schedules, with their next time"
    example = "scrapy schedule list"
    takes_name = False

    def run(self, place: Place, opts: Namespace) -> None:
        found = read_all(place.process.engine)
        now = place.process.time()
        if opts.json:
            for each in found:
                say(opts, "", **as_json(each, now))
            return
        rows = [
            (each.name, state_of(each, now), in_words(each.timing, each.timezone), moment(each.next_due),
             target_in_words(each.target))
            for each in found
        ]  # fmt: skip
        print_table(("name", "state", "when", "next (UTC)", "what"), rows)
        if found and not alive(place.process.engine, "periodic", ALIVE):
            say(opts, "Nobody fires them: start `scrapy periodic`, one or more, anywhere")


class Show(Verb):
    name = "show"
    help = "show a schedule, its last ten firings and its next ten times"
    example = "scrapy schedule show nightly"

    def run(self, place: Place, opts: Namespace) -> None:
        schedule, now = place.schedule(opts), place.process.time()
        firings = newest(place.process.engine, schedule.id, limit=10).rows
        if opts.json:
            last = [{"due": f"{each.due}Z", "kind": each.kind, "outcome": ends_as(each), "run": each.run_id}
                    for each in firings]  # fmt: skip
            say(opts, "", **as_json(schedule, now), firings=last)
            return
        for name, value in {
            "name": schedule.name,
            "state": state_of(schedule, now),
            "when": in_words(schedule.timing, schedule.timezone),
            "what": target_in_words(schedule.target),
            "late": f"{schedule.late}, within {schedule.grace_seconds} s",
            "overlap": schedule.overlap,
            "jitter": f"{schedule.jitter_seconds} s",
            "changed": f"{moment(schedule.changed_at)} UTC by {schedule.changed_by}",
            "error": schedule.error,
        }.items():
            if value is not None:
                say(opts, f"{name:<9} {value}")
        print()
        last_ten = [
            (moment(each.due), each.kind, ends_as(each), each.run_id or "", each.error or "")
            for each in firings
        ]
        print_table(("due (UTC)", "kind", "outcome", "run", "why"), last_ten)
        print()
        _print_next(schedule, now, 10)


class Next(Verb):
    name = "next"
    help = "say when a schedule fires next, on its own clocks and in UTC"
    example = "scrapy schedule next nightly --count 5"

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int, default=10, metavar="N", help="so many times (default: 10)")

    def run(self, place: Place, opts: Namespace) -> None:
        if not 1 <= opts.count <= MOST:
            refuse(f"--count is 1 to {MOST}, not {opts.count}")
        schedule, now = place.schedule(opts), place.process.time()
        if opts.json:
            for due in islice(timing_of(schedule).after(now), opts.count):
                say(opts, "", due=f"{due}Z", local=in_zone(due, schedule.timezone).isoformat())
            return
        _print_next(schedule, now, opts.count)


def _print_next(schedule: Schedule, now: datetime, count: int) -> None:
    dues = list(islice(timing_of(schedule).after(now), count))
    if schedule.timezone == "UTC":
        print_table(("next (UTC)",), [(_on_clocks(due, "UTC"),) for due in dues])
    else:
        rows = [(moment(due), _on_clocks(due, schedule.timezone)) for due in dues]
        print_table(("next (UTC)", f"next ({schedule.timezone})"), rows)


def _on_clocks(due: datetime, timezone: str) -> str:
    return in_zone(due, timezone).strftime("%a %Y-%m-%d %H:%M:%S %Z")


def moment(value: datetime | None) -> str:
    return "-" if value is None else value.isoformat(" ", "seconds")


def as_json(schedule: Schedule, now: datetime) -> dict[str, object]:
    return {
        "name": schedule.name,
        "state": state_of(schedule, now),
        "timing": schedule.timing,
        "timezone": schedule.timezone,
        "in_words": in_words(schedule.timing, schedule.timezone),
        "next_due": schedule.next_due and f"{schedule.next_due.isoformat()}Z",
        "target": dict(schedule.target),
        "late": schedule.late,
        "grace_seconds": schedule.grace_seconds,
        "jitter_seconds": schedule.jitter_seconds,
        "overlap": schedule.overlap,
        "pause_after": schedule.pause_after,
    }
