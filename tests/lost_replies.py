"""Crawls that lose one request to a server, or one reply of it: ``python -m tests.lost_replies``.

It loses each that there is, one a crawl; the exit code is 1 when a crawl did not end as if none was lost.
"""

# ruff: noqa: T201 -- a program prints
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import create_engine, make_url, text

from testing.servers import MariadbServer, RedisServer, dies_with_us, mariadb_server, redis_server
from testing.tcp_proxy import TcpProxy, Way, tcp_proxy
from tests.support.project import ROOT
from tests.support.small_site import STORED, SmallSite, small_site

SERVERS = ("redis", "mariadb")
RUNNERS = 4


@dataclass(frozen=True, slots=True)
class Cut:
    """What is lost: the connection to that server ends instead of bringing it there, or back."""

    server: str
    way: Way
    number: int

    @property
    def name(self) -> str:
        return f"{self.server}-{self.way.name.lower()}-{self.number}"


@dataclass(slots=True)
class Lab:
    """Runs crawls of the small site on a few runners at once.

    With a ``database`` on MariaDB they all share that; without, each has an empty one of its own to migrate.
    """

    directory: Path
    redis: RedisServer
    mariadb: MariadbServer
    site: SmallSite
    runners: "list[subprocess.Popen[str]]"
    database: str = ""

    def lose_each(self, server: str, way: Way, *, first: int = 1, step: int = 1) -> tuple[int, list[str]]:
        """Loses one after another until a crawl needs no more; returns how many, and what is wrong."""
        lost, wrong = 0, []
        numbers = count(first, step)
        while True:
            cuts = [Cut(server, way, number) for number in islice(numbers, len(self.runners))]
            outcomes = self.run(cuts)
            lost += sum(fired for fired, _ in outcomes)
            wrong += [line for _, lines in outcomes for line in lines]
            if not all(fired for fired, _ in outcomes):
                return lost, wrong

    def run(self, cuts: list[Cut]) -> list[tuple[bool, list[str]]]:
        """Whether each came to be lost, and what is wrong then."""
        with ExitStack() as stack:
            running = []
            for cut, runner in zip(cuts, self.runners, strict=True):
                case, proxy = self._case(cut, stack)
                runner.stdin.write(json.dumps(case) + "\n")
                runner.stdin.flush()
                running.append((cut, runner, case, proxy))
            codes = [json.loads(runner.stdout.readline()) for _, runner, _, _ in running]
            return [
                (proxy.passed[cut.way] >= cut.number, self._wrong(cut, code, case["database"]))
                for code, (cut, _, case, proxy) in zip(codes, running, strict=True)
            ]

    def _case(self, cut: Cut, stack: ExitStack) -> tuple[dict[str, Any], TcpProxy]:
        directory = self.directory / cut.name
        database = f"sqlite:///{directory}/scraping.db"
        if cut.server == "mariadb":
            database = self.database or self.mariadb.database()
        server = self.redis if cut.server == "redis" else self.mariadb
        proxy = stack.enter_context(tcp_proxy(server.host, server.port))
        proxy.cut_at = cut.way, cut.number
        case = {
            "how": "urls",
            "when": "reply",
            "at": 0,
            "frontier": cut.name,
            "start": self.site.start(cut.name),
            "directory": str(directory),
            "database": database,
            "redis": self.redis.url,
        }
        through = "redis" if cut.server == "redis" else "database"
        case[through] = case[through].replace(f":{server.port}/", f":{proxy.port}/")
        return case, proxy

    def _wrong(self, cut: Cut, codes: list[int], database: str) -> list[str]:
        url = make_url(database)
        engine = create_engine(url.set(port=self.mariadb.port) if url.port else url)
        try:
            with engine.connect() as connection:
                ours = {"pages": f"{self.site.url}/{cut.name}/%", "crawls": f"{cut.name}-2%"}
                pages = connection.scalars(text("SELECT url FROM sites WHERE url LIKE :pages"), ours).all()
                query = text("SELECT outcome, reason FROM runs WHERE crawl_id LIKE :crawls")
                runs = connection.execute(query, ours).all()
        finally:
            engine.dispose()
        stored = {page.rpartition("/")[2] for page in pages}
        wrong = [f"exit codes {codes}"] if codes != [0] else []
        wrong += [f"stored: {sorted(stored)}"] if stored != STORED else []
        wrong += [f"runs: {runs}"] if runs != [("finished", "finished")] else []
        log = self.directory / cut.name / "first.log"
        return [f"{cut.name}: {line}; {log.read_text()[-300:]}" for line in wrong]


@contextmanager
def lab(directory: Path, mariadb: MariadbServer, database: str = "") -> Iterator[Lab]:
    with redis_server() as redis, small_site() as site, ExitStack() as stack:
        runners = [stack.enter_context(_runner(redis.url)) for _ in range(RUNNERS)]
        yield Lab(directory, redis, mariadb, site, runners, database)


@contextmanager
def _runner(redis_url: str) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-W", "error", "-m", "tests.support.crash_runner", redis_url]
    with subprocess.Popen(
        dies_with_us(command), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.stdin.close()


def main() -> int:
    failed = 0
    with (
        TemporaryDirectory(prefix="lost-") as directory,
        mariadb_server() as mariadb,
        lab(Path(directory), mariadb) as laboratory,
    ):
        for server in SERVERS:
            for way in Way:
                lost, wrong = laboratory.lose_each(server, way)
                failed += bool(wrong)
                print(f"{server}: {lost} times one {way.name.lower()} lost, {len(wrong)} wrong", flush=True)
                for line in wrong:
                    print(f"  {line}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
