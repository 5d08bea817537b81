"""What the crawl does for every page, done for less than Scrapy's own."""

import asyncio
import gc
import logging
import os
import platform
import subprocess
import sys
import weakref

import pytest
from scrapy import Request, Spider
from scrapy.exceptions import NotConfigured
from scrapy.http import HtmlResponse, Response
from scrapy.utils.misc import load_object
from scrapy.utils.test import get_crawler

from scraping_project import settings
from scraping_project.tuning.allocator import Allocator
from scraping_project.tuning.cpu_slices import SLICE_MS, CpuSlices, set_slice
from scraping_project.tuning.event_loop import Loop
from scraping_project.tuning.garbage_collection import BYTES, NEW, GarbageCollection
from scraping_project.tuning.logformatter import LogFormatter
from scraping_project.tuning.signals import Signals
from scraping_project.tuning.stats import Stats


@pytest.mark.parametrize(
    ("level", "quiet"), [("WARNING", True), ("INFO", True), ("DEBUG", False), ("odd", False), (10, False)]
)
def test_pages_and_items_are_put_into_words_only_when_these_are_read(level, quiet):
    formatter = LogFormatter.from_crawler(get_crawler(settings_dict={"LOG_LEVEL": level}))
    request, response = Request("https://a.example/"), Response("https://a.example/")
    assert (formatter.crawled(request, response, Spider("example")) is None) is quiet
    assert (formatter.scraped({}, response, Spider("example")) is None) is quiet


def test_a_failed_download_is_put_into_words_at_any_level():
    formatter = LogFormatter.from_crawler(get_crawler(settings_dict={"LOG_LEVEL": "ERROR"}))
    said = formatter.download_error(None, Request("https://a.example/"), Spider("example"), "why")
    assert said["level"] == logging.INFO


def test_stats_count_as_scrapys_do():
    stats = Stats(get_crawler())
    stats.inc_value("a")
    stats.inc_value("a", 2)
    stats.max_value("b", 3)
    stats.max_value("b", 1)
    assert stats.get_stats() == {"a": 3, "b": 3}


@pytest.fixture(name="collector")
def collector_as_it_was():
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.fixture(name="garbage")
def garbage_of_a_crawl_that_has_begun(collector):
    garbage = GarbageCollection.from_crawler(get_crawler())
    garbage.engine_started()
    return garbage


@pytest.fixture(name="searches")
def generations_that_were_searched():
    searched = []

    def note(phase, info):
        if phase == "start":
            searched.append(info["generation"])

    gc.callbacks.append(note)
    yield searched
    gc.callbacks.remove(note)


def test_python_searches_for_cycles_far_more_rarely_during_a_crawl(garbage, collector):
    assert gc.get_threshold() == (NEW, *collector[1:])
    assert gc.get_freeze_count() > 0


def test_cycles_are_searched_for_once_so_many_bytes_of_pages_are_settled(garbage, searches):
    garbage.settled(BYTES - 1)
    assert searches == []
    garbage.settled(BYTES)
    garbage.settled(BYTES + 1)
    assert searches == [0]
    garbage.settled(2 * BYTES)
    assert searches == [0, 0]


def test_older_objects_are_searched_as_often_as_python_does(garbage, searches):
    young, old = 3, 2
    gc.set_threshold(NEW, young, old)
    for number in range(1, 20):
        garbage.settled(number * BYTES)
    assert searches[:5] == [0, 0, 0, 0, 1]
    assert 2 in searches


def test_a_page_in_a_cycle_is_freed_by_the_next_search(garbage):
    page = HtmlResponse("https://a.example/", body=b"<title>A</title>")
    assert page.css("title")
    gone = weakref.ref(page)
    del page
    assert gone() is not None
    garbage.settled(BYTES)
    assert gone() is None


def test_who_switches_the_search_off_has_it_off(garbage, searches):
    gc.disable()
    try:
        garbage.settled(BYTES)
    finally:
        gc.enable()
    assert searches == []


