"""Storms of kills, one after another: ``python -m tests.storm --seeds 20 --kills 12``.

First storms over the workers, then as many over the database. With ``--files``: storms over
workers whose items have files, which wait for their site's turn, and no others.

Each prints its seed and what it cost; the exit code is 1 when any has lost or doubled something.
"""

# ruff: noqa: T201 -- a program prints
import secrets
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from testing.servers import NginxServer, SqlServer, mariadb_server, nginx_server, redis_server
from tests.support import file_storm
from tests.support.database_storm import BUSY, storm_over
from tests.support.kill_storm import CONCURRENCY, SLOW, Damage, crawl_of, judge, run_to_the_end, storm
from tests.support.manuals import manual
from tests.support.project import Project, until

#: Requests by which a crawl is under way: a database that is away at its start ends it.
BEGUN = 10


def main() -> int:
    parser = ArgumentParser(prog="python -m tests.storm", description="Storms of kills over a crawl.")
    parser.add_argument("--seeds", type=int, default=20, help="how many storms (%(default)s)")
    parser.add_argument("--kills", type=int, default=12, help="kills in each, at most (%(default)s)")
    parser.add_argument("--workers", type=int, default=4, help="workers at any time (%(default)s)")
    parser.add_argument("--seed", type=int, help="that of the first storm; by chance when not given")
    parser.add_argument("--files", action="store_true", help="over workers with FilesPipeline and a delay")
    given = parser.parse_args()
    first = secrets.randbelow(10**6) if given.seed is None else given.seed
    seeds = range(first, first + given.seeds)
    tally = Tally()
    if given.files:
        over_workers_with_files(tally, seeds, given)
    else:
        over_workers(tally, seeds, given)
        over_databases(tally, seeds, given)
    print(f"{tally.storms} storms: {tally.lost} pages lost, {tally.failed} storms with something wrong")
    return int(tally.failed > 0)


def over_workers_with_files(tally: "Tally", seeds: range, given: Namespace) -> None:
    for seed in seeds:
        kills, damage = one_storm_with_files(seed, workers=given.workers, kills=given.kills)
        tally.add(f"seed {seed}: {kills} kills", damage, again=kills * CONCURRENCY)


def over_workers(tally: "Tally", seeds: range, given: Namespace) -> None:
    with nginx_server(manual("postgresql")) as site:
        for seed in seeds:
            kills, damage = one_storm(site, seed, workers=given.workers, kills=given.kills)
            tally.add(f"seed {seed}: {kills} kills", damage, again=kills * CONCURRENCY)


def over_databases(tally: "Tally", seeds: range, given: Namespace) -> None:
    with nginx_server(manual("scrapy")) as site, mariadb_server() as database:
        for seed in seeds:
            kills, damage = one_database_storm(site, database, seed, kills=given.kills)
            tally.add(f"seed {seed}: {kills} kills of the database", damage, again=0)


@dataclass(slots=True)
class Tally:
    """What all storms have cost."""

    storms: int = 0
    lost: int = 0
    failed: int = 0

    def add(self, which: str, damage: Damage, *, again: int) -> None:
        """Counts a storm that may have made workers ask so often again, and prints what it cost."""
        self.storms += 1
        self.lost += damage.lost
        self.failed += bool(damage.wrong) or damage.refetched > again
        print(f"{which}, {damage.lost} lost, {damage.refetched} again", flush=True)
        for wrong in damage.wrong:
            print(f"  {wrong}", flush=True)


def one_storm(site: NginxServer, seed: int, *, workers: int, kills: int) -> tuple[int, Damage]:
    """Runs a storm with a Redis and a database of its own."""
    site.forget()
    with TemporaryDirectory(prefix="storm-") as directory, redis_server() as server:
        project = Project(Path(directory), lambda: server.url)
        try:
            command = (*crawl_of(site), *SLOW)
            killed = storm(project, site, command, workers=workers, kills=kills, chance=Random(seed))
            return killed, judge(project, site, server.url)
        finally:
            project.end_all()


def one_storm_with_files(seed: int, *, workers: int, kills: int) -> tuple[int, Damage]:
    """Runs a storm over workers with files, with a Redis and a database of its own."""
    with (
        TemporaryDirectory(prefix="storm-") as directory,
        redis_server() as server,
        file_storm.pages_with_files() as asked,
    ):
        project = Project(Path(directory), lambda: server.url)
        try:
            killed, ended = file_storm.storm(
                project, asked, workers=workers, kills=kills, chance=Random(seed)
            )
            return killed, file_storm.judge(project, asked, server.url, ended=ended)
        finally:
            project.end_all()


def one_database_storm(
    site: NginxServer, database: SqlServer, seed: int, *, kills: int
) -> tuple[int, Damage]:
    """Runs a storm over the database, under two workers with a Redis of their own."""
    site.forget()
    with TemporaryDirectory(prefix="storm-") as directory, redis_server() as server:
        project = Project(Path(directory), lambda: server.url)
        project.env["DATABASE_URL"] = database.database()
        try:
            workers = [project.start(*crawl_of(site), *BUSY) for _ in range(2)]
            until(lambda: len(site.requests()) > BEGUN, workers[0], project)
            killed = storm_over(database, site, kills=kills, chance=Random(seed))
            run_to_the_end(project, workers)
            return killed, judge(project, site, server.url)
        finally:
            project.end_all()


if __name__ == "__main__":
    sys.exit(main())
