"""The links spider on a machine that is busy just when a request is to leave: every second one is late."""

import asyncio
import itertools
import time

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.http import Response

from spiders.links import LinksSpider

TURNS, BUSY = 3, 0.25  # turns of the event loop that take so many seconds each


def be_busy(turns: int) -> None:
    time.sleep(BUSY)
    if turns > 1:
        asyncio.get_running_loop().call_soon(be_busy, turns - 1)


class StallingHandler(HTTP11DownloadHandler):
    number = itertools.count()

    async def download_request(self, request: Request) -> Response:
        if next(self.number) % 2 == 0:
            asyncio.get_running_loop().call_soon(be_busy, TURNS)
        return await super().download_request(request)


class StallingSpider(LinksSpider):
    name = "stalling"
    custom_settings = {**LinksSpider.custom_settings, "DOWNLOAD_HANDLERS": {"http": StallingHandler}}  # noqa: RUF012
