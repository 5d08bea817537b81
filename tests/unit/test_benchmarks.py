import json
import os
import re
import select
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from benchmarks import cpu_slices, takeover
from benchmarks.numbers import at_least
from benchmarks.speed import cores, figures, hits, programs, site, turns
from benchmarks.speed.__main__ import FULL, QUICK, _apart, _there_and_back
from benchmarks.speed.curve import Point
from benchmarks.speed.hits import Hits
from benchmarks.speed.measure import Run, naming
from benchmarks.speed.picture import WIDTH, Bar, Chart, picture
from benchmarks.speed.report import BEGIN, END, Report, insert
from benchmarks.speed.stage import Crowd, Place, SpeedError
from benchmarks.speed.turns import Runner
from benchmarks.speed.usage import Reading, RedisUse, cpu_seconds, peak_memory
from testing.servers import Request

DOCS = Path(__file__).parent.parent.parent / "docs"


def links(page):
    return re.findall(r'<a href="([^"]+)"', page)


def request(uri, ended, status=200, content_type="text/html"):
    return Request(ended - 0.001, ended, "GET", "127.0.0.1", uri, status, content_type, "agent")


def run(pages, *, seconds=1.0, cpu=1.0, scripts=1, checks=0, redis_cpu=0.1, database=0.1):
    redis = RedisUse(scripts=scripts, reads=5, traffic=1000, checks=checks, cpu=redis_cpu)
    return Run(pages, Reading(seconds, cpu, 0.1, database, redis), 100 * 2**20)


def rounds(*speeds):
    """Each round's pages a second of ours and of stock Scrapy; the other programs do a hundred."""
    known = {program.key: run(100) for program in programs.PROGRAMS}
    return [known | {"ours": run(ours), "scrapy": run(scrapy)} for ours, scrapy in speeds]


def report(**changes):
    points = [[Point(1, run(100)), Point(2, run(190, cpu=2.0))]]
    measured = rounds((600, 100), (500, 100))
    shares = {programs.STORED: [0.9, 0.8], programs.FAR: [0.9]}
    latencies = [1.0, 2.0, 60.0]
    whole = Report(programs.PROGRAMS, measured, shares, points, [], latencies, "make bench", 0.1)
    return replace(whole, **changes)


@pytest.fixture
def place(tmp_path):
    return Place("http://127.0.0.1:1/", "redis://127.0.0.1:1/0", "sqlite://", str(tmp_path))


def crowd(place, *scripts):
    return Crowd([["/bin/sh", "-c", script] for script in scripts], place)


def test_a_page_of_the_site_has_its_size_and_thirty_different_links():
    page = site.page(7, site.PAGES)
    assert len(page.encode()) == site.SIZE
    assert len(set(links(page))) == len(links(page)) == site.LINKS


def test_the_site_is_the_same_every_time():
    assert site.page(7, site.PAGES) == site.page(7, site.PAGES)
    assert site.page(7, site.PAGES) != site.page(8, site.PAGES)


def test_every_page_of_the_site_is_reached_and_every_link_leads_to_one(tmp_path):
    folder = tmp_path / "site"
    site.write(folder, 100)
    reached, waiting = {site.address(0)}, [site.address(0)]
    while waiting:
        found = set(links((folder / waiting.pop().lstrip("/")).read_text("utf-8"))) - reached
        reached |= found
        waiting.extend(found)
    assert len(reached) == 100


def test_what_an_interrupted_run_left_is_not_taken_for_a_site(tmp_path):
    (tmp_path / "site.part").mkdir()
    (tmp_path / "site.part" / "rest.html").touch()
    site.write(tmp_path / "site", 40)
    assert not (tmp_path / "site" / "rest.html").exists()
    assert not (tmp_path / "site.part").exists()


def test_a_page_counts_once_and_when_it_was_first_fetched():
    requests = [request("/a", 1.0), request("/b", 2.0), request("/a", 2.1), request("/b", 2.2)]
    assert hits.pages(requests, 1.5, 3.0) == 1


