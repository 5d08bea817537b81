"""A process that fires schedules by a fast clock."""

import os
from dataclasses import asdict
from datetime import datetime
from threading import Event

from scrapy.settings import Settings
from sqlalchemy import func, insert

from scraping_project.schedules import keeper, starting
from scraping_project.schedules.keeper import Keeper
from scraping_project.schedules.starting import Starter
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import Duplicated
from scraping_project.storage.runs import RunCounts, RunTaken
from scraping_project.storage.scheduling.process import Process
from scraping_project.storage.tables import runs
from scraping_project.storage.transactions import writing
from tests.support.clocks import FastClock


def start_once(wanted, run_id, engine, _settings):
    """Writes the row of a run that begins and ends in no time, once."""
    row = {
        "id": run_id,
        "spider": wanted.spider,
        "outcome": "finished",
        "crawl_id": "",
        "arguments": "{}",
        "host": "storm",
        "pid": os.getpid(),
        "started_at": func.current_timestamp(),
        **asdict(RunCounts()),
    }
    try:
        with writing(engine) as connection:
            connection.execute(insert(runs).values(row))
    except Duplicated as error:
        raise RunTaken(run_id) from error


def no_redis(_):
    raise AssertionError("runs need no Redis here")


def fire_until_killed(url: str, begin: datetime, real_begin: datetime, speed: int) -> None:
    """Fires the schedules of a database by a clock that runs so many times as fast, see FastClock."""
    starting.start_once = start_once
    keeper.LONGEST_WAIT = 0.05
    process = Process(connect(url), f"firer-{os.getpid()}", FastClock(begin, real_begin, speed))
    Keeper(process, Starter(process, Settings({"SCRAPYD_URLS": ""}), no_redis), Event(), print).run()
