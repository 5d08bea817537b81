"""Why a site waits, in words."""

from typing import Final

from scraping_project.frontier.view import SlotView

WORDS: Final = {
    "": "nothing holds it back",
    "blocked": "blocked by an operator",
    "paused": "paused by an operator",
    "retry_after": "it asked to wait (Retry-After)",
    "order": "an operator's delay",
    "crawl_delay": "Crawl-delay of its robots.txt",
    "throttle": "it answers slowly, or with 429",
    "delay": "DOWNLOAD_DELAY",
    "robots": "its robots.txt is not known yet",
    "busy": "as many requests as allowed are on their way",
}


def because(slot: SlotView) -> str:
    """The cause with its time, such as ``DOWNLOAD_DELAY 1 s``."""
    words = WORDS[slot.because]
    return f"{words} {slot.because_ms / 1000:g} s" if slot.because_ms else words
