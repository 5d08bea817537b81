"""``python crawlee_program.py FIRST_PAGE``: Crawlee for Python with Parsel, its queue and items in memory."""

import asyncio
import logging
import sys

from crawlee import ConcurrencySettings  # type: ignore[import-not-found,unused-ignore]  # it lives in an environment of its own
from crawlee.crawlers import (  # type: ignore[import-not-found,unused-ignore]  # the same
    ParselCrawler,
    ParselCrawlingContext,
)
from crawlee.storage_clients import MemoryStorageClient  # type: ignore[import-not-found,unused-ignore]  # the same

CONCURRENCY = 32


async def main() -> None:
    logging.disable(logging.WARNING)
    crawler = ParselCrawler(
        concurrency_settings=ConcurrencySettings(
            min_concurrency=CONCURRENCY, desired_concurrency=CONCURRENCY, max_concurrency=CONCURRENCY
        ),
        storage_client=MemoryStorageClient(),
        use_session_pool=False,
        configure_logging=False,
    )

    @crawler.router.default_handler  # type: ignore[untyped-decorator,unused-ignore]  # not seen by the type checker
    async def page(context: ParselCrawlingContext) -> None:
        links = await context.extract_links()
        title = context.selector.css("title::text").get()
        await context.push_data({"url": context.request.url, "title": title, "links": len(links)})
        await context.add_requests(links)

    await crawler.run([sys.argv[1]])


if __name__ == "__main__":
    asyncio.run(main())
