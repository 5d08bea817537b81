"""A worker that waits in vain says so once, and for whom."""

import redis

from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from testing.polite_sites import write_pages
from tests.support.project import until

SLOT, HOLDER = "127.0.0.1", "elsewhere:0:22:1:silent"
NEVER = 10**13  # ms: the scripts make the longest permit of it


def test_it_is_said_once_who_holds_a_slot_and_what_the_operator_forbids_is_no_warning(
    project, redis_url, nginx, tmp_path
):
    keys = Keys("links")
    site = nginx(write_pages(tmp_path / "site", 0))
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        # Given a crawl whose only site was paused
        frontier = Frontier(client, keys)
        frontier.order(SLOT, {"paused": True})
        settings = ("-s", "FRONTIER_STANDSTILL_AFTER=1", "-s", "DOWNLOAD_DELAY=0", "-L", "INFO")
        process = project.start("crawl", "links", "-a", f"start_urls={site.url}index.html", *settings)
        says = lambda words: words in project.errors(process)  # noqa: E731  shorter
        until(lambda: says(f"requests wait: {SLOT} was paused by the operator"), process, project)

        # When it is resumed, but another worker holds it and sends nothing
        def says_so_while_it_is_held():
            client.hset(keys.of("slot", SLOT), f"@{HOLDER}", f"1 {NEVER}")
            return says(f"requests wait: {SLOT} is held by process 22 of elsewhere")

        assert not says_so_while_it_is_held()
        frontier.order(SLOT, {})
        until(says_so_while_it_is_held, process, project)
        client.hdel(keys.of("slot", SLOT), f"@{HOLDER}")

        # Then that is said once, and the crawl goes on when it may
        process.communicate(timeout=60)
    lines = [line for line in project.errors(process).splitlines() if "Nothing was sent" in line]
    assert ["WARNING" in line for line in lines] == [False, True]
    assert process.returncode == 0
