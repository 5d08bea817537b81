"""A Redis of which a test knows what is on the disk."""

import re
from pathlib import Path

from testing.servers import RedisServer, find_program

EVERYSEC = {"appendfsync": "everysec", "aof-load-truncated": "yes"}
WRITTEN = re.compile(r"write\(.*incr\.aof>, .* = (\d+)$")


class TracedRedis(RedisServer):
    """A Redis whose writes to its append-only file, and those to the disk, are on record."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "redis-server", EVERYSEC)
        self._trace = directory / "trace"

    def _command(self) -> list[str]:
        what = ["-e", "trace=write,fdatasync", "-e", "signal=none", "-s", "0", "-y", "-o", str(self._trace)]
        return [find_program("strace"), "-D", "-f", "-qq", *what, *super()._command()]

    @property
    def file(self) -> Path:
        (file,) = self.directory.glob("appendonlydir/*.incr.aof")
        return file

    def on_disk(self) -> int:
        """Returns how long the file was when the last fdatasync that has ended began."""
        written = durable = began = 0
        for line in self._trace.read_text(errors="replace").splitlines():
            if match := WRITTEN.search(line):
                written += int(match[1])
            elif "fdatasync(" in line:
                began = written
            if "fdatasync" in line and line.endswith("= 0"):
                durable = began
        return durable

    def unsynced(self) -> int:
        return self.file.stat().st_size - self.on_disk()

    def lose_power(self, cut: int) -> None:
        """Keeps so many bytes of what was not on the disk."""
        with self.file.open("r+b") as file:
            file.truncate(self.on_disk() + cut)
