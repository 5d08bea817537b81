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


SPIDER_MODULES = ["spiders"]  # where spiders are found
NEWSPIDER_MODULE = "spiders"  # where `scrapy genspider` writes one
COMMANDS_MODULE = "scraping_project.commands"  # the commands beside Scrapy's own
# The event loop: the faster one, where uvloop is installed
ASYNCIO_EVENT_LOOP = "scraping_project.tuning.event_loop.Loop" if find_spec("uvloop") else None


# Where things are

# The folder of the database, the embedded Valkey, the cache and Scrapyd's files
DATA_DIR = os.environ.get("DATA_DIR") or str(Path(closest_scrapy_cfg() or "scrapy.cfg").parent / "data")
# redis://, rediss:// or unix://, or `embedded`; empty: one on 127.0.0.1:6379, else the embedded Valkey
REDIS_URL = os.environ.get("REDIS_URL", "")
EGG_VERSION = os.environ.get("SCRAPYD_EGG_VERSION")  # version of the code that runs, as Scrapyd names it
DATABASE_URL = os.environ.get("DATABASE_URL") or database_in(DATA_DIR)  # sqlite:// or mysql+pymysql://


# Scrapyd nodes that commands talk to

# Where they are, with commas between them; empty: there is none, and runs are processes of this machine
SCRAPYD_URLS = os.environ.get("SCRAPYD_URLS", "http://127.0.0.1:6800")
SCRAPYD_USERNAME = os.environ.get("SCRAPYD_USERNAME", "")  # user name of the login at all of them
SCRAPYD_PASSWORD = os.environ.get("SCRAPYD_PASSWORD", "")  # its password; never in a file of the repository


# The control tower

DASHBOARD_USERNAME = os.environ.get("DASHBOARD_USERNAME", "")  # who may change things there
DASHBOARD_PASSWORD = os.environ.get("DASHBOARD_PASSWORD", "")  # plain, or from `scrapy dashboard hash`
DASHBOARD_VIEWER_USERNAME = os.environ.get("DASHBOARD_VIEWER_USERNAME", "")  # who may look
DASHBOARD_VIEWER_PASSWORD = os.environ.get("DASHBOARD_VIEWER_PASSWORD", "")  # plain, or a hash
DASHBOARD_TOKENS = os.environ.get("DASHBOARD_TOKENS", "")  # of scripts: name:role:sha256, commas between
DASHBOARD_PROXY = os.environ.get("DASHBOARD_PROXY", "")  # a proxy whose X-Forwarded-For is believed


# Seeds and the queue: the same for every worker of a frontier

SCHEDULER = "scraping_project.core.scheduler.Scheduler"  # the one that is committed with the rows
REQUEST_FINGERPRINTER_CLASS = "scraping_project.http.fingerprints.Fingerprinter"  # Scrapy's, but faster
# Between the engine and the spider: seeds, outcomes of callbacks, starts that leave the site
SPIDER_MIDDLEWARES = {
    "scraping_project.spidermiddlewares.offsite.OffsiteStarts": 5,
    "scraping_project.spidermiddlewares.seeds.Seeds": 10,
    "scraping_project.spidermiddlewares.outcomes.Outcomes": 20,
    "scraping_project.spidermiddlewares.starts.Starts": 1000,
}
URLLENGTH_LIMIT = 8000  # characters: longer links are filtered
FRONTIER_ORDER = "fifo"  # fifo, lifo, or depth (the shallow first): of a slot's requests of one priority
FRONTIER_SLOT_BY = "host"  # what a slot is: host, or domain for www.example.com and example.com in one
FRONTIER_SLOT_PAGES = 0  # requests of a slot that a crawl sends at the most; 0: no limit
FRONTIER_REQUEST_MAXSIZE = 1024 * 1024  # bytes of a request as it is written down; a larger one is refused
REDIS_START_URLS_AS_SET = False  # scrapy-redis's: seeds are a set
REDIS_START_URLS_AS_ZSET = False  # scrapy-redis's: seeds are a sorted set


# Downloads: how much, how fast, how long

