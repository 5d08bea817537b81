"""Runs a Scrapy command with a deployed egg's code alone; the runner's child."""

import ctypes
import os
import signal
import sys
from importlib.metadata import distributions

from scrapy.cmdline import execute
from scrapyd.config import Config
from scrapyd.utils import initialize_component

from deploy.scrapyd.directories import place_in_data_dir

PR_SET_PDEATHSIG = 1  # prctl(2)


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


def die_with(runner: int) -> None:
    """Makes the kernel kill this process when its runner dies: nobody would see its end."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != runner:  # the runner died before that
            sys.exit("the runner is gone")


def main() -> None:
    if runner := os.environ.pop("RUNNER_PID", None):
        die_with(int(runner))
    config = Config()
    place_in_data_dir(config)
    if trial := os.environ.pop("SCRAPYD_EGG_ON_TRIAL", None):
        activate(trial)
    else:
        _activate_deployed(config)
    execute()


def _activate_deployed(config: Config) -> None:
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


if __name__ == "__main__":
    main()
