import json
from importlib.resources import files
from typing import Any


def expected() -> dict[str, Any]:
    """Returns what a right crawl from ``/`` finds; addresses of the site itself are paths.

    ``sites``: what is stored, by the answer's own address: status, title, links in document order, those
    of them marked nofollow, by themselves or by their page, content type. ``failures``: what did not end
    well, and why. ``retried``: how many attempts met an error and were made again. ``redirects``: where an
    address that stores nothing leads; a loop of them is given up after 20 hops and stored as the answer of
    the last, which failed.
    ``duplicates``: links that are the same request as another. ``never``: what must not be asked for.
    """
    answer: dict[str, Any] = json.loads(files("demo").joinpath("expected.json").read_text(encoding="utf-8"))
    return answer
