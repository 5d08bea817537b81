import signal
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine

from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from scraping_project.storage.writing.writer import Writer
from tests.support.storage_truth import item, log

AWAY = {"REDIS_URL": "redis://127.0.0.1:1/0"}  # to prune needs no Redis
DAY = timedelta(days=1)


@pytest.fixture(name="filled")
def a_project_with_old_and_new_rows(project):
    project.env.update(AWAY)
    fill(project.database_url)
    return project


def fill(database_url):
    engine = connect(database_url)
    migrate(engine)
    writer = Writer(engine)
    now = datetime.now(UTC) + DAY / 2  # no row is near the end of an age
    for days in range(1, 101):
        writer.append(log(f"task {days}", finished_at=now - days * DAY))
    ago = (now - datetime(2026, 1, 1, 12, 0, 30, 123456, tzinfo=UTC)) // timedelta(minutes=1)
    for number in range(10):
        writer.append(item(number, ago - (number + 1) * 24 * 60))
    writer.commit()
    engine.dispose()


def test_logs_and_items_older_than_so_many_days_are_deleted(filled):
    done = filled.run("prune", "--logs-older-than", "90d", "--items-older-than", "1w")

    assert done.stdout == "10 logs deleted\n20 rows of roll-ups deleted\n3 items deleted\n"
    assert done.stderr == ""
    assert (len(filled.rows("scrape_logs")), len(filled.rows("items"))) == (90, 7)


@pytest.mark.parametrize(("age", "left"), [("48h", 2), ("2d", 2), ("2w", 14), ("99999w", 100)])
def test_an_age_is_in_hours_days_or_weeks(filled, age, left):
    filled.run("prune", "--logs-older-than", age)

    assert len(filled.rows("scrape_logs")) == left


def test_items_stay_unless_they_are_asked_for(filled):
    filled.run("prune", "--logs-older-than", "1h")

    assert len(filled.rows("items")) == 10


def test_a_dry_run_says_how_many_and_deletes_nothing(filled):
    done = filled.run("prune", "--logs-older-than", "90d", "--items-older-than", "1w", "--dry-run")

    first, second = done.stdout.splitlines()
    assert first.startswith("10 logs from before 20")
    assert first.endswith(" UTC would be deleted")
    assert second.startswith("3 items from before 20")
    assert (len(filled.rows("scrape_logs")), len(filled.rows("items"))) == (100, 10)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "nothing to prune"),
        (("--dry-run",), "nothing to prune"),
        (("90d",), "no arguments"),
        (("--bogus", "90d"), "no option --bogus"),
        *(
            (("--logs-older-than", age), "an age is")
            for age in ("90", "0d", "1.5d", "90 d", "d", "90D", "1y", "٣d", "")
        ),
        (("--logs-older-than", "-5d"), "expected one argument"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_deleted(filled, arguments, word):
    done = filled.run("prune", *arguments, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(filled.rows("scrape_logs")) == 100


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_says_how_far_it_came_and_the_same_command_goes_on(project, mariadb_url, sent):
    project.env |= AWAY | {"DATABASE_URL": mariadb_url}
    fill(mariadb_url)
    engine = create_engine(mariadb_url)
    with engine.connect() as connection:
        with connection.begin():
            connection.exec_driver_sql("SELECT * FROM scrape_logs FOR UPDATE").all()
            process = project.start("prune", "--logs-older-than", "90d")
            waits = "information_schema.processlist WHERE info LIKE 'DELETE FROM scrape%%'"
            with create_engine(mariadb_url).connect() as other:
                while not other.exec_driver_sql(f"SELECT count(*) FROM {waits}").scalar():
                    assert process.poll() is None
                    time.sleep(0.01)
            process.send_signal(sent)
        output, _ = process.communicate(timeout=60)
    engine.dispose()

    assert process.returncode == 130
    assert output.endswith(" logs deleted\n")
    assert "the same command goes on" in project.errors(process)
    project.run("prune", "--logs-older-than", "90d")
    assert len(project.rows("scrape_logs")) == 90
