"""Processes whose clocks are off."""

import subprocess
from pathlib import Path

import psutil

from testing.servers import find_program


def forget_dead_clocks():
    """Removes what killed processes left in shared memory: faketime fails at its own number there."""
    for left in Path("/dev/shm").glob("*faketime_s*_*"):
        if not psutil.pid_exists(int(left.name.rpartition("_")[2])):
            left.unlink(missing_ok=True)


def preload():
    """The library that faketime puts before a program's own clock, in the loader's words."""
    forget_dead_clocks()
    command = [find_program("faketime"), "-f", "+0", "printenv", "LD_PRELOAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


#: Python's own sleep is told an instant, at which faketime fails.
SLEEP = """
import select
import time

time.sleep = lambda seconds: select.select((), (), (), seconds)
"""


def environment_of_a_wrong_clock(directory):
    """The environment of a process whose clock is off; what it measures durations with is not."""
    (directory / "sitecustomize.py").write_text(SLEEP)
    env = {"PYTHONPATH": str(directory), "LD_PRELOAD": preload(), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return lambda shift: env | {"FAKETIME": shift}
