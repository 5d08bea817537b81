"""How long a retry of all takes: every dead letter, and the pages that failed in the last hour."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any

from benchmarks.dashboard.tower import OK, Tower
from benchmarks.speed.stage import SpeedError
from benchmarks.table import Row

LOOK = 0.2  # seconds between two looks at how far it is


def retrying(serving: Tower, letters: int) -> Iterator[Row]:
    since = datetime.now(UTC) - timedelta(hours=1)
    with closing(serving.connect()) as connection:
        began, cpu = time.perf_counter(), serving.cpu
        action = _asked(connection, "POST", "/api/v1/retries", {"since": since.isoformat()})["id"]
        while (found := _asked(connection, "GET", f"/api/v1/actions/{action}")["action"])[
            "state"
        ] != "finished":
            if found["state"] == "failed":
                raise SpeedError(f"the retry failed: {found}")
            time.sleep(LOOK)
        seconds = time.perf_counter() - began
    if found["result"]["letters"] != letters:
        raise SpeedError(f"{letters} dead letters were to be put back: {found}")
    yield Row("dead letters put back", letters)
    yield Row("failed pages asked for again", found["result"]["pages"])
    yield Row("seconds", seconds, 60, "<=")
    yield Row("seconds of CPU of the dashboard", serving.cpu - cpu)


def _asked(connection: HTTPConnection, method: str, path: str, body: dict[str, str] | None = None) -> Any:
    connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != OK:
        raise SpeedError(f"{path} is answered with {answer.status}: {text.decode()}")
    return json.loads(text)["data"]
