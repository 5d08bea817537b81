"""Runs crawls one after another, each in a process forked from this one, which has imported everything.

``python -m tests.cluster.crash_runner REDIS_URL`` reads one JSON object a line: frontier, start (a URL),
directory, at and when (see spiders_for_faults/crashing.py). It answers each with the exit codes of the
first run and of the run that recovers, which takes place only when the first one did not end well.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scrapy import cmdline
from sqlalchemy import create_engine

import pipelines.logs
import pipelines.sites
import scraping_project.checkpoint
import scraping_project.commands.crawl
import scraping_project.downloader
import scraping_project.extensions.progress
import scraping_project.scheduler
import spiders.links
from scraping_project.storage.migrate import migrate

IMPORTED = (
    pipelines.logs,
    pipelines.sites,
    scraping_project.commands.crawl,
    scraping_project.checkpoint,
    scraping_project.downloader,
    scraping_project.extensions.progress,
    scraping_project.scheduler,
    spiders.links,
)
SETTINGS = {
    "SPIDER_MODULES": "tests.cluster.spiders_for_faults.crashing",
    "CHECKPOINT_INTERVAL": "0.03",
    "DOWNLOAD_DELAY": "0",
    "CONCURRENT_REQUESTS_PER_DOMAIN": "2",  # so that there are more effects
    "FRONTIER_LEASE": "4",
    "ROBOTSTXT_OBEY": "0",
}


def main(redis_url: str) -> None:
    if "twisted.internet.reactor" in sys.modules:
        raise RuntimeError("the event loop must not exist before the fork")
    with TemporaryDirectory() as directory:
        empty = Path(directory, "scraping.db")
        engine = create_engine(f"sqlite:///{empty}")
        migrate(engine)
        engine.dispose()
        for line in sys.stdin:
            sys.stdout.write(json.dumps(run_case(json.loads(line), redis_url, empty)) + "\n")
            sys.stdout.flush()


def run_case(case: dict[str, Any], redis_url: str, empty: Path) -> list[int]:
    directory = Path(case["directory"])
    directory.mkdir()
    shutil.copy(empty, directory)
    codes = [run_forked(case, redis_url, at=case["at"], name="first")]
    if codes[0] != 0:
        codes.append(run_forked(case, redis_url, at=0, name="second"))
    return codes


def run_forked(case: dict[str, Any], redis_url: str, *, at: int, name: str) -> int:
    """Runs one crawl in a child of its own and returns its exit code."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    directory = Path(case["directory"])
    os.environ |= {
        "CRASH_AT": str(at),
        "CRASH_WHEN": case["when"],
        "EFFECTS": str(directory / f"{name}.effects"),
    }
    log = os.open(directory / f"{name}.log", os.O_CREAT | os.O_WRONLY)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    settings = SETTINGS | {
        "REDIS_URL": redis_url,
        "DATA_DIR": str(directory),
        "DATABASE_URL": f"sqlite:///{directory / 'scraping.db'}",
    }
    arguments = ["-a", f"start_urls={case['start']}", "-a", f"frontier={case['frontier']}"]
    arguments += [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]
    code = 1
    try:
        cmdline.execute(["scrapy", "crawl", "links", *arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
