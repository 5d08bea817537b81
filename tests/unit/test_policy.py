"""The settings of politeness and of a worker's pace: read once, within their bounds."""

import pytest
from scrapy.utils.project import get_project_settings

from scraping_project.politeness.policy import SlotManners
from scraping_project.worker.pace import Pace
from tests.support.policies import policy_of


def pace_of(**changes):
    settings = get_project_settings().copy()
    settings.setdict(changes)
    return Pace.from_settings(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOWNLOAD_DELAY", -1),
        ("DOWNLOAD_DELAY", "nan"),
        ("DOWNLOAD_DELAY_JITTER", -1),
        ("CONCURRENT_REQUESTS_PER_DOMAIN", 0),
        ("FRONTIER_SLOT_BY", "tld"),
        ("RETRY_BACKOFF_BASE", "inf"),
        ("ROBOTSTXT_CRAWL_DELAY_MAX", "long"),
        ("DOWNLOAD_SLOTS", {"a.example": {"delay": -1}}),
    ],
)
def test_a_policy_that_no_site_could_rely_on_is_refused_by_the_name_of_its_setting(name, value):
    with pytest.raises(ValueError, match=name):
        policy_of({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHECKPOINT_INTERVAL", 0),
        ("FRONTIER_LEASE", 0.4),
        ("FRONTIER_STUCK_AFTER", "nan"),
        ("FRONTIER_STANDSTILL_AFTER", 0),
        ("FRONTIER_KEEP_FINISHED", 9),
        ("RUN_HEARTBEAT", 31),
        ("FRONTIER_ORDER", "random"),
        ("FRONTIER_SLOT_PAGES", -1),
        ("FRONTIER_REQUEST_MAXSIZE", 999),
    ],
)
def test_a_pace_that_no_worker_could_keep_is_refused_by_the_name_of_its_setting(name, value):
    with pytest.raises(ValueError, match=name):
        pace_of(**{name: value})


def test_a_slot_of_its_own_takes_what_it_does_not_name_from_the_others():
    policy = policy_of(
        {"DOWNLOAD_DELAY": 2, "DOWNLOAD_SLOTS": {"a.example": {"concurrency": 0, "jitter": 0.5}}}
    )

    assert policy.own == {"a.example": SlotManners(delay_s=2.0, cap=1, jitter=0.5)}


def test_the_projects_own_settings_are_within_their_bounds():
    assert policy_of({}).manners == SlotManners(delay_s=1.0, cap=1, jitter=0.0)
    assert pace_of().lease_s == 60
