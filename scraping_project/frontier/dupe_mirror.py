"""What a worker remembers of the dupe filter."""

from collections.abc import Callable, Iterable

from scraping_project.frontier.recent_set import RecentSet

#: How many fingerprints a worker remembers at the most: about 25 MB.
KNOWN = 200_000
#: How many URLs of links: about 10 MB. Most links of a page are on its neighbours, too.
LINKS = 65_536


class DupeMirror:
    """A bounded local mirror of the dupe filter: what is in it is surely in the shared one.

    It also has the URLs of links, whose fingerprints need not be made again. It is emptied whenever the
    shared one may have changed (another crawl, another token, Redis away), or it would hide links that the
    frontier no longer knows.
    """

    def __init__(self, size: int = KNOWN) -> None:
        self._fingerprints = RecentSet(size)
        self._links = RecentSet(LINKS)

    def __contains__(self, fingerprint: str) -> bool:
        return fingerprint in self._fingerprints

    def new(self, urls: Iterable[str], number_of: Callable[[str], str]) -> dict[str, str]:
        """The fingerprints of those links that it does not have, by their URLs, in no certain order."""
        numbers = {url: number_of(url) for url in self._links.without(urls)}
        new = self._fingerprints.without(numbers.values())
        self._links.add(url for url, number in numbers.items() if number not in new)
        return {url: number for url, number in numbers.items() if number in new}

    def add(self, fingerprints: Iterable[str]) -> None:
        self._fingerprints.add(fingerprints)

    def clear(self) -> None:
        self._fingerprints.clear()
        self._links.clear()