HEAPS = """
import ctypes, sys, tempfile, threading
from scraping_project.tuning.allocator import Allocator

if sys.argv[1] == "one":
    Allocator()
together = threading.Barrier(3)
def allocate():
    together.wait()
    kept = [bytes(50_000) for _ in range(100)]
    together.wait()
    return kept
threads = [threading.Thread(target=allocate) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
c = ctypes.CDLL(None)
c.fdopen.restype = ctypes.c_void_p
with tempfile.TemporaryFile() as file:
    stream = ctypes.c_void_p(c.fdopen(file.fileno(), b"w"))
    c.malloc_info(0, stream)
    c.fflush(stream)
    file.seek(0)
    print(file.read().count(b"<heap nr="))
"""


@pytest.mark.parametrize(("how", "heaps"), [("one", {1}), ("each", {2, 3, 4})])
def test_all_threads_of_a_worker_share_one_heap(how, heaps):
    made = subprocess.run([sys.executable, "-c", HEAPS, how], capture_output=True, text=True, check=True)
    assert int(made.stdout) in heaps


COMMITS = """
import resource
from scraping_project.tuning.allocator import LARGE, Allocator

Allocator()
def commit():
    return [b"x" * (LARGE - 1000) for _ in range(3)]
commit()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20): commit()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_the_memory_of_a_commit_is_there_for_the_next():
    made = subprocess.run([sys.executable, "-c", COMMITS], capture_output=True, text=True, check=True)
    assert int(made.stdout) < 100


SLICES = """
import os, pathlib, subprocess, sys, threading
from scrapy.utils.test import get_crawler
from scraping_project.tuning.cpu_slices import CpuSlices

def policies():
    return {os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")}

ended = threading.Event()
threading.Thread(target=ended.wait).start()
other = subprocess.Popen(["sleep", "60"])
slices = CpuSlices.from_crawler(get_crawler(settings_dict={"CPU_LONG_SLICES": True}))
assert policies() == {os.SCHED_OTHER}
slices.engine_started()
later = threading.Thread(target=ended.wait)
later.start()
assert policies() == {os.SCHED_BATCH}
assert os.sched_getscheduler(other.pid) == os.SCHED_OTHER
other.kill()
ended.set()
said = pathlib.Path("/proc/self/sched").read_text().splitlines()
print(*[line.split()[-1] for line in said if line.startswith("se.slice")])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the slices of Linux")
def test_all_threads_of_a_worker_get_long_slices_and_nobody_else_does():
    made = subprocess.run([sys.executable, "-c", SLICES], capture_output=True, text=True, check=True)
    length, release = made.stdout.strip(), tuple(map(int, platform.release().split(".")[:2]))
    if length and release >= (6, 12):  # older ones know no slices of one's own, and not all of them tell
        assert int(length) == SLICE_MS * 1_000_000


def test_slices_are_the_systems_own_unless_a_setting_says_so():
    with pytest.raises(NotConfigured):
        CpuSlices.from_crawler(get_crawler(settings_dict={"CPU_LONG_SLICES": settings.CPU_LONG_SLICES}))


def test_a_system_whose_calls_are_not_known_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    before = os.sched_getscheduler(0)
    set_slice(0, SLICE_MS)
    assert os.sched_getscheduler(0) == before


@pytest.mark.parametrize("extension", [GarbageCollection, Allocator, Signals, CpuSlices])
def test_a_crawl_has_what_spares_it_work(extension):
    assert extension in {load_object(path) for path in settings.EXTENSIONS}


def test_the_loop_closes_the_one_that_scrapy_makes_to_look_at_its_class():
    before = asyncio.new_event_loop()
    asyncio.set_event_loop(before)
    loop = Loop()
    try:
        assert before.is_closed()
    finally:
        loop.close()
        asyncio.set_event_loop(None)


def test_a_loop_is_made_where_there_is_none():
    made = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            "from scraping_project.tuning import event_loop; event_loop.Loop().close()",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (made.returncode, made.stderr) == (0, "")
