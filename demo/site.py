"""A site in which every page shows one thing that crawlers get wrong; expected.json says what is right."""

from demo.answer import Answer, contents, refusal
from demo.chapters import addresses, answers, charsets, depths, files, markup, redirects, robots, titles

CHAPTERS = (redirects, answers, robots, markup, addresses, charsets, titles, files, depths)

HOME = contents(
    "The Crawler's Field Guide",
    "Each page of this site shows one thing that crawlers get wrong.",
    {f"/{chapter.TITLE.lower()}/": chapter.TITLE for chapter in CHAPTERS},
)

PAGES: dict[str, Answer] = {"/": HOME}
for chapter in CHAPTERS:
    PAGES |= chapter.PAGES

UNKNOWN = refusal(404, "Unknown", "No page of this site links here.")


def find(path: str) -> Answer:
    """Returns the answer for a path exactly as it was sent: another spelling is another page."""
    return PAGES.get(path, UNKNOWN)
