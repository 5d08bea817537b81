"""Schedules fire once, by whichever process is first, and what did not fire is on record."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from scrapy.settings import Settings
from sqlalchemy import inspect, select, text, update

from scraping_project.nodes.client import NodeError
from scraping_project.operations.starting import Wanted
from scraping_project.schedules import changes, starting
from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.schedules.firing import fire
from scraping_project.schedules.keeper import Keeper
from scraping_project.schedules.starting import Starter, run_id_of
from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from scraping_project.storage.runs import (
    AskedRun,
    Run,
    RunCounts,
    RunTaken,
    ask_run,
    finish_run,
    read_runs,
    start_run,
)
from scraping_project.storage.scheduling import claims, due_times
from scraping_project.storage.scheduling.endings import settle
from scraping_project.storage.scheduling.firings import active, newest, prune
from scraping_project.storage.scheduling.heartbeats import alive, beat, last_beat
from scraping_project.storage.scheduling.process import Process
from scraping_project.storage.scheduling.schedules import (
    AskedSchedule,
    ScheduleChanged,
    ScheduleExists,
    read_all,
)
from scraping_project.storage.tables import firings as table
from scraping_project.storage.tables import runs
from scraping_project.storage.tables import schedules as schedules_table
from scraping_project.storage.transactions import reading, writing
from tests.support.clocks import SetClock

NOON = datetime(2026, 5, 1, 12)
RUN = {"kind": "run", "spider": "links", "arguments": {"start_urls": "http://127.0.0.1:9/"}, "settings": {}}
HOURLY = AskedSchedule(name="hourly", timing="0 * * * *", timezone="UTC", target=RUN, anchor=NOON)
WANTED = Wanted("links", {}, {})


@pytest.fixture(scope="module")
def shared_mariadb_engine(shared_mariadb):
    """Migrated once for all tests of this file: that takes seconds."""
    shared_mariadb.start()
    engine = connect(shared_mariadb.database())
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(name="engine", params=["sqlite", "mariadb"])
def empty_engine(request):
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite")
    engine = request.getfixturevalue("shared_mariadb_engine")
    with writing(engine) as connection:
        for name in ("schedules", "firings", "heartbeats", "runs"):
            connection.execute(text(f"TRUNCATE {name}"))
    return engine


@pytest.fixture
def clock():
    return SetClock(NOON + timedelta(minutes=30))


@pytest.fixture
def one(engine, clock):
    return Process(engine, "one", clock)


@pytest.fixture
def two(engine, clock):
    return Process(engine, "two", clock)


class Starts:
    """Starts runs as a node does: a row, once."""

    def __init__(self):
        self.ids, self.error = [], None

    def __call__(self, wanted, run_id, engine, _settings):
        if self.error:
            raise self.error
        run = Run(id=run_id, crawl_id="c", spider=wanted.spider, arguments=wanted.arguments, host="h",
                  pid=1, egg_version=None, started_at=datetime(2026, 1, 1))  # fmt: skip
        run.pid = len(self.ids) + 1
        start_run(engine, run)
        self.ids.append(run_id)


@pytest.fixture
def starts(monkeypatch):
    starts = Starts()
    monkeypatch.setattr(starting, "start_once", starts)
    return starts


def starter(process):
    def no_redis(work):
        raise AssertionError("a run needs no Redis here")

    return Starter(process, Settings({"SCRAPYD_URLS": ""}), no_redis)


def states(engine):
    return [(each.due, each.kind, each.state, each.reason) for each in newest(engine).rows][::-1]


def end_run(engine, run_id, outcome="finished"):
    finish_run(engine, run_id, outcome, None, RunCounts())


def due(hour, minute=0):
    return datetime(2026, 5, 1, hour, minute)


def test_a_time_that_has_come_fires_once_whoever_looks(one, two, clock):
    changes.create(one, HOURLY)
    assert (fire(one).started, fire(two).started) == (0, 0)

    clock.forward(minutes=30, seconds=1)

    assert (fire(one).started, fire(two).started) == (1, 0)
    assert states(one.engine) == [(due(13), "scheduled", "waiting", None)]


def test_of_many_who_look_at_once_one_writes_the_firing(engine, clock):
    for number in range(5):
        changes.create(Process(engine, "anna", clock), replace(HOURLY, name=f"n{number}"))
    clock.forward(minutes=31)
    together = Barrier(4)

    def look(name):
        together.wait()
        return fire(Process(engine, name, clock)).started

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(look, "abcd")) == 5
    assert len(states(engine)) == 5


def test_one_who_has_seen_an_old_row_writes_nothing(one, two, clock):
    changes.create(one, HOURLY)
    clock.forward(minutes=31)
    _, [seen] = due_times.overdue(one, 10)
    fire(two)

    assert not due_times.pass_by(one, seen, due_times.Passed(due(14), [due_times.Start(due(13), due(13))]))
    assert len(states(one.engine)) == 1


def test_behind_the_condition_a_key_lets_no_time_fire_twice(one, clock):
    kept = changes.create(one, HOURLY)
    clock.forward(minutes=31)
    fire(one)
    with writing(one.engine) as connection:  # as if next_due had been set back
        connection.execute(update(schedules_table).values(next_due=due(13)))

    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        fire(one)
    assert len(states(one.engine)) == 1
    names = {index["name"] for index in inspect(one.engine).get_indexes("firings") if index["unique"]}
    assert "uq_firings_schedule_due" in names
    assert kept.next_due == due(13)


def test_what_fired_is_started_and_its_outcome_noted(one, clock, starts):
    changes.create(one, HOURLY)
    clock.forward(minutes=31)
    fire(one)

    firing = starter(one).start_next()

    assert starts.ids == [run_id_of(firing)] == ["sch-1-20260501T130000"]
    [row] = newest(one.engine).rows
    assert (row.state, row.run_id, row.claimed_by) == ("started", "sch-1-20260501T130000", None)
    assert settle(one) == []
    end_run(one.engine, starts.ids[0])
    assert [ended.outcome for ended in settle(one)] == ["finished"]
    assert newest(one.engine).rows[0].state == "ended"
    assert starter(one).start_next() is None


def test_a_claim_is_one_process_s_and_lapses(one, two, clock, starts):
    changes.create(one, HOURLY)
    clock.forward(minutes=31)
    fire(one)
    claimed = claims.claim(one, 60)
    assert claims.claim(two, 60) is None

    clock.forward(seconds=61)

    taken = claims.claim(two, 60)
    assert taken.id == claimed.id
    assert not claims.note_start(one, claimed, "x")
    assert claims.note_start(two, taken, "x")


def test_who_takes_over_finds_the_run_that_has_begun_and_starts_no_other(one, two, clock, starts):
    changes.create(one, HOURLY)
    clock.forward(minutes=31)
    fire(one)
    firing = claims.claim(one, 60)
    starts(WANTED, run_id_of(firing), one.engine, None)  # and then it died

    clock.forward(seconds=61)
    starter(two).start_next()

    assert len(starts.ids) == 1
    assert newest(one.engine).rows[0].state == "started"
    assert len(read_runs(one.engine)) == 1


def test_a_start_that_fails_is_tried_again_later_and_later_until_the_grace_has_passed(one, clock, starts):
    changes.create(one, replace(HOURLY, grace_seconds=600))
    clock.forward(minutes=31)
    fire(one)
    starts.error = NodeError("http://node does not answer")
    begun, waits = clock.moment, []
    while (row := newest(one.engine).rows[0]).state == "waiting":
        waits.append((row.start_at - begun).total_seconds() if row.tries else 0.0)
        clock.moment = max(clock.moment, row.start_at)
        assert starter(one).start_next() is not None

    assert waits == [0, 10, 30, 70, 150, 310]
    assert (row.state, row.error, row.tries) == ("failed", "http://node does not answer", 6)
    assert read_all(one.engine)[0].failures_in_row == 1


def test_a_node_that_is_back_gets_the_run(one, clock, starts):
    changes.create(one, HOURLY)
    clock.forward(minutes=31)
    fire(one)
    starts.error = NodeError("away")
    starter(one).start_next()
    assert starter(one).start_next() is None

    starts.error = None
    clock.forward(seconds=11)
    starter(one).start_next()

    assert newest(one.engine).rows[0].state == "started"
    assert newest(one.engine).rows[0].error is None


def test_a_run_that_waits_where_nobody_takes_it_is_withdrawn_when_it_is_given_up(one, clock, starts):
    changes.create(one, replace(HOURLY, grace_seconds=5))
    clock.forward(minutes=30, seconds=1)
    fire(one)
    run = AskedRun(
        id="sch-1-20260501T130000", project="p", spider="links", arguments={}, settings={}, node=None
    )
    ask_run(one.engine, run)
    starts.error = NodeError("away")

    starter(one).start_next()

    assert newest(one.engine).rows[0].state == "failed"
    [known] = read_runs(one.engine)
    assert (known.outcome, known.reason) == ("failed", "no node took it: away")


def test_what_may_not_be_started_any_more_fails_at_once_and_holds_up_no_other(one, clock, starts):
    changes.create(one, HOURLY)
    changes.create(one, replace(HOURLY, name="other"))
    with writing(one.engine) as connection:
        bad = {**RUN, "settings": {"LOG_FILE": "/x"}}
        broken = schedules_table.c.name == "hourly"
        connection.execute(update(schedules_table).where(broken).values(target=str(bad).replace("'", '"')))
    clock.forward(minutes=31)
    fire(one)
    while starter(one).start_next():
        pass

    found = {row.schedule_id: (row.state, row.error) for row in newest(one.engine).rows}
    assert found[1][0] == "failed"
    assert "may not set 'LOG_FILE'" in found[1][1]
    assert found[2] == ("started", None)


def test_a_schedule_that_can_not_be_read_is_put_off_and_the_others_fire(one, clock):
    changes.create(one, HOURLY)
    changes.create(one, replace(HOURLY, name="other"))
    with writing(one.engine) as connection:
        connection.execute(
            update(schedules_table).where(schedules_table.c.id == 1).values(timing="61 * * * *")
        )
    clock.forward(minutes=31)

    fired = fire(one)

    assert (fired.started, len(fired.errors)) == (1, 1)
    assert "Bad minute" in fired.errors[0]
    assert fire(one).errors == []
    clock.forward(seconds=61)
    assert len(fire(one).errors) == 1
    assert {each.name: each.error is not None for each in read_all(one.engine)} == {
        "hourly": True,
        "other": False,
    }


class Ending:
    """Ends after some looks, and keeps how long it was waited for."""

    def __init__(self, looks):
        self.looks, self.waits = looks, []

    def is_set(self):
        return len(self.waits) >= self.looks

    def wait(self, seconds):
        self.waits.append(seconds)


def test_between_its_looks_a_process_waits_for_what_comes_next(one, clock, starts):
    changes.create(one, HOURLY)
    clock.moment = due(13) - timedelta(seconds=0.25)
    ending = Ending(2)
    Keeper(one, starter(one), ending, str).run()
    assert ending.waits == [0.25, 0.25]

    clock.moment = due(13)
    ending = Ending(1)
    Keeper(one, starter(one), ending, str).run()
    assert ending.waits == [1.0]
    assert len(starts.ids) == 1


def test_what_can_not_be_evaluated_is_no_reason_to_look_all_the_time(one, clock, starts):
    changes.create(one, HOURLY)
    with writing(one.engine) as connection:
        connection.execute(update(schedules_table).values(timing="61 * * * *"))
    clock.forward(minutes=31)
    ending, said = Ending(3), []

    Keeper(one, starter(one), ending, said.append).run()

    assert ending.waits == [1.0] * 3
    assert len([line for line in said if "Bad minute" in line]) == 1


def test_a_time_whose_run_goes_on_is_skipped_and_the_stretch_is_one_row(one, clock, starts):
    changes.create(one, HOURLY)
    clock.forward(minutes=30)
    fire(one)
    starter(one).start_next()
    for _ in range(3):
        clock.forward(hours=1)
        fire(one)

    row = newest(one.engine).rows[0]
    assert (row.state, row.reason, row.due, row.last_due, row.times) == (
        "skipped", "overlap", due(14), due(16), 3)  # fmt: skip
    end_run(one.engine, starts.ids[0])
    settle(one)
    clock.forward(hours=1)
    assert fire(one).started == 1


def test_queued_the_newest_waits_for_the_end_of_the_run_before(one, clock, starts):
    changes.create(one, replace(HOURLY, overlap="queue"))
    clock.forward(minutes=30)
    for _ in range(3):
        fire(one)
        starter(one).start_next()
        clock.forward(hours=1)

    assert [(row[0], row[2], row[3]) for row in states(one.engine)] == [
        (due(13), "started", None), (due(14), "skipped", "replaced"), (due(15), "waiting", None)]  # fmt: skip
    end_run(one.engine, starts.ids[0])
    settle(one)
    clock.forward(seconds=3)
    starter(one).start_next()
    assert len(starts.ids) == 2


def test_cancelled_the_run_before_is_asked_to_end_and_the_next_starts_when_it_has(one, clock, starts):
    changes.create(one, replace(HOURLY, overlap="cancel"))
    clock.forward(minutes=30)
    fire(one)
    starter(one).start_next()
    clock.forward(hours=1)
    fire(one)
    starter(one).start_next()

    with reading(one.engine) as connection:
        assert connection.scalar(select(runs.c.cancel_asked_at)) is not None
    assert len(starts.ids) == 1
    end_run(one.engine, starts.ids[0], "cancelled")
    settle(one)
    clock.forward(seconds=3)
    starter(one).start_next()
    assert len(starts.ids) == 2


def test_allowed_they_run_beside_each_other(one, clock, starts):
    changes.create(one, replace(HOURLY, overlap="allow"))
    clock.forward(minutes=30)
    for _ in range(2):
        fire(one)
        starter(one).start_next()
        clock.forward(hours=1)

    assert [row[2] for row in states(one.engine)] == ["started", "started"]


def test_a_paused_schedule_notes_what_it_lets_pass_in_one_row_and_goes_on_after_the_end(one, clock):
    kept = changes.create(one, HOURLY)
    changes.pause(one, kept, due(16, 30), "the site is moving")
    for _ in range(5):
        clock.forward(hours=1)
        fire(one)

    assert states(one.engine) == [
        (due(13), "scheduled", "skipped", "paused"),
        (due(17), "scheduled", "waiting", None),
    ]  # fmt: skip
    assert newest(one.engine).rows[1].times == 4


def test_a_pause_without_an_end_lasts_until_somebody_ends_it(one, clock):
    changes.pause(one, changes.create(one, HOURLY), None, None)
    clock.forward(hours=5)
    assert fire(one).started == 0

    changes.resume(one, changes.known(one.engine, "hourly"))
    clock.forward(hours=1)

    assert fire(one).started == 1


def test_a_disabled_schedule_does_not_fire_and_catches_nothing_up(one, clock):
    changes.disable(one, changes.create(one, HOURLY))
    clock.forward(hours=5)
    assert fire(one) == fire(one)
    assert states(one.engine) == []

    changes.enable(one, changes.known(one.engine, "hourly"))
    assert fire(one).started == 0
    clock.forward(minutes=31)

    assert fire(one).started == 1
    assert states(one.engine)[0][0] == due(18)


def test_what_an_edit_overtakes_is_on_record_and_does_not_begin(one, clock, starts):
    kept = changes.create(one, replace(HOURLY, jitter_seconds=3_000, overlap="allow"))
    clock.forward(minutes=31)
    fire(one)
    clock.forward(minutes=60)

    changes.change(one, changes.known(one.engine, "hourly"), replace(HOURLY, timing="30 * * * *"))

    assert states(one.engine) == [
        (due(13), "scheduled", "skipped", "edited"), (due(14), "scheduled", "skipped", "edited")]  # fmt: skip
    clock.forward(minutes=30)
    assert fire(one).started == 1
    with pytest.raises(ScheduleChanged):
        changes.change(one, kept, HOURLY)


def test_a_failing_schedule_is_paused_after_as_many_failures_as_it_says(one, clock, starts):
    changes.create(one, replace(HOURLY, pause_after=2))
    clock.forward(minutes=30)
    for outcome in ("failed", "finished", "failed", "killed"):
        fire(one)
        starter(one).start_next()
        end_run(one.engine, starts.ids[-1], outcome)
        settle(one)
        clock.forward(hours=1)

    assert len(starts.ids) == 4
    paused = changes.known(one.engine, "hourly")
    assert paused.is_paused(clock.moment)
    assert paused.paused_by == "failures in a row"
    assert fire(one).started == 0


def test_a_run_that_was_never_seen_or_fell_silent_ends_as_lost(one, clock, starts):
    changes.create(one, HOURLY)
    clock.forward(minutes=30)
    fire(one)
    firing = claims.claim(one, 60)
    claims.note_start(one, firing, run_id_of(firing))
    assert settle(one) == []

    clock.forward(seconds=61)

    assert [ended.outcome for ended in settle(one)] == ["lost"]


def test_a_manual_firing_changes_no_due_time_and_waits_for_nobody(one, clock, starts):
    kept = changes.create(one, HOURLY)
    changes.run_now(one, kept)
    starter(one).start_next()

    assert changes.known(one.engine, "hourly").next_due == kept.next_due
    assert [row[1:3] for row in states(one.engine)] == [("manual", "started")]
    with pytest.raises(ScheduleRefused, match="a run of hourly goes on"):
        changes.run_now(one, kept)


def test_a_backfill_runs_one_after_the_other_and_each_time_once(one, clock, starts):
    kept = changes.create(one, replace(HOURLY, overlap="allow"))

    assert changes.backfill(one, kept, due(8), due(10)) == changes.Backfill(3, 0)
    assert changes.backfill(one, kept, due(9), due(11)) == changes.Backfill(1, 2)
    for _ in range(4):
        while starter(one).start_next():
            pass
        assert len(active(one.engine, kept.id, ["started"])) == 1
        end_run(one.engine, starts.ids[-1])
        settle(one)
        clock.forward(seconds=3)

    assert starts.ids == [f"sch-1-b20260501T{hour:02}0000" for hour in (8, 9, 10, 11)]


@pytest.mark.parametrize(
    ("begin", "end", "why"),
    [
        (due(10), due(9), "is no stretch"),
        (due(10), due(23), "still to come"),
        (due(10, 1), due(10, 2), "has no time from"),
        (datetime(2020, 1, 1), due(10), "more than 1,000 times"),
        (datetime(1, 1, 1), due(10), "is no stretch"),
    ],
)
def test_a_backfill_of_no_stretch_is_refused(one, begin, end, why):
    with pytest.raises(ScheduleRefused, match=why):
        changes.backfill(one, changes.create(one, HOURLY), begin, end)
    assert states(one.engine) == []


def test_jitter_puts_off_the_start_and_not_the_time(one, clock, starts):
    changes.create(one, replace(HOURLY, jitter_seconds=600))
    clock.forward(minutes=30, seconds=1)
    fire(one)
    [row] = newest(one.engine).rows
    assert row.due == due(13)
    assert due(13) < row.start_at <= due(13, 10)

    assert starter(one).start_next() is None
    clock.moment = row.start_at
    assert starter(one).start_next() is not None


def test_two_weeks_of_absence_are_one_row_and_one_start(one, clock):
    changes.create(one, replace(HOURLY, timing="* * * * *"))
    clock.forward(days=14)
    while fire(one).skipped:
        pass

    rows = newest(one.engine).rows[::-1]
    assert [row.reason for row in rows] == ["missed", None, None]
    assert rows[0].times + 2 == 14 * 24 * 60


def test_names_are_one_s_and_schedules_are_found_by_them(one):
    kept = changes.create(one, HOURLY)
    with pytest.raises(ScheduleExists, match="there is a schedule hourly already"):
        changes.create(one, HOURLY)
    with pytest.raises(ScheduleRefused, match="there are hourly"):
        changes.known(one.engine, "nightly")
    changes.create(one, replace(HOURLY, name="other"))
    with pytest.raises(ScheduleExists):
        changes.change(one, kept, replace(HOURLY, name="other"))

    changes.remove(one, kept)

    assert [each.name for each in read_all(one.engine)] == ["other"]
    assert changes.create(one, HOURLY).id > kept.id + 1  # an id is never another's


def test_old_ends_are_pruned_and_never_the_newest_of_a_schedule(engine):
    now = Process(engine, "one")
    kept = changes.create(now, HOURLY)
    due_times.ask(now, kept.id, "manual", [due(hour) for hour in range(4)])
    with writing(engine) as connection:
        connection.execute(update(table).values(state="ended", fired_at=datetime(2020, 1, 1)))
        connection.execute(update(table).where(table.c.due == due(1)).values(state="waiting"))

    assert prune(engine, timedelta(days=30)) == 2
    assert [row[0] for row in states(engine)] == [due(1), due(3)]


def test_a_process_that_fires_is_seen_and_one_that_is_silent_is_not(engine, one, two, clock):
    assert last_beat(engine, "periodic")[1] is None
    real = Process(engine, "real")
    beat(real, "periodic")
    beat(real, "periodic")

    assert alive(engine, "periodic", 60) == 1
    assert alive(engine, "alerts", 60) == 0
    now, beaten = last_beat(engine, "periodic")
    assert timedelta() <= now - beaten < timedelta(minutes=1)


def test_a_fraction_before_a_time_is_before_it(one, clock):
    """MariaDB would cut it off, or round it up, in a column without fractions."""
    changes.create(one, HOURLY)
    clock.moment = due(13) - timedelta(microseconds=1)
    assert fire(one).started == 0
    clock.moment = due(13)
    assert fire(one).started == 1


def test_the_clock_of_the_database_is_a_moment_and_runs(engine):
    process = Process(engine, "one")
    first = process.time()
    assert isinstance(first, datetime)
    assert process.time() >= first


def test_a_run_is_taken_once(engine, starts):
    starts(WANTED, "sch-1-x", engine, None)
    with pytest.raises(RunTaken):
        starts(WANTED, "sch-1-x", engine, None)
