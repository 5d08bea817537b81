"""Requests for stored pages that are to be asked for again."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from scraping_project.frontier.messages import Push, blob, slot_name
from scraping_project.http import serialization
from scraping_project.http.fingerprints import Fingerprinter
from scraping_project.politeness.registered_domain import registered_domain


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its URL, and how many links lead from a seed to it."""

    url: str
    depth: int = 0


def request_for(page: Page, *, slot_by: str) -> Push:
    """Returns a request for a page: a GET that the spider's ``parse`` takes, past the dupe filter.

    Args:
        page: What to ask for.
        slot_by: The setting FRONTIER_SLOT_BY: ``host`` or ``domain``.
    """
    host = urlsplit(page.url).hostname or ""
    return Push(
        fingerprint=Fingerprinter.number_of(page.url),
        slot=slot_name(registered_domain(host) if slot_by == "domain" else host),
        priority=0,
        payload=blob(serialization.of_page(page.url, page.depth)),
        again=True,
    )
