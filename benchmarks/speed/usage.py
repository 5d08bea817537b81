"""What processes and Redis have used so far, read from the kernel and from Redis itself."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Self

_TICKS = os.sysconf("SC_CLK_TCK")
_USER_TIME, _SYSTEM_TIME = 11, 12  # fields of /proc/PID/stat, counted behind the program's name


def cpu_seconds(pid: int) -> float:
    """CPU time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER_TIME]) + int(fields[_SYSTEM_TIME])) / _TICKS


def peak_memory(pid: int) -> int:
    """The most memory that a process had resident, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) * 1024
    raise ProcessLookupError(f"the process {pid} has no memory any more")


@dataclass(frozen=True, slots=True)
class RedisUse:
    """Counters of one Redis, or the difference of two readings."""

    scripts: float  # script calls
    reads: float  # times that it read from a client: a command, or several sent at once
    traffic: float  # bytes in both directions
    checks: float  # calls of SADD, with which stock scrapy-redis asks its dupe filter for a link
    cpu: float  # seconds of its main thread

    @classmethod
    def of(cls, stats: Mapping[str, Any], commands: Mapping[str, Any], cpu: Mapping[str, Any]) -> Self:
        """From INFO's sections stats, commandstats and cpu."""
        return cls(
            _calls(commands, "evalsha"),
            stats["total_reads_processed"],
            stats["total_net_input_bytes"] + stats["total_net_output_bytes"],
            _calls(commands, "sadd"),
            cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"],
        )

    def __sub__(self, other: "RedisUse") -> "RedisUse":
        return RedisUse(*(mine - its for mine, its in zip(astuple(self), astuple(other), strict=True)))


def _calls(commands: Mapping[str, Any], name: str) -> float:
    return float(commands.get(f"cmdstat_{name}", {}).get("calls", 0))


@dataclass(frozen=True, slots=True)
class Reading:
    """All counters at one instant, or their growth between two."""

    instant: float
    workers: float  # CPU seconds
    site: float  # the same
    database: float  # the same
    redis: RedisUse

    def __sub__(self, other: "Reading") -> "Reading":
        return Reading(
            self.instant - other.instant,
            self.workers - other.workers,
            self.site - other.site,
            self.database - other.database,
            self.redis - other.redis,
        )


def total_cpu(pids: Iterable[int]) -> float:
    return sum(map(cpu_seconds, pids))
