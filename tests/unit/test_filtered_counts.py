from types import SimpleNamespace

from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.test import get_crawler

from scraping_project.worker.filtered_counts import FilteredCounts


def stats_of_a_run():
    return MemoryStatsCollector(get_crawler())


def test_each_drop_is_told_once_by_its_reason():
    stats = stats_of_a_run()
    drops = FilteredCounts(SimpleNamespace(stats=stats))
    assert drops.since_last() == {}

    stats.inc_value("offsite/filtered", 2)
    stats.inc_value("frontier/filtered/offsite")
    stats.inc_value("depth/request_ignored_count")
    assert drops.since_last() == {"offsite": 3, "depth": 1}

    stats.inc_value("urllength/request_ignored_count")
    assert drops.since_last() == {"length": 1}
    assert drops.since_last() == {}
