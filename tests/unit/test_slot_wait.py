"""Why a slot's requests wait, by the fields of its clock."""

import pytest

from scraping_project.frontier.slot_wait import SlotFields, wait_of

NOW = 1_000_000


def wait(order=None, *, paused=False, held_till=0, holders=None, **numbers):
    fields = {name: str(value) for name, value in numbers.items()}
    fields |= {f"@{token}": permit for token, permit in (holders or {}).items()}
    found = wait_of(SlotFields.of(fields, NOW, held_till=held_till), order or {}, NOW, paused=paused)
    return found.because, found.because_ms, found.next_ms


ONE = {"one": f"1 {NOW + 4_000}"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("", 0, 0)),
        ({"sent": NOW - 400, "delay": 1_000}, ("delay", 1_000, 600)),
        ({"sent": NOW - 400, "delay": 5_000, "crawl": 5_000}, ("crawl_delay", 5_000, 4_600)),
        ({"sent": NOW - 400, "delay": 5_000, "crawl": 1_000, "adaptive": 5_000}, ("throttle", 5_000, 4_600)),
        ({"sent": NOW - 9_000, "delay": 5_000}, ("", 0, 0)),
        ({"sent": NOW - 9_000, "delay": 5_000, "holders": ONE}, ("delay", 5_000, 0)),
        ({"after": NOW + 90, "sent": NOW, "delay": 5_000}, ("retry_after", 90, 5_000)),
        ({"after": NOW - 1}, ("", 0, 0)),
        ({"cap": 8, "crawl": 0, "holders": ONE}, ("", 0, 0)),
        ({"cap": 8, "crawl": 0, "holders": {"one": f"8 {NOW + 1}"}}, ("busy", 0, 0)),
        ({"cap": 8, "since": NOW, "holders": ONE}, ("robots", 0, 0)),
        ({"cap": 1, "since": NOW, "holders": ONE}, ("busy", 0, 0)),
        ({"delay": 500, "holders": {"one": f"1 {NOW - 100}"}}, ("delay", 500, 400)),
        ({"order": {"delay": 3_000}, "sent": NOW, "delay": 1_000}, ("order", 3_000, 3_000)),
        ({"order": {"paused": True}, "after": NOW + 90}, ("paused", 0, None)),
        ({"order": {"paused": True, "blocked": True}}, ("blocked", 0, None)),
        ({"paused": True, "after": NOW + 90}, ("paused", 0, None)),
        ({"held_till": NOW + 4_000}, ("busy", 0, 4_000)),
        ({"held_till": NOW + 6_000}, ("", 0, 0)),
        ({"sent": "later", "delay": "1e9", "holders": {"one": "many"}}, ("", 0, 0)),
    ],
)
def test_what_a_slot_waits_for(fields, expected):
    assert wait(**fields) == expected
