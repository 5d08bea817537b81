"""Runs a Scrapy command from a deployed egg: Scrapyd calls ``python -m deploy.runner crawl …``."""

import os
import sys
from importlib.metadata import distributions

from scrapy.cmdline import execute
from scrapyd.config import Config
from scrapyd.utils import initialize_component

from deploy.directories import place_in_data_dir


def settings_module(egg: str) -> str:
    """Returns the settings module that an egg names in its ``scrapy`` entry point."""
    for distribution in distributions(path=[egg]):
        for entry_point in distribution.entry_points.select(group="scrapy", name="settings"):
            return entry_point.module
    sys.exit(f"{egg} names no settings: its setup.py needs the entry point scrapy: settings = <module>")


def activate(egg: str) -> None:
    """Puts an egg before the source tree on the path and Scrapy on the egg's settings."""
    sys.path.insert(0, egg)
    os.environ["SCRAPY_SETTINGS_MODULE"] = settings_module(egg)


def main() -> None:
    config = Config()
    place_in_data_dir(config)
    project, version = os.environ["SCRAPY_PROJECT"], os.environ.get("SCRAPYD_EGG_VERSION")
    eggs = initialize_component(config, "eggstorage", "scrapyd.eggstorage.FilesystemEggStorage")
    found, egg = eggs.get(project, version)
    if egg:
        egg.close()
        activate(egg.name)
        os.environ["SCRAPYD_EGG_VERSION"] = found
    # scrapy.cfg's [settings] names projects that run from the source tree.
    elif project not in dict(config.items("settings", default=[])):
        sys.exit(f"no egg of {project}{f' {version}' if version else ''}: run scrapyd-deploy")
    execute()


if __name__ == "__main__":
    main()
