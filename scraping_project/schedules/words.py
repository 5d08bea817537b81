"""Schedules and firings in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.schedules.targets import RunTarget, SeedsTarget, target_of
from scraping_project.storage.scheduling.firings import Firing
from scraping_project.storage.scheduling.schedules import Schedule

#: Why a time was skipped.
REASONS = {
    "missed": "missed: nobody fired it within its grace",
    "paused": "it was paused",
    "overlap": "the run before went on",
    "replaced": "a newer one took its place",
    "edited": "the schedule was edited before it began",
}


def target_in_words(kept: Mapping[str, Any]) -> str:
    """What a schedule starts, in a few words."""
    try:
        target = target_of(kept)
    except ScheduleRefused as error:
        return f"nothing: {error}"
    if isinstance(target, RunTarget):
        arguments = " ".join(f"-a {name}={value}" for name, value in target.arguments.items())
        return f"run {target.spider} {arguments}".rstrip()
    if isinstance(target, SeedsTarget):
        seeds = "1 seed" if len(target.seeds) == 1 else f"{len(target.seeds)} seeds"
        return f"push {seeds} for {target.frontier or target.spider}"
    pages = "pages that failed" if target.failed else "pages"
    age = "" if target.older_than_seconds is None else f" not asked for in {target.older_than_seconds} s"
    where = f" of {target.domain}" if target.domain else ""
    return f"recrawl {pages}{age}{where} with {target.spider}"


def ends_as(firing: Firing) -> str:
    """What became of a firing, or how far it is."""
    if firing.state == "skipped":
        times = f" ({firing.times} times)" if firing.times > 1 else ""
        return f"skipped{times}: {REASONS.get(firing.reason or '', firing.reason)}"
    if firing.state == "ended":
        return firing.outcome or "ended"
    if firing.state == "failed":
        return "failed to start"
    return firing.state


def state_of(schedule: Schedule, now: datetime) -> str:
    """Whether it fires, in a few words."""
    if not schedule.enabled:
        return "disabled"
    if schedule.is_paused(now):
        until = f" until {schedule.paused_until:%Y-%m-%d %H:%M:%S} UTC" if schedule.paused_until else ""
        note = f": {schedule.pause_note}" if schedule.pause_note else ""
        return f"paused{until} by {schedule.paused_by}{note}"
    if schedule.error:
        return "broken"
    return "on"