def test_only_pages_that_were_answered_count():
    requests = [request("/a", 2.0, status=404), request("/b.css", 2.0, content_type="text/css")]
    assert hits.pages([*requests, request("/c", 2.0)], 1.0, 3.0) == 1


def test_hits_grow_with_the_sites_log(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(b"")
    seen = Hits(SimpleNamespace(directory=tmp_path))
    assert seen.count() == 0
    with log.open("ab") as file:
        file.write(b"one\ntwo\nthr")
    assert seen.count() == 2
    with log.open("ab") as file:
        file.write(b"ee\n")
    assert seen.count() == 3
    seen.close()


def test_cpu_time_is_read_of_a_process_whatever_its_name():
    name = Path("/proc/self/comm")
    before = name.read_text()
    try:
        name.write_text("a) R 1 (b 9")
        used = cpu_seconds(os.getpid())
    finally:
        name.write_text(before.strip())
    assert used == pytest.approx(sum(os.times()[:2]), abs=0.5)


def test_peak_memory_is_at_least_what_a_python_takes():
    assert peak_memory(os.getpid()) > 8 * 2**20


def test_the_memory_of_a_process_that_has_ended_is_refused():
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ProcessLookupError):
            peak_memory(process.pid)


def test_redis_counters_subtract():
    stats = {"total_reads_processed": 10, "total_net_input_bytes": 100, "total_net_output_bytes": 50}
    cpu = {"used_cpu_user_main_thread": 1.5, "used_cpu_sys_main_thread": 0.5}
    before = RedisUse.of(stats, {}, cpu)
    commands = {"cmdstat_evalsha": {"calls": 3}, "cmdstat_sadd": {"calls": 60}}
    after = RedisUse.of(stats | {"total_net_output_bytes": 70}, commands, cpu)
    assert after - before == RedisUse(scripts=3, reads=0, traffic=20, checks=60, cpu=0)


def test_a_ratio_is_taken_within_each_round():
    ratio = figures.ratios(rounds((600, 100), (300, 50), (100, 25)))[0]
    assert ratio.values == [6, 6, 4]
    assert ratio.median == 6


def test_programs_that_were_not_measured_have_no_ratio():
    alone = [{"ours": run(2), "bare": run(4)}]
    assert [figure.values for figure in figures.ratios(alone)] == [[0.5]]


def test_every_ratio_is_of_programs_that_are_measured():
    keys = {program.key for program in FULL.programs}
    assert keys >= {key for _, *both, _ in figures.RATIOS for key in both}


def test_a_figure_that_falls_short_says_so():
    assert figures.Figure("name", [1.0, 3.0, 2.0], 2.5).plain() == {
        "name": "name",
        "median": 2.0,
        "low": 1.0,
        "high": 3.0,
        "goal": ">= 2.5",
        "met": False,
    }


def test_trips_to_redis_are_script_calls_a_page():
    assert figures.trips([{"ours": run(100, scripts=3)}]).median == pytest.approx(0.03)


def test_the_95th_percentile_lies_below_the_slowest_of_a_hundred():
    assert figures.percentile(list(range(101)), 95) == 95


def test_workers_are_compared_by_pages_a_cpu_second():
    points = [[Point(1, run(100, cpu=1.0)), Point(8, run(300, cpu=4.0))]]
    (figure,) = figures.scaling(points)
    assert (figure.median, figure.goal) == (0.75, 0.90)


def test_redis_carries_as_many_pages_as_its_thread_has_time_for():
    carried = figures.capacities([run(100, cpu=0.5, redis_cpu=0.01, database=0.02)])
    assert [figure.median for figure in carried] == pytest.approx([200, 10_000, 5_000])
    assert "10,000 pages/s" in figures.first_full(carried)
    assert "50 cores of workers and 2.0 of MariaDB" in figures.first_full(carried)


