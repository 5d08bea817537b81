"""How fast sites may be asked, by the settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from scrapy.settings import BaseSettings

from scraping_project.bounds import MANY, MOST_SECONDS, choice, number

#: What DOWNLOAD_SLOTS may say of a slot; Scrapy knows more, which is none of this project's.
_OF_A_SLOT = {"delay": (0, MOST_SECONDS), "concurrency": (0, MANY), "jitter": (0, MOST_SECONDS)}
_EXAMPLE = 'write {"example.com": {"delay": 5, "concurrency": 1}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotManners:
    """What holds for one slot: seconds between two requests, requests in flight, and the jitter's share."""

    delay_s: float
    cap: int
    jitter: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttling:
    """AutoThrottle's settings."""

    enabled: bool
    concurrency: float  # requests in flight that it aims at
    start_s: float
    longest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The politeness of a run: read and checked here, and nowhere else."""

    manners: SlotManners  # of slots without their own
    own: Mapping[str, SlotManners]
    by_domain: bool
    obeys_robots: bool
    longest_crawl_delay_s: float
    backoff_base_s: float
    throttling: Throttling

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> Self:
        """Read a policy.

        Raises:
            ValueError: A setting has no such value; in one line that says which it may have.
        """
        manners = SlotManners(
            delay_s=_number(settings, "DOWNLOAD_DELAY", MOST_SECONDS),
            cap=int(number(name := "CONCURRENT_REQUESTS_PER_DOMAIN", settings[name], 1, MANY)),
            jitter=_number(settings, "DOWNLOAD_DELAY_JITTER", MOST_SECONDS),
        )
        return cls(
            manners=manners,
            own={slot: _own(slot, of, manners) for slot, of in settings.getdict("DOWNLOAD_SLOTS").items()},
            by_domain=choice(settings, "FRONTIER_SLOT_BY", ("host", "domain")) == "domain",
            obeys_robots=settings.getbool("ROBOTSTXT_OBEY"),
            longest_crawl_delay_s=_number(settings, "ROBOTSTXT_CRAWL_DELAY_MAX", MOST_SECONDS),
            backoff_base_s=_number(settings, "RETRY_BACKOFF_BASE", MOST_SECONDS),
            throttling=_throttling(settings),
        )


def _number(settings: BaseSettings, name: str, most: float) -> float:
    return number(name, settings[name], 0, most)


def _own(slot: str, own: Any, others: SlotManners) -> SlotManners:
    if not isinstance(own, dict):
        raise ValueError(f"DOWNLOAD_SLOTS says {own!r} of {slot!r}: {_EXAMPLE}")  # noqa: TRY004  a setting's value
    given = {
        name: number(f"DOWNLOAD_SLOTS: {name} of {slot!r}", own[name], least, most)
        for name, (least, most) in _OF_A_SLOT.items()
        if name in own
    }
    return SlotManners(
        delay_s=given.get("delay", others.delay_s),
        cap=max(int(given.get("concurrency", others.cap)), 1),
        jitter=given.get("jitter", others.jitter),
    )


def _throttling(settings: BaseSettings) -> Throttling:
    enabled = settings.getbool("AUTOTHROTTLE_ENABLED")
    concurrency = number(name := "AUTOTHROTTLE_TARGET_CONCURRENCY", settings[name], -MANY, MANY)
    if enabled and concurrency <= 0:
        raise ValueError(f"{name} is {concurrency:g}: it must be above 0")
    return Throttling(
        enabled=enabled,
        concurrency=concurrency,
        start_s=_number(settings, "AUTOTHROTTLE_START_DELAY", MOST_SECONDS),
        longest_s=_number(settings, "AUTOTHROTTLE_MAX_DELAY", MOST_SECONDS),
    )