DOWNLOADER = "scraping_project.core.downloader.Downloader"  # the one that obeys the slots' clocks
# Between the engine and the downloader: robots.txt, who asks, decompression, what was answered
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "scraping_project.downloadermiddlewares.robots.Robots": 100,
    "scraping_project.downloadermiddlewares.identity.BrowserUserAgent": 490,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
    "scraping_project.downloadermiddlewares.compression.Compression": 590,
    "scraping_project.downloadermiddlewares.answers.Answers": 1000,
}
CONCURRENT_REQUESTS = 32  # requests of a worker on the wire at once
CONCURRENT_REQUESTS_PER_DOMAIN = 1  # requests of a slot in flight at once, by all workers
DOWNLOAD_DELAY = 1.0  # seconds between two requests of a slot, by all workers
DOWNLOAD_TIMEOUT = 30  # seconds until a download is given up
DOWNLOAD_MAXSIZE = 32 * 1024 * 1024  # bytes of an answer; a larger one is given up
DOWNLOAD_WARNSIZE = 0  # bytes of an answer that Scrapy warns of; 0: none
DOWNLOAD_VERIFY_CERTIFICATES = True  # a certificate that is not valid is the failure `tls`
DOWNLOAD_DELAY_JITTER = 0.0  # share of the delay that is added by chance; it only lengthens
RETRY_TIMES = 2  # retries after the first try
RETRY_BACKOFF_BASE = 4.0  # seconds to the power of the retry, before it; 0: at once
# Failures of a download that are worth a retry
RETRY_EXCEPTIONS = [
    *default_settings.RETRY_EXCEPTIONS,
    "scraping_project.http.failure_reasons.RobotsUnavailable",
]
RETRY_GIVE_UP_LOG_LEVEL = "INFO"  # each has its log row


# Scrapy's cache, with HTTPCACHE_ENABLED

HTTPCACHE_DIR = cache_in(DATA_DIR)  # folder of the answers
# What is tried again, or answers a condition, is nothing to keep
HTTPCACHE_IGNORE_HTTP_CODES = [304, *default_settings.RETRY_HTTP_CODES]


# Who asks

USER_AGENT_MODE = os.environ.get("USER_AGENT_MODE", "honest")  # honest, or browser: a usual one's user agent
CRAWLER_CONTACT = os.environ.get("CRAWLER_CONTACT", "")  # URL or address that a site's owner may turn to
USER_AGENT = user_agent_with(CRAWLER_CONTACT)  # product, version and contact
ROBOTSTXT_OBEY = True  # the site's robots.txt and its Crawl-delay hold
ROBOTSTXT_USER_AGENT = BOT_NAME  # whose rules of a robots.txt hold
ROBOTSTXT_CRAWL_DELAY_MAX = 60.0  # seconds: a longer Crawl-delay counts as so much


# Pages: what is kept of one

PAGE_LINKS_MAX = 10_000  # links of a page that the spider links stores and follows; 0: no limit


# Items and logs: stored in batches

CONCURRENT_ITEMS = 10  # items of one answer at work at once; so many tasks are made for every answer
# Where sites, logs and items go; a spider that sets its own keeps these in it
ITEM_PIPELINES = {
    "pipelines.sites.SitesPipeline": 300,
    "pipelines.logs.LogsPipeline": 310,
    "pipelines.items.ItemsPipeline": 320,
}
CHECKPOINT_INTERVAL = 0.25  # seconds between two group commits
FRONTIER_LEASE = 60.0  # seconds after which the requests of a silent worker are others'
FRONTIER_STUCK_AFTER = 300.0  # seconds without a turn of the event loop: the worker's leases end
FRONTIER_STANDSTILL_AFTER = 300.0  # seconds in which nothing is sent though something waits: it is logged
FRONTIER_KEEP_FINISHED = 7 * 86_400.0  # seconds that Redis keeps a finished crawl, once nobody works on it
RUN_HEARTBEAT = 10.0  # seconds between two signs of life in the table runs
STARTED_TOGETHER = ""  # id that --workers gives to all of them: who comes late for a crawl begins no other
# What listens to Scrapy's signals: the worker's session first of all
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


# Speed alone: a crawl is right without it

# Linux runs a worker for up to 100 ms at a time: 5 to 7 % more pages a second where workers outnumber cores
CPU_LONG_SLICES = False


# A worker listens nowhere

TELNETCONSOLE_ENABLED = False  # no console to connect to
REMOTE_CONTROL_ENABLED = False  # no port to control it by


# What people read

TYPED_AS = os.environ.get("TYPED_AS", "")  # make, where make was typed: it says what comes next, too
STATS_CLASS = "scraping_project.tuning.stats.Stats"  # Scrapy's own, with faster counts
LOG_LEVEL = "WARNING"  # INFO tells of each commit's outage and end, DEBUG of each request
LOG_FORMATTER = "scraping_project.tuning.logformatter.LogFormatter"  # Scrapy's, but formats less
FEED_EXPORT_ENCODING = "utf-8"  # of `scrapy crawl -O FILE`
