"""The links spider, of which all processes but the first begin when they are told to."""

import time
from pathlib import Path
from typing import Any

from spiders.links import LinksSpider


class LateSpider(LinksSpider):
    name = "links"

    def __init__(self, *args: Any, folder: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._end = Path(folder, "ended")
        try:
            Path(folder, "first").touch(exist_ok=False)
        except FileExistsError:
            while not Path(folder, "go").exists():
                time.sleep(0.02)

    def closed(self, reason: str) -> None:  # noqa: ARG002  Scrapy names it
        self._end.touch()
