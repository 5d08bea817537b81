"""Schedules as people keep them, and the processes that fire them."""

import json
import signal
from datetime import UTC, datetime, timedelta

import pytest
import redis
import sqlalchemy

from testing import servers
from tests.support.project import until

UNUSED = {"REDIS_URL": "unused", "SCRAPYD_URLS": ""}
NIGHTLY = ("--spider", "links", "--cron", "30 2 * * *", "--timezone", "Europe/Berlin")


def schedule(project, *words, check=True, **env):
    return project.run("schedule", *words, env={**UNUSED, **env}, check=check)


def as_json(project, *words):
    return [json.loads(line) for line in schedule(project, *words, "--json").stdout.splitlines()]


def test_a_schedule_is_kept_shown_changed_and_removed(project):
    told = schedule(project, "add", "nightly", *NIGHTLY, "-a", "max_pages=9", "-s", "DEPTH_LIMIT=2").stdout
    assert told.startswith("nightly: at 02:30 every day, Europe/Berlin, next at 20")

    [kept] = as_json(project, "list")
    assert kept["target"] == {"kind": "run", "spider": "links", "arguments": {"max_pages": "9"},
                              "settings": {"DEPTH_LIMIT": "2"}}  # fmt: skip
    schedule(project, "edit", "nightly", "--cron", "@hourly", "--overlap", "queue", "--rename", "hourly")
    [kept] = as_json(project, "list")
    assert (kept["name"], kept["timing"], kept["overlap"]) == ("hourly", "@hourly", "queue")
    assert kept["target"]["arguments"] == {"max_pages": "9"}

    schedule(project, "pause", "hourly", "--until", "2h", "--note", "the site is moving")
    assert "paused until" in as_json(project, "list")[0]["state"]
    schedule(project, "resume", "hourly")
    schedule(project, "disable", "hourly")
    assert as_json(project, "list")[0]["state"] == "disabled"
    schedule(project, "enable", "hourly")
    shown = schedule(project, "show", "hourly").stdout
    assert "run links -a max_pages=9" in shown
    assert "next (UTC)" in shown
    assert schedule(project, "remove", "hourly").stdout == "hourly is removed\n"
    assert as_json(project, "list") == []


def test_the_next_times_are_shown_on_both_clocks(project):
    schedule(project, "add", "nightly", *NIGHTLY)

    found = as_json(project, "next", "nightly", "--count", "3")

    assert len(found) == 3
    for each in found:
        due, local = datetime.fromisoformat(each["due"]), datetime.fromisoformat(each["local"])
        assert due == local
        assert (local.hour, local.minute) == (2, 30)
        assert due > datetime.now(UTC)


def test_seeds_and_recrawls_are_kept_as_well(project):
    schedule(project, "add", "seeds", "--spider", "links", "--every", "1d", "--seed", "http://a.example/")
    schedule(project, "add", "again", "--spider", "links", "--every", "6h", "--older-than", "7d", "--domain",
             "a.example")  # fmt: skip

    again, seeds = (each["target"] for each in as_json(project, "list"))
    assert seeds["seeds"] == ["http://a.example/"]
    assert (again["older_than_seconds"], again["domain"]) == (604_800, "a.example")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "n", "--spider", "links"), "when? Give --cron"),
        (("add", "n", "--every", "1h"), "what? Give --spider links"),
        (("add", "n", "--spider", "lnks", "--every", "1h"), "there is no spider 'lnks'"),
        (("add", "n", "--spider", "links", "--every", "1s"), "1m at least"),
        (("add", "n", "--spider", "links", "--cron", "61 * * * *"), "Bad minute"),
        (("add", "n", "--spider", "links", "--every", "1h", "--cron", "@daily"), "not allowed with argument"),
        (("add", "n", "--spider", "links", "--every", "1h", "--timezone", "Mars"), "no time zone"),
        (("add", "n", "--spider", "links", "--every", "1h", "-a", "depht=1"), "takes no argument depht"),
        (("add", "n", "--spider", "links", "--every", "1h", "-a", "x"), "-a takes NAME=VALUE"),
        (("add", "n", "--spider", "links", "--every", "1h", "-s", "LOG_FILE=x"), "may not set 'LOG_FILE'"),
        (("add", "n", "--spider", "links", "--every", "1h", "--seed", "nonsense"), "a seed is refused"),
        (
            ("add", "n", "--spider", "links", "--every", "1h", "--seed", "http://a/", "--full"),
            "either --seed",
        ),
        (("add", "n", "--spider", "links", "--every", "1h", "--full"), "a recrawl takes an age"),
        (("add", "n", "--spider", "links", "--every", "1h", "--grace", "2d"), "grace is 1 to 86,400 seconds"),
        (("add", "n", "--spider", "links", "--every", "1h", "--jitter", "x"), "a whole number and one of"),
        (("add", "a b", "--spider", "links", "--every", "1h"), "no name of a schedule"),
        (("show", "nosuch"), "there is no schedule 'nosuch'"),
        (("edit", "nosuch", "--every", "2h"), "there is no schedule 'nosuch'"),
        (("next", "kept", "--count", "0"), "--count is 1 to 1000"),
        (("edit", "kept"), "what of kept shall be otherwise"),
        (("add", "kept", "--spider", "links", "--every", "1h"), "there is a schedule kept already"),
        (("pause", "kept", "--until", "yesterday"), "an age such as 2h"),
        (("pause", "kept", "--until", "2020-01-01"), "has passed"),
        (("backfill", "kept", "--from", "2026-01-02", "--to", "2026-01-01"), "is no stretch"),
        (("backfill", "kept", "--from", "2026-01-02"), "required: --to"),
        (("dance",), "invalid choice: 'dance'"),
        (("show",), "required: NAME"),
        (("list", "more"), "'more' is nothing that list takes"),
        (("--every", "1h"), "the verb comes first"),
    ],
)
def test_bad_input_is_one_line_exit_2_and_changes_nothing(keeping, words, message):
    done = schedule(keeping, *words, check=False)

    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [each["name"] for each in as_json(keeping, "list")] == ["kept"]


