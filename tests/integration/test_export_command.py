import csv
import gzip
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine

from demo.expected import expected
from scraping_project.items import Link, Site
from scraping_project.storage.engine import connect
from scraping_project.storage.writing.writer import Writer
from tests.support.fast_crawl import FAST
from tests.support.project import ROOT

EXPORT = [sys.executable, "-W", "error", "-m", "scrapy", "export"]
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


@pytest.mark.parametrize(("name", "plain"), [("sites.csv.gz", "sites.csv"), ("sites.jsonl.gz", "sites.jl")])
def test_a_file_whose_name_ends_in_gz_is_compressed(crawled, tmp_path, name, plain):
    crawled.run("export", "sites", "-o", str(tmp_path / name))
    crawled.run("export", "sites", "-o", str(tmp_path / plain))

    assert gzip.decompress((tmp_path / name).read_bytes()) == (tmp_path / plain).read_bytes()
    assert len((tmp_path / plain).read_bytes()) > 1_000


def test_the_format_that_is_asked_for_counts_more_than_the_name(crawled, tmp_path):
    file = tmp_path / "logs.jsonl.gz"

    crawled.run("export", "logs", "--format", "csv", "-o", str(file))

    assert gzip.decompress(file.read_bytes()).startswith(b"id,task_id,")


def test_a_dash_is_standard_output(crawled):
    assert crawled.run("export", "sites", "-o", "-").stdout == crawled.run("export", "sites").stdout


def test_an_old_file_is_replaced(crawled, tmp_path):
    (tmp_path / "sites.csv").write_text("old")

    crawled.run("export", "sites", "-o", str(tmp_path / "sites.csv"))

    assert (tmp_path / "sites.csv").read_text().startswith("id,")
    assert [path.name for path in tmp_path.glob("*sites.csv*")] == ["sites.csv"]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_export_leaves_the_old_file_and_no_half_one(project, mariadb_url, tmp_path, sent):
    project.env |= AWAY | {"DATABASE_URL": mariadb_url}
    project.run("export", "logs")  # makes the tables
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "logs.csv").write_text("old")
    engine = create_engine(mariadb_url)
    with engine.connect() as connection:
        connection.exec_driver_sql("LOCK TABLES scrape_logs WRITE")
        process = project.start("export", "logs", "-o", str(folder / "logs.csv"))
        while not (parts := list(folder.glob(".logs.csv.*.part"))):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(sent)
        connection.exec_driver_sql("UNLOCK TABLES")
    engine.dispose()

    assert process.wait(timeout=60) == 130
    assert project.errors(process) == "interrupted after 0 logs\n"
    assert len(parts) == 1
    assert [path.name for path in folder.iterdir()] == ["logs.csv"]
    assert (folder / "logs.csv").read_text() == "old"


def test_a_disk_that_fills_up_is_one_line_and_the_old_file_stays(crawled, tmp_path):
    engine = connect(crawled.database_url)
    writer = Writer(engine)
    large = [Link("x" * 100_000)]
    writer.append(Site(url="http://large/", status_code=200, links=large, scraped_at=datetime.now(UTC)))
    writer.commit()
    engine.dispose()
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "sites.csv").write_text("old")
    export = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "scrapy",
        "export",
        "links",
        "-o",
        str(folder / "sites.csv"),
    ]

    done = subprocess.run(
        ["prlimit", "--fsize=40000", *export],  # SQLite's own shared memory has 32 kB
        cwd=ROOT,
        env=crawled._environment({}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"scrapy: {folder / 'sites.csv'} can't be written: File too large\n"
    assert [path.name for path in folder.iterdir()] == ["sites.csv"]
    assert (folder / "sites.csv").read_text() == "old"


def test_a_terminal_shows_how_many_rows_there_are_so_far(crawled, tmp_path):
    ours, theirs = pty.openpty()
    export = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "scrapy",
        "export",
        "logs",
        "-o",
        str(tmp_path / "logs.csv"),
    ]
    subprocess.run(export, cwd=ROOT, env=crawled._environment({}), stderr=theirs, check=True)
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        shown = terminal.read(10_000).decode()

    count = len(crawled.rows("scrape_logs"))
    assert shown == f"\r{count} rows\r\x1b[K{count} logs exported\r\n"


def test_only_a_domain_or_a_time_may_be_asked_for(crawled):
    def count(*arguments):
        return len(crawled.run("export", "sites", "--format", "jsonl", *arguments).stdout.splitlines())

    everything = count()
    assert count("--domain", "127.0.0.1") == everything > 0
    assert count("--since", "0001-01-01T00:00-14:00") == everything
    assert count("--domain", "example.com") == 0
    assert count("--since", "2020-01-01") == everything
    assert count("--since", "2999-12-31T18:00Z") == 0


def test_a_reader_that_has_seen_enough_ends_the_export_quietly(crawled):
    env = {**os.environ, "DATA_DIR": str(crawled.data_dir)}
    command = [*EXPORT, "sites"]
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
        (("sites", "--since", ""), "--since is empty"),
        (("sites", "--domain", ""), "--domain is empty"),
        (("sites", "--since", "0001-01-01T00:00+14:00"), "--since"),
        (("sites", "--domain", "https://example.com/"), "no domain"),
        (("sites", "--domain", "müller.de"), "no domain"),
        (("sites", "--domain", "\udcff"), "no domain"),
        (("sites", "--format", "xml"), "--format"),
        (("sites", "--bogus"), "no option --bogus"),
        (("sites", "-o", "/dev/null/x"), "can't be written"),
        (("sites", "-o", "/"), "can't be written: it is a folder: name a file in it"),
        (("sites", "-o", "no/such/folder.csv"), "can't be written: No such file"),
    ],
)
def test_bad_input_is_refused_in_one_line(project, arguments, word):
    assert word in refused(project, *arguments)


def test_a_closed_standard_output_is_one_line_and_a_file_is_written_all_the_same(project, tmp_path):
    def export(*arguments):
        return subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", *EXPORT, "sites", *arguments],
            cwd=ROOT,
            env=project._environment(AWAY),
            capture_output=True,
            text=True,
            check=False,
        )

    done = export()
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "standard output is closed" in done.stderr
    assert export("-o", str(tmp_path / "sites.csv")).returncode == 0
    assert (tmp_path / "sites.csv").read_text().startswith("id,")


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
