"""Runs as processes of this machine, where there is no node."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

from scrapy.settings import BaseSettings

from scraping_project.nodes.request_rules import check_run_id

#: Settings that say where everything is.
_PLACES = ("DATA_DIR", "REDIS_URL", "DATABASE_URL")


def log_of(settings: BaseSettings, run_id: str) -> Path:
    """Where such a run logs to.

    Raises:
        RunRequestError: The id is none, and might lead elsewhere.
    """
    return Path(settings["DATA_DIR"]) / "logs" / "local" / f"{check_run_id(run_id)}.log"


def start(
    settings: BaseSettings,
    run_id: str,
    spider: str,
    arguments: Mapping[str, str],
    asked: Mapping[str, str],
) -> None:
    """Starts a process that outlives this one, in the same project and with the same environment.

    Args:
        settings: This process's, which say where Redis, the database and the data are.
        run_id: The run's; its row is written by the process.
        spider: Which spider.
        arguments: Its arguments, checked: they stand in the list of processes.
        asked: Settings of this run, checked too.

    Raises:
        OSError: The log can't be written, or no process started.
    """
    log = log_of(settings, run_id)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "scrapy", "crawl", spider, "-s", f"LOG_FILE={log}"]
    for name, value in asked.items():
        command += ["-s", f"{name}={value}"]
    for name, value in {**arguments, "_job": run_id}.items():
        command += ["-a", f"{name}={value}"]
    places = {name: str(settings[name]) for name in _PLACES if settings[name]}
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  no shell, and every part of it was checked
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, **places},
        )
    # Whoever waits for it keeps it from being a zombie when it ends.
    Thread(target=process.wait, daemon=True).start()