@pytest.fixture
def keeping(project):
    schedule(project, "add", "kept", "--spider", "links", "--every", "1h")
    return project


@pytest.mark.parametrize("verb", ["add", "edit", "backfill", "pause"])
def test_the_help_of_a_verb_teaches_with_an_example(project, verb):
    told = schedule(project, verb, "--help").stdout
    assert f"example: scrapy schedule {verb} nightly" in told


def test_whatever_is_due_runs_once_as_a_process_of_the_machine_and_its_outcome_is_noted(project, demo_site):
    env = {"SCRAPYD_URLS": "", "ALLOW_PRIVATE_ADDRESSES": "true"}
    arguments = ("-a", f"start_urls={demo_site}/", "-a", "max_pages=3")
    project.run("schedule", "add", "soon", "--spider", "links", "--every", "1h", *arguments, env=env)
    project.run("schedule", "run-now", "soon", env=env)
    firing = [project.start("periodic", env=env) for _ in range(2)]

    until(lambda: [row["state"] for row in project.rows("firings")] == ["ended"], firing[0], project)

    [row], [run] = project.rows("firings"), project.rows("runs")
    assert (row["outcome"], row["run_id"]) == ("finished", run["id"])
    assert run["pages"] == 3
    firing[0].send_signal(signal.SIGTERM)
    firing[1].send_signal(signal.SIGINT)
    assert [process.wait(10) for process in firing] == [0, 0]
    assert "finished" in project.errors(firing[0]) + project.errors(firing[1])


def test_the_doctor_says_when_nobody_fires_them(project, redis_url):
    env = {"REDIS_URL": redis_url, "SCRAPYD_URLS": ""}
    schedule(project, "add", "daily", "--spider", "links", "--every", "1d")

    told = project.run("doctor", env=env, check=False)
    assert told.returncode == 1
    assert "WRONG schedules: 1, and nobody fires them: start scrapy periodic" in told.stdout

    project.run("periodic", "--once", env=env)
    assert "schedules: 1, fired by 1 of scrapy periodic" in project.run("doctor", env=env).stdout


def test_seeds_are_pushed_and_stored_pages_asked_for_again(project, redis_url):
    schedule(project, "add", "seeds", "--spider", "links", "--every", "1d", "--seed", "http://a.example/",
             "--frontier", "mine", REDIS_URL=redis_url)  # fmt: skip
    schedule(project, "run-now", "seeds", REDIS_URL=redis_url)

    project.run("periodic", "--once", env={"SCRAPYD_URLS": "", "REDIS_URL": redis_url})

    with redis.Redis.from_url(redis_url) as server:
        assert server.lrange("mine:start_urls", 0, -1) == [b"http://a.example/"]
    [row] = project.rows("firings")
    assert (row["state"], row["outcome"], row["run_id"]) == ("ended", "finished", None)


def test_while_redis_is_away_seeds_are_tried_again(project):
    away = {"SCRAPYD_URLS": "", "REDIS_URL": "redis://127.0.0.1:1/0"}
    schedule(project, "add", "seeds", "--spider", "links", "--every", "1d", "--seed", "http://a.example/")
    schedule(project, "run-now", "seeds")

    project.run("periodic", "--once", env=away)

    [row] = project.rows("firings")
    assert (row["state"], row["tries"]) == ("waiting", 1)
    assert "127.0.0.1:1" in row["error"]


def test_a_process_that_was_killed_while_it_started_something_is_taken_over(project, mariadb_url):
    """The claim of a process that is no more lapses, and the next starts what it was for."""
    env = {"DATABASE_URL": mariadb_url, "SCRAPYD_URLS": "http://127.0.0.1:1"}
    project.env["DATABASE_URL"] = mariadb_url
    schedule(project, "add", "soon", "--spider", "links", "--every", "1h", **env)
    schedule(project, "run-now", "soon", **env)
    engine = sqlalchemy.create_engine(mariadb_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE firings SET state = 'starting', claimed_by = 'dead', claimed_until = UTC_TIMESTAMP(6)"
        )
    engine.dispose()

    project.run("periodic", "--once", env={**UNUSED, **env})

    [row] = project.rows("firings")
    assert (row["state"], row["tries"]) == ("waiting", 1)
    assert row["gives_up_at"] - row["fired_at"] > timedelta(minutes=59)


def test_while_the_database_is_away_nothing_fires_and_it_is_said_once(project, redis_url):
    with servers.mariadb_server() as server:
        env = {"DATABASE_URL": server.database(), "SCRAPYD_URLS": "", "REDIS_URL": redis_url}
        process = project.start("periodic", env=env)
        until(lambda: "firing schedules as" in project.errors(process), process, project)
        server.kill()
        until(lambda: "nothing fires until the database answers" in project.errors(process), process, project)
        assert project.errors(process).count("nothing fires") == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