def test_scrapy_redis_is_counted_by_its_dupe_filter_and_others_at_the_site():
    assert programs.SCRAPY_REDIS.at(10).pages(31, 60) == 2
    assert programs.WORKER.pages(31, 60) == 31


def test_a_program_far_from_redis_has_a_key_and_a_name_of_its_own():
    far = programs.WORKER.at(10)
    assert (far.key, far.round_trip_ms) == ("ours-10ms", 10)
    assert far.name == "this project, Redis at 10 ms"


def test_a_worker_that_waits_for_seeds_has_no_start_urls(place):
    assert f"start_urls={place.site_url}section-000/page-00000.html" in programs.ours(place)
    assert "start_urls" not in " ".join(programs.ours(place, waits=True))


def test_a_quick_run_measures_what_the_goals_need_except_the_shorter_distance():
    left_out = {program.key for program in FULL.programs} - {program.key for program in QUICK.programs}
    assert left_out == {"ours-2ms", "scrapy-redis-2ms"}


def test_a_crowd_waits_no_longer_than_it_may(place):
    with crowd(place, "sleep 60") as sleeping:
        assert not sleeping.until(lambda: False, 0.1)
        assert sleeping.until(lambda: True, 0)


def test_a_program_runs_in_its_turns_and_no_longer(place):
    seen = SimpleNamespace(count=lambda: 0)
    with crowd(place, "while :; do :; done") as busy:
        (pid,) = busy.pids
        os.kill(pid, signal.SIGSTOP)
        before = cpu_seconds(pid)
        runner = Runner(programs.WORKER, place, None, busy, seen)
        runner.go(0.2)
        runner.go(0.2)
        after = cpu_seconds(pid)
        time.sleep(0.2)
        assert cpu_seconds(pid) == after > before
        assert after - before <= runner.ran + 0.02
        assert runner.ran >= 0.4


def test_a_program_is_stopped_where_its_turns_begin(place):
    with crowd(place, "while :; do :; done") as busy:
        runner = Runner(programs.WORKER, place, None, busy, SimpleNamespace(count=lambda: 5))
        assert not runner.reaches(6)
        assert runner.reaches(5)
        os.waitid(os.P_PID, busy.pids[0], os.WSTOPPED)


