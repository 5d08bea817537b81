"""Files of items wait for their site's turn at several workers at once; the crawl ends whoever is killed."""

import secrets
import signal
import sys
from random import Random

from testing.polite_sites import Answer, site
from tests.support import file_storm
from tests.support.kill_storm import CONCURRENCY
from tests.support.project import until


def test_a_storm_of_kills_over_workers_with_files_ends(project, redis_url):
    # Given four workers on three sites whose files lie at one, with a delay shorter than an answer takes
    seed = secrets.randbelow(10**6)
    sys.stdout.write(f"seed {seed}\n")
    with file_storm.pages_with_files() as asked:
        # When some are killed and replaced
        kills, ended = file_storm.storm(project, asked, workers=4, kills=4, chance=Random(seed))

        # Then the others get done with all pages and files, and break no gap
        damage = file_storm.judge(project, asked, redis_url, ended=ended)
    assert damage.wrong == [], "\n".join(damage.wrong)
    assert damage.refetched <= kills * CONCURRENCY


def test_the_files_of_a_page_wait_for_their_turn_in_a_crawl_that_is_told_to_end(project):
    # Given a page with files that take longer than a permit lasts
    files = [f"/{number}.png" for number in range(4)]
    images = "".join(f"<img src={path}>" for path in files)
    with site(lambda visit: Answer(images, status=404 if "robots" in visit.path else 200)) as asked:
        command = file_storm.crawl_of(project, asked)
        process = project.start(*command, "-s", "DOWNLOAD_DELAY=2")
        until(lambda: files[0] in asked.paths(), process, project)

        # When it is told to end as soon as the first has come
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    # Then the others come too, and nothing is given back
    assert sorted(asked.paths()) == sorted(["/robots.txt", "/", *files])
    assert "they are given back" not in project.errors(process)
    assert [row["status"] for row in project.rows("scrape_logs")] == ["success"]
