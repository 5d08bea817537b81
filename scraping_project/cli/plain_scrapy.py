"""Makes ``fetch``, ``shell`` and their like plain Scrapy: no frontier, nothing stored, no server."""

from typing import Any

from scrapy.settings import default_settings

from scraping_project.cli.backends import settings_of
from scraping_project.cli.derived_settings import derive

_OURS = ("SCHEDULER", "DUPEFILTER_CLASS", "DOWNLOADER")


class Plain:
    """A mixin for Scrapy's own commands; it takes back the parts that this project's settings replace."""

    def process_options(self, args: list[str], opts: Any) -> None:
        super().process_options(args, opts)  # type: ignore[misc]
        settings = settings_of(self)  # type: ignore[arg-type]
        derive(settings)
        for name in _OURS:
            settings.set(name, getattr(default_settings, name), "cmdline")
        settings.set("EXTENSIONS", {}, "cmdline")
        settings.set("SPIDER_MIDDLEWARES", {}, "cmdline")
