"""Files of items wait for their site's turn at several workers at once; the crawl ends whoever is killed."""

import secrets
import sys
from random import Random

from tests.cluster import file_storm
from tests.cluster.kill_storm import CONCURRENCY
from tests.cluster.polite_sites import site


def test_a_storm_of_kills_over_workers_with_files_ends(project, redis_url):
    # Given four workers whose items have files, and a delay that is shorter than an answer takes
    seed = secrets.randbelow(10**6)
    sys.stdout.write(f"seed {seed}\n")
    with site(file_storm.answer) as asked:
        # When some are killed and replaced
        kills, ended = file_storm.storm(project, asked, workers=4, kills=4, chance=Random(seed))

        # Then the others get done with all pages and files, and break no gap
        damage = file_storm.judge(project, asked, redis_url, ended=ended)
    assert damage.wrong == [], "\n".join(damage.wrong)
    assert damage.refetched <= kills * CONCURRENCY
