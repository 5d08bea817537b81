"""What waits is sent: no slot stands still while nothing forbids it, whoever holds it and whoever dies.

And what Redis's clock does to it.
"""

from itertools import groupby, pairwise

import pytest

from tests.support.timed_cluster import TICK, TimedCluster

SLOT, PAGES, FILES = "files.example", 20, 2
DELAY = 0.2


@pytest.fixture(name="cluster")
def cluster_in_told_time(server):
    cluster = TimedCluster(server, DOWNLOAD_DELAY=DELAY)
    yield cluster
    assert cluster.frontier.check() == []
    server.flushall()


def with_files_of_other_sites(cluster):
    """Pages of three sites whose files all lie at one of them, so that several workers wait for that one."""
    cluster.join(2)
    for slot in (SLOT, "b.example", "c.example"):
        cluster.sites[slot].files_at = SLOT
        cluster.push(slot, PAGES)


def test_a_holder_that_yields_while_files_of_its_own_wait_gets_its_turn_again(cluster):
    with_files_of_other_sites(cluster)

    cluster.run(300)

    assert cluster.is_done
    assert len(cluster.sent) == 3 * PAGES * (1 + FILES)


def test_workers_whose_files_wait_for_one_slot_take_turns(cluster):
    with_files_of_other_sites(cluster)

    cluster.run(40)

    # A turn is five seconds, and what is in flight at its end
    turns = [who for who, _ in groupby(sent.by for sent in cluster.sent if sent.slot == SLOT)]
    assert len(turns) > 4
    assert set(turns) == {"worker-1", "worker-2"}


@pytest.mark.parametrize("seconds", [2, 5, 8, 3600, -3600])
def test_a_clock_of_redis_that_is_set_makes_no_second_holder_and_stops_nobody(cluster, seconds):
    # Given four workers at work on four sites
    cluster.join(4)
    sites = ("a.example", "b.example", "c.example", "d.example")
    for slot in sites:
        cluster.sites[slot].latency = DELAY / 2
        cluster.push(slot, PAGES)
    cluster.run(4)

    # When Redis's clock is set
    cluster.jumped += seconds
    cluster.run(60)

    # Then no gap is too short, and all is sent
    for slot in sites:
        times = sorted(sent.at for sent in cluster.sent if sent.slot == slot)
        assert min(after - before for before, after in pairwise(times)) > DELAY - TICK
    assert cluster.is_done
