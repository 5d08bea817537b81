"""``python bare_loop.py FIRST_PAGE``: aiohttp, uvloop and lexbor alone, the limit in Python.

No retries, no politeness, no storage, no statistics: a set of seen URLs and a queue.
"""

import asyncio
import sys
from urllib.parse import urljoin

import aiohttp  # type: ignore[import-not-found,unused-ignore]  # it lives in an environment of its own
import uvloop  # type: ignore[import-not-found,unused-ignore]  # the same
from selectolax.lexbor import LexborHTMLParser

CONCURRENCY = 32


async def crawl(first: str) -> list[tuple[str, str, int]]:
    """URL, title and number of links of every page."""
    items: list[tuple[str, str, int]] = []
    seen, queue = {first}, asyncio.Queue[str]()
    queue.put_nowait(first)
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def work() -> None:
            while True:
                url = await queue.get()
                async with session.get(url) as response:
                    tree = LexborHTMLParser(await response.read())
                title = tree.css_first("title")
                links = [urljoin(url, href) for a in tree.css("a[href]") if (href := a.attributes["href"])]
                items.append((url, title.text() if title else "", len(links)))
                for link in links:
                    if link not in seen:
                        seen.add(link)
                        queue.put_nowait(link)
                queue.task_done()

        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(work()) for _ in range(CONCURRENCY)]
            await queue.join()
            for worker in workers:
                worker.cancel()
    return items


if __name__ == "__main__":
    uvloop.run(crawl(sys.argv[1]))