def test_a_program_that_does_not_come_to_its_turns_is_named(place, monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", 0)
    with crowd(place, "echo cannot; sleep 60") as stuck:
        assert stuck.until(lambda: "cannot" in stuck.last_words(), 60)
        runner = Runner(programs.WORKER, place, None, stuck, SimpleNamespace(count=lambda: 5))
        with pytest.raises(SpeedError, match=r"^this project has not come to page 6 .*\ncannot"):
            turns.bring_to(6, [runner])


def test_what_goes_wrong_is_said_of_a_program_by_name():
    with (
        pytest.raises(SpeedError, match=r"^this project, nothing stored left 3 rows"),
        naming(programs.UNSTORED),
    ):
        raise SpeedError("left 3 rows in the database")


def test_every_pair_has_a_row_with_its_goal():
    names = [pair.name for pair in FULL.pairs]
    rows = [figure.row() for figure in report().goals() if figure.name in names]
    assert [(row.value, row.goal, row.met) for row in rows] == [
        (pytest.approx(0.85), 0.9, False),
        (pytest.approx(0.9), 0.95, False),
    ]


def test_a_crowd_of_which_one_has_ended_says_its_last_words(place):
    with (
        crowd(place, "sleep 60", "echo no such thing >&2; exit 1") as two,
        pytest.raises(SpeedError, match="no such thing"),
    ):
        two.until(lambda: False, 60)


def test_a_crowd_leaves_no_process_behind(place, tmp_path):
    script = f"sleep 300 & echo $! > {tmp_path}/part; mv {tmp_path}/part {tmp_path}/child; wait"
    with crowd(place, script) as parent:
        assert parent.until((tmp_path / "child").exists, 60)
        child = os.pidfd_open(int((tmp_path / "child").read_text()))
    try:
        assert select.select([child], [], [], 60)[0], "the child of a killed process lives on"
    finally:
        os.close(child)


def test_a_crowd_inherits_nothing_but_where_programs_lie(place, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with crowd(place, f"env > {tmp_path}/part; mv {tmp_path}/part {tmp_path}/env; sleep 60") as one:
        one.until((tmp_path / "env").exists, 60)
    env = (tmp_path / "env").read_text()
    assert "http_proxy" not in env
    assert f"REDIS_URL={place.redis_url}" in env


def test_the_picture_is_well_formed_and_nothing_leaves_it():
    bars = [Bar("fast & <bare>", 3000.4, 2000, 3500, is_ours=False), Bar("slow", 1.5, 1.5, 1.5, is_ours=True)]
    root = ET.fromstring(picture([Chart("Pages", bars)], "a note"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["Pages", "fast & <bare>", "3,000", "slow", "1.5", "a note"]
    boxes = list(root.iter("{http://www.w3.org/2000/svg}rect"))
    assert all(float(box.get("x")) + float(box.get("width")) < WIDTH for box in boxes)
    assert [box.get("class") for box in boxes] == ["peer", "ours"]


def test_tables_go_between_the_marks_of_the_page_and_nowhere_else():
    page = f"head\n{BEGIN}\nold\n{END}\nfoot\n"
    assert insert(page, "new") == f"head\n{BEGIN}\nnew\n{END}\nfoot\n"


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="measured"):
        insert("head\nfoot\n", "new")


def test_the_page_of_the_docs_has_the_marks():
    assert "new" in insert((DOCS / "benchmarks.md").read_text("utf-8"), "new")


def test_a_report_writes_json_a_picture_and_the_tables(tmp_path):
    (tmp_path / "benchmarks.md").write_text(f"{BEGIN}\n{END}\n", "utf-8")
    report().write(tmp_path)
    found = json.loads((tmp_path / "speed.json").read_text("utf-8"))
    assert [one["pages"] for one in found["programs"]["ours"]] == [600, 500]
    assert found["goals"][0]["met"]
    assert found["versions"]["Scrapy"]
    assert ET.fromstring((tmp_path / "speed.svg").read_text("utf-8")).tag.endswith("svg")
    page = (tmp_path / "benchmarks.md").read_text("utf-8")
    assert "| over stock Scrapy, queue in memory | 5.5 | 5 to 6 | >= 5 | met |" in page
    assert "| the same, p95, ms | 54.2 |  | <= 50 | **short** |" in page
    assert "| stock Scrapy, queue in memory | 100 | 100 to 100 |" in page


def test_a_quick_report_writes_where_no_page_is(tmp_path):
    report(rounds=rounds((600, 100))).write(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"speed.json", "speed.svg"}


def test_programs_without_redis_have_no_trips(tmp_path):
    head, *rows = report().lines()
    trips = {row[0]: row[head.index("trips to Redis")] for row in rows}
    assert trips["stock Scrapy, queue in memory"] == "-"
    assert trips["this project"] == "0.00183"
    assert trips["stock scrapy-redis"] == "0.05"


@pytest.mark.parametrize("text", ["9", "-1", "many", "1e6", ""])
def test_a_number_that_is_too_low_or_none_is_refused_in_one_line(text, capsys):
    parser = ArgumentParser(prog="soak")
    parser.add_argument("--pages", type=at_least(10))
    with pytest.raises(SystemExit) as refused:
        parser.parse_args(["--pages", text])
    assert refused.value.code == 2
    assert f"invalid number from 10 up value: {text!r}" in capsys.readouterr().err


def test_the_lowest_number_is_taken():
    assert at_least(10)("10") == 10


def test_workers_apart_from_the_servers_have_a_row_where_they_were_measured():
    apart = [[Point(8, run(360, cpu=4.0)), Point(1, run(100, cpu=1.0))]]
    figure, *_ = [figure for figure in report(apart=apart).goals() if "other cores" in figure.name]
    assert (figure.values, figure.goal) == ([0.9], None)
    assert len(report(apart=[[]]).goals()) == len(report(apart=apart).goals()) - 1


def test_programs_and_servers_are_apart_for_a_while_their_children_included(place):
    every = sorted(os.sched_getaffinity(0))
    first, second = set(every[: len(every) // 2]), set(every[len(every) // 2 :])
    with crowd(place, "sleep 60 & wait") as one, crowd(place, "sleep 60 & wait") as other:
        families = [[*each.pids, *children_of(each.pids[0])] for each in (one, other)]
        with cores.apart(one.pids, other.pids):
            assert [cores_of(family) for family in families] == [[first] * 2, [second] * 2]
        assert cores_of(families[1]) == [set(every)] * 2


def test_where_there_is_one_core_nobody_is_measured_apart():
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(every)})
    try:
        assert _apart(None, FULL) == []
    finally:
        os.sched_setaffinity(0, every)


@pytest.fixture
def sleeper():
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_takeover_lasts_from_the_kill_until_nothing_is_held_any_more(sleeper, monkeypatch):
    clock = iter(range(100, 200))
    monkeypatch.setattr(takeover.time, "monotonic", lambda: next(clock))
    looks = iter([False, False, True])
    with subprocess.Popen(["sleep", "60"]) as victim:
        seconds = takeover.seconds_until_back(victim.pid, lambda: next(looks), sleeper)
        assert victim.wait() == -signal.SIGKILL
    assert (
        seconds == 3
    )  # the clock is looked at when it is killed, for the deadline, in the pause and at the end
    assert next(looks, None) is None


def test_a_worker_that_held_nothing_is_no_takeover(sleeper):
    with (
        subprocess.Popen(["sleep", "60"]) as victim,
        pytest.raises(takeover.TakeoverError, match="held nothing"),
    ):
        takeover.seconds_until_back(victim.pid, lambda: True, sleeper)


def test_a_crawl_that_ends_before_a_takeover_is_told_of():
    with subprocess.Popen(["sh", "-c", "exit 3"]) as ended:
        ended.wait()
        with pytest.raises(takeover.TakeoverError, match="ended too early, with 3"):
            takeover.wait_until(lambda: False, ended)


def test_a_takeover_is_not_waited_for_forever(sleeper, monkeypatch):
    monkeypatch.setattr(takeover, "PATIENCE", -1.0)
    with pytest.raises(takeover.TakeoverError, match="nothing was taken over"):
        takeover.wait_until(lambda: False, sleeper)


def test_every_second_round_goes_backwards():
    assert [list(_there_and_back((1, 2, 8), number)) for number in range(3)] == [
        [1, 2, 8],
        [8, 2, 1],
        [1, 2, 8],
    ]


def cores_of(pids):
    return [os.sched_getaffinity(pid) for pid in pids]


def children_of(pid):
    """Its one child, once it has started."""
    process = psutil.Process(pid)
    while not process.children():
        os.sched_yield()
    return [process.children()[0].pid]


@pytest.mark.parametrize(("turns", "kept"), [(4, 0), (5, 4), (8, 4), (9, 8), (12, 8)])
def test_long_and_usual_slices_are_compared_in_complete_rounds(turns, kept):
    assert len(cpu_slices.complete(range(turns))) == kept


def test_the_rates_of_some_turns_count_their_pages_alone():
    turns = [cpu_slices.Turn(True, 10.0, 12.0, 1.0), cpu_slices.Turn(True, 20.0, 22.0, 3.0)]
    instants = [9.0, 11.0, 11.5, 15.0, 21.0, 21.5, 21.6, 21.7, 23.0]
    seen = [request(f"/{instant}", instant) for instant in instants]
    assert cpu_slices.rates(turns, seen) == (1.5, 1.5)
