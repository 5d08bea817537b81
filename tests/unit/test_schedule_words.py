"""Schedules in words, and what is refused of them."""

from dataclasses import replace
from datetime import datetime

import pytest

from scraping_project.schedules.definitions import check
from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.schedules.in_words import in_words
from scraping_project.schedules.targets import RunTarget, target_of
from scraping_project.schedules.words import target_in_words
from scraping_project.storage.scheduling.schedules import AskedSchedule

RUN = {"kind": "run", "spider": "links", "arguments": {"start_urls": "http://a.example/"}}
ASKED = AskedSchedule(
    name="nightly", timing="30 2 * * *", timezone="Europe/Berlin", target=RUN, anchor=datetime(2026, 1, 1)
)


@pytest.mark.parametrize(
    ("text", "zone", "words"),
    [
        ("30 2 * * *", "Europe/Berlin", "at 02:30 every day, Europe/Berlin"),
        ("@hourly", "UTC", "at the start of every hour, UTC"),
        ("15m", "UTC", "every 15 minutes"),
        ("1m", "UTC", "every minute"),
        ("2h30m", "UTC", "every 2 hours 30 minutes"),
        ("1d1h", "UTC", "every 1 day 1 hour"),
        ("nonsense", "UTC", "nonsense"),
    ],
)
def test_times_are_told_in_words(text, zone, words):
    assert in_words(text, zone) == words


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (RUN, "run links -a start_urls=http://a.example/"),
        ({"kind": "seeds", "spider": "links", "seeds": ["http://a.example/"]}, "push 1 seed for links"),
        ({"kind": "recrawl", "spider": "links", "older_than_seconds": 60, "domain": "a.example"},
         "recrawl pages not asked for in 60 s of a.example with links"),
        ({"kind": "dance"}, "nothing: that is nothing a schedule can start"),
    ],
)  # fmt: skip
def test_targets_are_told_in_words(target, words):
    assert target_in_words(target).startswith(words)


def test_arguments_may_name_the_time_that_fired():
    target = RunTarget("links", {"day": "{due_date}", "at": "{due}", "other": "{dues}"})

    wanted = target.wanted(datetime(2026, 6, 30, 23, 0), "Europe/Berlin")

    assert wanted.arguments == {"day": "2026-07-01", "at": "2026-06-30T23:00:00Z", "other": "{dues}"}


def test_a_schedule_as_it_should_be_is_passed():
    check(ASKED)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "two words"}, "no name of a schedule"),
        ({"name": ""}, "no name of a schedule"),
        ({"timing": "61 * * * *"}, "Bad minute"),
        ({"grace_seconds": 0}, "grace is 1 to 86,400 seconds"),
        ({"jitter_seconds": 86_401}, "jitter is 0 to 86,400 seconds"),
        ({"pause_after": 0}, "pause-after is 1 to 1,000 failures"),
        ({"late": "twice"}, "late is one of once, all, none"),
        ({"overlap": "kill"}, "overlap is one of skip, queue, cancel, allow"),
        ({"target": {**RUN, "spider": "../x"}}, "is no spider"),
        ({"target": {**RUN, "arguments": {"password": "x"}}}, "holds a secret"),
        ({"target": {**RUN, "settings": {"LOG_FILE": "/etc/x"}}}, "may not set 'LOG_FILE'"),
        ({"target": {**RUN, "surprise": 1}}, "nothing a schedule can start"),
        ({"target": {"kind": "seeds", "spider": "links", "seeds": []}}, "1 to 1,000 seeds, not 0"),
        ({"target": {"kind": "seeds", "spider": "links", "seeds": ["ftp://a/"]}}, "a seed is refused"),
        ({"target": {"kind": "seeds", "spider": "links", "seeds": ["http://a/"], "frontier": "a b"}},
         "is no frontier name"),
        ({"target": {"kind": "recrawl", "spider": "links"}}, "a recrawl takes an age"),
        ({"target": {"kind": "recrawl", "spider": "links", "failed": True, "domain": "http://a"}},
         "is no host"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_with_the_reason(changes, why):
    with pytest.raises(ScheduleRefused, match=why):
        check(replace(ASKED, **changes))


def test_a_secret_in_an_argument_is_not_repeated_in_the_refusal():
    with pytest.raises(ScheduleRefused) as refused:
        target_of({**RUN, "arguments": {"start_urls": "http://u:canary@a.example/"}})
    assert "canary" not in str(refused.value)
