"""Workers that share one queue find together what GNU Wget finds alone, and end by themselves."""

import re

import pytest

from tests.support.oracle import wget_html_urls
from tests.support.project import until

EAGER = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")


@pytest.fixture(name="database", params=["sqlite", "mariadb"])
def each_database(request, project):
    if request.param == "mariadb":
        project.env["DATABASE_URL"] = request.getfixturevalue("mariadb_url")


def stored_html(project):
    return {
        row["url"]
        for row in project.rows("sites")
        if row["status_code"] == 200 and row["content_type"] == "text/html"
    }


def crawl_arguments(site):
    return ("crawl", "links", *EAGER, "-a", f"start_urls={site.url}index.html")


def assert_found_as_by_wget(project, site):
    by_wget = wget_html_urls(site)
    found = stored_html(project)
    assert found - by_wget == set()
    assert by_wget - found == set()


def test_three_workers_started_one_by_one_share_a_crawl(project, docs_site, database):
    workers = [project.start(*crawl_arguments(docs_site)) for _ in range(3)]

    outputs = [worker.communicate(timeout=110)[0] for worker in workers]

    assert [worker.returncode for worker in workers] == [0, 0, 0], [project.errors(each) for each in workers]
    assert all("finished: " in output for output in outputs)
    assert re.fullmatch(r"(resuming: \d+ queued\n)*", "".join(project.errors(worker) for worker in workers))
    assert len({row["crawl_id"] for row in project.rows("runs")}) == 1
    assert_found_as_by_wget(project, docs_site)


def test_one_command_starts_three_workers(project, any_manual, database):
    done = project.run(*crawl_arguments(any_manual), "--workers", "3", timeout=110)

    assert done.stdout.count("finished: ") == 1
    assert done.stderr == ""
    assert len(project.rows("runs")) == 3
    assert_found_as_by_wget(project, any_manual)


def test_no_page_is_fetched_twice(project, any_manual):
    project.run(*crawl_arguments(any_manual), "--workers", "3", timeout=110)

    paths = [request.uri for request in any_manual.requests() if "Wget" not in request.user_agent]
    twice = {path for path in paths if paths.count(path) > 1}
    assert twice <= {"/robots.txt"}


def test_one_worker_finds_the_same_on_each_database(project, any_manual, database):
    project.run(*crawl_arguments(any_manual), timeout=110)

    assert_found_as_by_wget(project, any_manual)


def test_another_manual_is_found_whole(project, sphinx_site, database):
    project.run(*crawl_arguments(sphinx_site), timeout=110)

    assert_found_as_by_wget(project, sphinx_site)


def test_a_worker_that_comes_when_the_others_have_finished_begins_no_second_crawl(
    project, sphinx_site, tmp_path
):
    # Given a command of two workers, one of which is slow to begin
    command = ("crawl", "links", "-a", f"start_urls={sphinx_site.url}index.html", "-a", "max_depth=0")
    late = ("-s", "SPIDER_MODULES=tests.cluster.spiders_for_faults.late", "-a", f"folder={tmp_path}")
    process = project.start(*command, *late, "--workers", "2")
    until((tmp_path / "ended").exists, process, project)

    # When it comes, and the other has finished the crawl
    (tmp_path / "go").touch()
    output, _ = process.communicate(timeout=60)

    # Then the page is fetched once
    assert process.returncode == 0, project.errors(process)
    assert output.startswith("finished: 1 page")
    assert [row["outcome"] for row in project.rows("runs")] == ["finished", "finished"]
    assert len({row["crawl_id"] for row in project.rows("runs")}) == 1
    assert [request.uri for request in sphinx_site.requests()].count("/index.html") == 1
