"""Storms of kills, one after another: ``python -m tests.cluster.storm --seeds 20 --kills 12``.

Each prints its seed and what it cost; the exit code is 1 when any has lost or doubled something.
"""

# ruff: noqa: T201 -- a program prints
import secrets
import sys
from argparse import ArgumentParser
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.cluster.kill_storm import CONCURRENCY, SLOW, Damage, crawl_of, judge, storm
from tests.conftest import Project, manual
from tests.servers import NginxServer, nginx_server, redis_server


def main() -> int:
    parser = ArgumentParser(prog="python -m tests.cluster.storm", description="Storms of kills over a crawl.")
    parser.add_argument("--seeds", type=int, default=20, help="how many storms (%(default)s)")
    parser.add_argument("--kills", type=int, default=12, help="kills in each, at most (%(default)s)")
    parser.add_argument("--workers", type=int, default=4, help="workers at any time (%(default)s)")
    parser.add_argument("--seed", type=int, help="that of the first storm; by chance when not given")
    given = parser.parse_args()
    first = secrets.randbelow(10**6) if given.seed is None else given.seed
    lost = failed = 0
    with nginx_server(manual("postgresql")) as site:
        for seed in range(first, first + given.seeds):
            kills, damage = one_storm(site, seed, workers=given.workers, kills=given.kills)
            lost += damage.lost
            failed += bool(damage.wrong) or damage.refetched > kills * CONCURRENCY
            print(f"seed {seed}: {kills} kills, {damage.lost} lost, {damage.refetched} again", flush=True)
            for wrong in damage.wrong:
                print(f"  {wrong}", flush=True)
    print(f"{given.seeds} storms: {lost} pages lost, {failed} storms with something wrong")
    return int(failed > 0)


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


if __name__ == "__main__":
    sys.exit(main())
