"""The options that say what a schedule is, for ``add`` and ``edit``, and the schedule that they make."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, get_args

from scrapy.settings import BaseSettings
from scrapy.utils.conf import arglist_to_dict

from scraping_project.cli.ages import seconds_of
from scraping_project.cli.arguments import check_arguments, domain
from scraping_project.cli.exits import refuse
from scraping_project.cli.spiders import spider_class
from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.schedules.targets import (
    AnyTarget,
    RecrawlTarget,
    RunTarget,
    SeedsTarget,
    kept_of,
    target_of,
)
from scraping_project.storage.scheduling.schedules import AskedSchedule, Late, Overlap, Schedule

#: Options that belong to one kind of target.
_RECRAWL = ("older_than", "status", "domain", "full")


def add_options(parser: ArgumentParser) -> None:
    """Add the options of a schedule; each is None where it was not given."""
    times = parser.add_mutually_exclusive_group()
    times.add_argument("--cron", metavar="'M H D M W'", help="times as cron has them, or @daily and its like")
    times.add_argument("--every", metavar="AGE", help="an interval: 15m, 2h30m, 1d; a minute at least")
    parser.add_argument("--timezone", metavar="ZONE", help="whose clocks: Europe/Berlin (default: UTC)")
    parser.add_argument("--spider", metavar="NAME", help="what runs, or for whose workers seeds are")
    parser.add_argument(
        "-a", dest="spargs", action="append", metavar="NAME=VALUE",
        help="an argument of the run, as -s is a setting of it; {due} and {due_date} in an argument"
        " stand for the time that fired",
    )  # fmt: skip
    parser.add_argument(
        "--seed",
        dest="seeds",
        action="append",
        metavar="URL",
        help="push this seed instead of starting a run",
    )
    parser.add_argument(
        "--older-than", type=_seconds, metavar="AGE", help="recrawl pages of that age instead"
    )
    parser.add_argument("--status", choices=["failed"], help="recrawl those that failed")
    parser.add_argument("--domain", metavar="HOST", help="recrawl only this host")
    parser.add_argument("--full", action="store_true", default=None, help="recrawl on no condition")
    parser.add_argument("--frontier", metavar="NAME", help="whose seeds these are (default: the spider's)")
    parser.add_argument(
        "--jitter", type=_seconds, metavar="AGE", help="start up to so much later, always as much for a time"
    )
    parser.add_argument("--grace", type=_seconds, metavar="AGE", help="so late may it start (default: 1h)")
    late = "of missed times inside the grace, start the newest (once), all or none (default: once)"
    parser.add_argument("--late", choices=get_args(Late), help=late)
    overlap = "while its last run goes on: skip, queue one, cancel the old, or allow (default: skip)"
    parser.add_argument("--overlap", choices=get_args(Overlap), help=overlap)
    parser.add_argument(
        "--pause-after", type=int, metavar="N", help="pause it after N failures in a row; 0: never (default)"
    )


def asked(opts: Namespace, settings: BaseSettings, now: datetime) -> AskedSchedule:
    """The schedule that the options make.

    Raises:
        ScheduleRefused: Something is missing, or can't be.
    """
    if not opts.cron and not opts.every:
        raise ScheduleRefused("when? Give --cron '30 2 * * *' or --every 15m")
    if not opts.spider:
        raise ScheduleRefused("what? Give --spider links, and -a or --seed or --older-than with it")
    return AskedSchedule(
        name=opts.name,
        timing=opts.cron or opts.every,
        timezone=opts.timezone or "UTC",
        anchor=now,
        target=kept_of(_target(opts, settings)),
        **_conditions(opts),
    )


def edited(old: Schedule, opts: Namespace, settings: BaseSettings, now: datetime) -> AskedSchedule:
    """A schedule with the options that were given, and all else as it is.

    Raises:
        ScheduleRefused: Something can't be.
    """
    timing = opts.cron or opts.every
    changes: dict[str, Any] = {} if timing is None else {"timing": timing, "anchor": now}
    if opts.timezone is not None:
        changes["timezone"] = opts.timezone
    if opts.spider or opts.spargs or opts.set or opts.seeds or opts.frontier or _is_recrawl(opts):
        before = target_of(old.target)
        opts.spider = opts.spider or before.spider
        changes["target"] = kept_of(_target(opts, settings))
    if opts.rename is not None:
        changes["name"] = opts.rename
    return replace(as_it_is(old), **changes, **_conditions(opts))


def as_it_is(schedule: Schedule) -> AskedSchedule:
    """What somebody would ask for to have this schedule."""
    return AskedSchedule(**{each.name: getattr(schedule, each.name) for each in fields(AskedSchedule)})


def _conditions(opts: Namespace) -> dict[str, Any]:
    given: dict[str, Any] = {
        "jitter_seconds": opts.jitter,
        "grace_seconds": opts.grace,
        "late": opts.late,
        "overlap": opts.overlap,
    }
    found = {name: value for name, value in given.items() if value is not None}
    return found if opts.pause_after is None else {**found, "pause_after": opts.pause_after or None}


def _target(opts: Namespace, settings: BaseSettings) -> AnyTarget:
    spider = spider_class(settings, opts.spider)
    if opts.seeds and _is_recrawl(opts):
        raise ScheduleRefused("either --seed or a recrawl: make two schedules")
    if opts.seeds or _is_recrawl(opts):
        if opts.spargs or opts.set:
            raise ScheduleRefused("-a and -s are of runs: seeds are for workers that wait already")
        if opts.seeds:
            return SeedsTarget(spider=opts.spider, seeds=opts.seeds, frontier=opts.frontier)
        return RecrawlTarget(
            spider=opts.spider,
            frontier=opts.frontier,
            older_than_seconds=opts.older_than,
            failed=opts.status == "failed",
            domain=None if opts.domain is None else domain("--domain", opts.domain).strip("[]"),
            full=bool(opts.full),
        )
    try:
        arguments = arglist_to_dict(opts.spargs or [])
    except ValueError:
        refuse("-a takes NAME=VALUE: see --help")
    if opts.frontier:
        arguments["frontier"] = opts.frontier
    check_arguments(spider, arguments)
    return RunTarget(spider=opts.spider, arguments=arguments, settings=arglist_to_dict(opts.set))


def _is_recrawl(opts: Namespace) -> bool:
    return any(getattr(opts, name) is not None for name in _RECRAWL)


def _seconds(text: str) -> int:
    if (seconds := seconds_of(text)) is None:
        raise ArgumentTypeError(f"it is a whole number and one of s, m, h, d, w, such as 15m, not {text!r}")
    return seconds
