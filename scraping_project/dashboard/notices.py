"""What a page says after something was done: words of a closed list, for they stand in the address."""

from typing import Final

NOTICES: Final = {
    "paused": "Paused: nothing more is leased until it is resumed. What is leased may be sent for 5 s more.",
    "resumed": "Resumed.",
    "requeued": "Those that were picked are put back into their queues.",
    "ordered": "Done: it holds on all workers within a second.",
    "seeded": "The seeds are pushed.",
    "asked-again": "The page is asked for again.",
    "cancelled": "The run was asked to end.",
    "scheduled": "Done.",
    "schedule-paused": "Paused: its times pass, and each is noted as skipped.",
    "started": "The run was asked for.",
}


def notice_of(word: str | None) -> str:
    """The sentence for a word; empty for one that is none."""
    return NOTICES.get(word or "", "")
