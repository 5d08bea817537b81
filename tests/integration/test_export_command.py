import csv
import io
import json
import os
import subprocess
import sys

import pytest

from demo.expected import expected
from tests.conftest import ROOT
from tests.integration.test_crawl_command import FAST

AWAY = {"REDIS_URL": "redis://127.0.0.1:1/0"}


@pytest.fixture(name="crawled")
def a_project_that_has_crawled_the_demo(project, demo_site):
    project.run("crawl", "links", *FAST, "-a", f"start_urls={demo_site}/")
    project.env.update(AWAY)  # an export needs no Redis
    return project


def refused(project, *arguments):
    done = project.run("export", *arguments, env=AWAY, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_sites_come_back_from_csv_and_from_json_lines_as_they_were_crawled(crawled, demo_site):
    rows = list(csv.DictReader(io.StringIO(crawled.run("export", "sites", "--raw").stdout, newline="")))
    objects = [
        json.loads(line) for line in crawled.run("export", "sites", "--format", "jsonl").stdout.splitlines()
    ]

    sites = expected()["sites"]
    assert {row["url"].removeprefix(demo_site): row["title"] or None for row in rows} == {
        url: site["title"] for url, site in sites.items()
    }
    assert {row["url"].removeprefix(demo_site): row["title"] for row in objects} == {
        url: site["title"] for url, site in sites.items()
    }
    assert [json.loads(row["links"]) for row in rows] == [row["links"] for row in objects]


def test_links_have_a_row_each(crawled):
    done = crawled.run("export", "links")

    assert done.stdout.splitlines()[0] == "source,target,rel,depth"
    assert (
        done.stderr == f"{sum(len(site['links']) for site in expected()['sites'].values())} links exported\n"
    )


def test_a_file_is_written_in_the_format_of_its_name(crawled, tmp_path):
    file = tmp_path / "logs.jsonl"

    done = crawled.run("export", "logs", "-o", str(file))

    assert done.stdout == ""
    assert len(file.read_text().splitlines()) == len(crawled.rows("scrape_logs"))


def test_only_a_domain_or_a_time_may_be_asked_for(crawled):
    def count(*arguments):
        return len(crawled.run("export", "sites", "--format", "jsonl", *arguments).stdout.splitlines())

    everything = count()
    assert count("--domain", "127.0.0.1") == everything > 0
    assert count("--domain", "example.com") == 0
    assert count("--since", "2020-01-01") == everything
    assert count("--since", "2999-12-31T18:00Z") == 0


def test_a_reader_that_has_seen_enough_ends_the_export_quietly(crawled):
    env = {**os.environ, "DATA_DIR": str(crawled.data_dir)}
    command = [sys.executable, "-W", "error", "-m", "scrapy", "export", "sites"]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()

    assert b"Traceback" not in errors
    assert b"Exception" not in errors
    assert process.returncode == 0


def test_an_empty_database_gives_the_names_of_the_columns(project):
    done = project.run("export", "sites", env=AWAY)

    assert done.stdout.startswith("id,url_hash,url,")
    assert done.stderr == "0 sites exported\n"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "one of sites, logs, links"),
        (("runs",), "one of sites, logs, links"),
        (("sites", "logs"), "one of sites, logs, links"),
        (("sites", "--since", "yesterday"), "--since"),
        (("sites", "--format", "xml"), "--format"),
        (("sites", "--bogus"), "no option --bogus"),
        (("sites", "-o", "/dev/null/x"), "can't be written"),
        (("sites", "-o", "/"), "can't be written"),
    ],
)
def test_bad_input_is_refused_in_one_line(project, arguments, word):
    assert word in refused(project, *arguments)


def test_a_full_disk_is_one_line(project):
    assert "No space left" in refused(project, "sites", "-o", "/dev/full")


def test_cells_that_a_spreadsheet_would_run_are_defused_unless_raw(project, tmp_path, nginx):
    (tmp_path / "index.html").write_text("<title>=1+1</title>")
    project.run("crawl", "links", "-a", f"start_urls={nginx(tmp_path).url}")

    def title(*arguments):
        (row,) = csv.DictReader(io.StringIO(project.run("export", "sites", *arguments).stdout))
        return row["title"]

    assert title() == "'=1+1"
    assert title("--raw") == "=1+1"
