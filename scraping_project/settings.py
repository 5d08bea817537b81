"""Every setting, in the order in which data flows; the environment is read here and nowhere else."""

import os
from importlib.util import find_spec
from pathlib import Path

from scrapy.settings import default_settings
from scrapy.utils.conf import closest_scrapy_cfg

from scraping_project import __version__

BOT_NAME = "scraping_project"


# What follows from other settings: here, and in cli/derived_settings.py when -s names these
def database_in(data_dir: str) -> str:
    return f"sqlite:///{Path(data_dir).absolute() / 'scraping.db'}"


def cache_in(data_dir: str) -> str:
    return str(Path(data_dir).absolute() / "httpcache")


def user_agent_with(contact: str) -> str:
    return f"{BOT_NAME}/{__version__}" + (f" (+{contact})" if contact else "")


SPIDER_MODULES = ["spiders"]
NEWSPIDER_MODULE = "spiders"
COMMANDS_MODULE = "scraping_project.commands"

# The event loop: the faster one, where it is installed
ASYNCIO_EVENT_LOOP = "scraping_project.tuning.event_loop.Loop" if find_spec("uvloop") else None

# Where things are
DATA_DIR = os.environ.get("DATA_DIR") or str(Path(closest_scrapy_cfg() or "scrapy.cfg").parent / "data")
REDIS_URL = os.environ.get("REDIS_URL", "")
EGG_VERSION = os.environ.get("SCRAPYD_EGG_VERSION")
DATABASE_URL = os.environ.get("DATABASE_URL") or database_in(DATA_DIR)

# Scrapyd nodes that commands talk to, and their login
SCRAPYD_URLS = os.environ.get("SCRAPYD_URLS") or "http://127.0.0.1:6800"
SCRAPYD_USERNAME = os.environ.get("SCRAPYD_USERNAME", "")
SCRAPYD_PASSWORD = os.environ.get("SCRAPYD_PASSWORD", "")

# Seeds and the queue: shared by every worker of a frontier
SCHEDULER = "scraping_project.core.scheduler.Scheduler"
REQUEST_FINGERPRINTER_CLASS = "scraping_project.http.fingerprints.Fingerprinter"
SPIDER_MIDDLEWARES = {
    "scraping_project.spidermiddlewares.offsite.OffsiteStarts": 5,
    "scraping_project.spidermiddlewares.seeds.Seeds": 10,
    "scraping_project.spidermiddlewares.outcomes.Outcomes": 20,
    "scraping_project.spidermiddlewares.starts.Starts": 1000,
}
URLLENGTH_LIMIT = 8000
FRONTIER_ORDER = "fifo"  # of a slot's requests of one priority: fifo, lifo, or depth for the shallow first
FRONTIER_SLOT_BY = "host"  # or domain: www.example.com and example.com are one
FRONTIER_SLOT_PAGES = 0  # requests of a slot that a crawl sends at the most; 0 for all
FRONTIER_REQUEST_MAXSIZE = 1024 * 1024  # bytes of one as it is written down; a larger one is a dead letter
REDIS_START_URLS_AS_SET = False
REDIS_START_URLS_AS_ZSET = False

# Downloads: how much, how fast, how long
DOWNLOADER = "scraping_project.core.downloader.Downloader"
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "scraping_project.downloadermiddlewares.robots.Robots": 100,
    "scraping_project.downloadermiddlewares.identity.BrowserUserAgent": 490,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
    "scraping_project.downloadermiddlewares.compression.Compression": 590,
    "scraping_project.downloadermiddlewares.answers.Answers": 1000,
}
CONCURRENT_REQUESTS = 32
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0
DOWNLOAD_TIMEOUT = 30
DOWNLOAD_MAXSIZE = 32 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_DELAY_JITTER = 0.0
RETRY_TIMES = 2
RETRY_BACKOFF_BASE = 4.0  # seconds, to the power of the retry; 0: at once
RETRY_EXCEPTIONS = [
    *default_settings.RETRY_EXCEPTIONS,
    "scraping_project.http.failure_reasons.RobotsUnavailable",
]
RETRY_GIVE_UP_LOG_LEVEL = "INFO"

# Scrapy's cache, with HTTPCACHE_ENABLED: what is tried again, or answers a condition, is nothing to keep
HTTPCACHE_DIR = cache_in(DATA_DIR)
HTTPCACHE_IGNORE_HTTP_CODES = [304, *default_settings.RETRY_HTTP_CODES]

# Who asks
USER_AGENT_MODE = os.environ.get("USER_AGENT_MODE", "honest")
CRAWLER_CONTACT = os.environ.get("CRAWLER_CONTACT", "")
USER_AGENT = user_agent_with(CRAWLER_CONTACT)
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = BOT_NAME
ROBOTSTXT_CRAWL_DELAY_MAX = 60.0

# Pages: what is kept of one
PAGE_LINKS_MAX = 10_000  # links of a page that the spider links stores and follows; 0 for all

# Items and logs: stored in batches
CONCURRENT_ITEMS = 10  # of one answer; so many tasks are made for every answer, however few it yields
ITEM_PIPELINES = {
    "pipelines.sites.SitesPipeline": 300,
    "pipelines.logs.LogsPipeline": 310,
    "pipelines.items.ItemsPipeline": 320,
}
CHECKPOINT_INTERVAL = 0.25
FRONTIER_LEASE = 60.0
FRONTIER_STUCK_AFTER = 300.0
FRONTIER_STANDSTILL_AFTER = 300.0  # seconds in which nothing is sent though something waits: it is said
FRONTIER_KEEP_FINISHED = 7 * 86_400.0  # seconds that Redis keeps a finished crawl, once nobody works on it
RUN_HEARTBEAT = 10.0
STARTED_TOGETHER = ""  # an id that --workers gives to all of them: who comes late for a crawl begins no other
EXTENSIONS = {
    "scrapy.extensions.throttle.AutoThrottle": None,
    "scraping_project.tuning.allocator.Allocator": 0,
    "scraping_project.tuning.signals.Signals": 0,
    "scraping_project.tuning.garbage_collection.GarbageCollection": 50,
    "scraping_project.tuning.cpu_slices.CpuSlices": 50,
    "scraping_project.worker.session.WorkerSession": 200,
    "scraping_project.worker.run_heartbeat.RunHeartbeat": 300,
    "scraping_project.worker.progress.Progress": 400,
}

# A worker listens nowhere
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

# What people read
STATS_CLASS = "scraping_project.tuning.stats.Stats"
LOG_LEVEL = "WARNING"
LOG_FORMATTER = "scraping_project.tuning.logformatter.LogFormatter"
FEED_EXPORT_ENCODING = "utf-8"
