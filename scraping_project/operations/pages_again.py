"""Requests for stored pages that are to be asked for again."""

from collections.abc import Iterable
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


def requests_for(pages: Iterable[Page], *, slot_by: str) -> list[Push]:
    """Returns a request for each page: a GET that the spider's ``parse`` takes, past the dupe filter.

    Args:
        pages: What to ask for.
        slot_by: The setting FRONTIER_SLOT_BY: ``host`` or ``domain``.
    """
    return [_request(page, by_domain=slot_by == "domain") for page in pages]


def _request(page: Page, *, by_domain: bool) -> Push:
    host = urlsplit(page.url).hostname or ""
    return Push(
        fingerprint=Fingerprinter.number_of(page.url),
        slot=slot_name(registered_domain(host) if by_domain else host),
        priority=0,
        payload=blob(serialization.of_page(page.url, page.depth)),
        again=True,
    )
