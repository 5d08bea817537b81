"""What makes two runs work on the same crawl: its rules and its seeds."""

import json

from scrapy import Spider

from scraping_project import logins
from scraping_project.frontier.errors import CrawlRefused
from scraping_project.frontier.keys import Keys


def rules_of(spider: Spider) -> str:
    """What all workers of a crawl must agree on: what one would not follow, another might not either."""
    rules = {name: getattr(spider, name, None) for name in ("allowed_domains", "max_depth")}
    return json.dumps(
        {name: value for name, value in rules.items() if value not in (None, [])}, sort_keys=True
    )


def seeds_of(spider: Spider) -> str:
    """Where a crawl starts, in a canonical form without logins; empty for a spider that waits for seeds."""
    urls = getattr(spider, "start_urls", None)
    if not urls and type(spider).start is not Spider.start and not getattr(spider, "waits_for_seeds", False):
        return "start()"
    return " ".join(sorted({logins.hide(url) for url in urls or ()}))


def conflict(error: CrawlRefused, keys: Keys) -> str:
    """What to tell people who start another crawl on an unfinished one."""
    in_force = error.in_force[:200] or "none"
    return (
        f"the unfinished crawl of {keys.name!r} has other {error.what} ({in_force}):"
        f" give the same to resume it, empty it with `scrapy frontier {keys.name} clear`,"
        " or name another with -a frontier=NAME"
    )
