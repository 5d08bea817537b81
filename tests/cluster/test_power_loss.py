"""Redis loses what it had not written to the disk: the frontier goes back in time, and stays whole.

Killing Redis loses nothing of what the kernel holds, so the file is cut as a power failure would cut it: what
was there when the last fdatasync began is on the disk, and of what came later any part may be.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.chance import chance
from tests.support.kill_storm import frontier_at, judge, kill, run_to_the_end
from tests.support.project import until
from tests.support.traced_crawl import ENOUGH, crawl
from tests.support.traced_redis import TracedRedis

#: Bytes that are not on the disk then: several checkpoints.
UNSYNCED = 6000
#: Places where the file is cut, one after another.
CUTS = 40


@pytest.fixture
def server():
    with TemporaryDirectory(prefix="redis-") as directory, TracedRedis(Path(directory)) as server:
        yield server


def last_fsync(server):
    return 0


def anywhere_after_it(server):
    with chance() as random:
        return random.randrange(1, server.unsynced())


@pytest.mark.parametrize("cut", [last_fsync, anywhere_after_it])
@pytest.mark.parametrize("workers_die", [True, False])
def test_a_power_failure_of_redis_sets_the_crawl_back_and_it_is_whole_again(
    project, sphinx_site, server, cut, workers_die
):
    # Given two workers in the middle of a crawl, with more than one checkpoint that is not on the disk
    workers = [crawl(project, sphinx_site, server) for _ in range(2)]
    until(lambda: len(sphinx_site.requests()) > ENOUGH, workers[0], project)
    until(lambda: server.unsynced() > UNSYNCED, workers[0], project)

    # When the power fails, for Redis alone or for the workers as well
    server.kill()
    if workers_die:
        kill(*workers)
    before = server.file.stat().st_size
    server.lose_power(cut(server))
    sys.stdout.write(f"{before - server.file.stat().st_size} bytes lost\n")
    server.start()
    with frontier_at(server.url) as frontier:
        assert frontier.check() == []
    if workers_die:
        workers = [crawl(project, sphinx_site, server)]

    # Then the crawl ends, with every page stored, and one row for each
    run_to_the_end(project, workers)
    damage = judge(project, sphinx_site, server.url)
    assert damage.wrong == [], "\n".join(damage.wrong)
    errors = [project.errors(worker) for worker in workers]
    assert not any("Traceback" in text for text in errors)
    if cut is last_fsync and not workers_die:
        assert any("Redis has lost the last steps" in text for text in errors)


def test_no_script_is_loaded_by_half_wherever_the_file_is_cut(project, sphinx_site, server):
    # Given the file of a Redis that was killed in the middle of a crawl
    workers = [crawl(project, sphinx_site, server) for _ in range(2)]
    until(lambda: len(sphinx_site.requests()) > ENOUGH, workers[0], project)
    server.kill()
    kill(*workers)
    whole, end = server.file.read_bytes(), server.file.stat().st_size

    # When it is cut anywhere, then what is loaded agrees with its ledger
    with chance() as random:
        for cut in sorted(random.sample(range(end), CUTS), reverse=True):
            server.file.write_bytes(whole[:cut])
            server.start()
            with frontier_at(server.url) as frontier:
                assert frontier.check() == [], f"cut at {cut} of {end}"
            server.kill()
