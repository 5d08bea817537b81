"""Runs crawls one after another, each in a process forked from this one, which has imported everything.

``python -m tests.support.crash_runner REDIS_URL`` reads one JSON object a line: frontier, start (a URL),
how (``urls``, ``seeds``: the start comes from Redis, ``pair``: a second worker beside, ``mariadb``),
directory, database (a URL, or empty), at and when (see spiders_for_faults/crashing.py), and redis when that
is another. It answers each with the exit codes of the first runs and of the run that recovers, which takes
place only when none of the first ended well.
"""

import json
import os
import shutil
import sys
import time
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import redis
from scrapy import cmdline
from sqlalchemy import create_engine

from scraping_project.storage.migrate import migrate
from tests.support.imports_of_a_crawl import import_everything

SETTINGS = {
    "SPIDER_MODULES": "tests.cluster.spiders_for_faults.crashing",
    "CHECKPOINT_INTERVAL": "0.02",
    "RETRY_BACKOFF_BASE": "0",
    "DOWNLOAD_DELAY": "0.01",
    "CONCURRENT_REQUESTS_PER_DOMAIN": "1",  # so that there are more effects
    "FRONTIER_LEASE": "1",
    "ROBOTSTXT_OBEY": "0",
}
#: Where a commit takes longer, fewer of them.
FEWER = {"DOWNLOAD_DELAY": "0", "CONCURRENT_REQUESTS_PER_DOMAIN": "4"}


def main(redis_url: str) -> None:
    import_everything()
    import_module("scraping_project.commands.crawl")
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
    redis_url = case.get("redis", redis_url)
    if case["how"] == "seeds":
        with redis.Redis.from_url(redis_url, protocol=2) as client:
            client.lpush(f"{case['frontier']}:start_urls", json.dumps({"url": case["start"], "priority": 1}))
    children = [fork(case, redis_url, at=case["at"], name="first")]
    if case["how"] == "pair":
        children.append(fork(case, redis_url, at=0, name="beside"))
    codes = wait_for(children)
    if 0 not in codes:
        codes += wait_for([fork(case, redis_url, at=0, name="second")])
    return codes


def wait_for(children: list[int]) -> list[int]:
    """Returns their exit codes; whoever ends is off the list of processes at once, as others look there."""
    codes: dict[int, int] = {}
    while len(codes) < len(children):
        child, status = os.wait()
        codes[child] = os.waitstatus_to_exitcode(status)
    return [codes[child] for child in children]


def fork(case: dict[str, Any], redis_url: str, *, at: int, name: str) -> int:
    """Runs one crawl in a child of its own and returns its process id."""
    if child := os.fork():
        return child
    directory = Path(case["directory"])
    if name == "beside":
        wait_until_there(directory / "first.effects")
    os.environ |= {
        "CRASH_AT": str(at),
        "CRASH_WHEN": case["when"],
        "EFFECTS": str(directory / f"{name}.effects"),
    }
    log = os.open(directory / f"{name}.log", os.O_CREAT | os.O_WRONLY)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        cmdline.execute(["scrapy", "crawl", "links", *arguments(case, redis_url)])
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


def arguments(case: dict[str, Any], redis_url: str) -> list[str]:
    directory = case["directory"]
    settings = SETTINGS | {
        "REDIS_URL": redis_url,
        "DATA_DIR": directory,
        "DATABASE_URL": case["database"] or f"sqlite:///{directory}/scraping.db",
    }
    settings |= FEWER if case["how"] == "mariadb" else {}
    words = ["-a", f"frontier={case['frontier']}"]
    if case["how"] != "seeds":
        words += ["-a", f"start_urls={case['start']}"]
    return words + [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]


def wait_until_there(path: Path) -> None:
    while not path.exists():
        time.sleep(0.005)


if __name__ == "__main__":
    main(sys.argv[1])
