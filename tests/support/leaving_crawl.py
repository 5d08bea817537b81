"""Crawls of the spiders whose requests leave Scrapy in every way, and what they leave."""

import json

from tests.support.hostile_server import whole
from tests.support.project import ROOT

FOLDER = ROOT / "tests" / "integration" / "leaving_spiders"
QUICK = {"DOWNLOAD_DELAY": "0", "CONCURRENT_REQUESTS_PER_DOMAIN": "32", "RETRY_TIMES": "1"}
GOOD = whole("200 OK", b"<title>Good</title>", b"Content-Type: text/html\r\n")
ANSWERED = ("success", None, 200, 1)
UNHEARD = ("success", None, 200, 0)


def run(project, name, module, *arguments, start=False, env=None, check=True, **settings):
    words = [word for pair in settings.items() for word in ("-s", "=".join(pair))]
    command = ("crawl", name, "-s", f"SPIDER_MODULES={module}", *words, *arguments)
    env = {"PYTHONPATH": str(FOLDER), "PYTHONDONTWRITEBYTECODE": "1"} | (env or {})
    if start:
        return project.start(*command, env=env)
    return project.run(*command, env=env, check=check)


def ledger(project, name):
    assert project.run("frontier", name, "check").stdout.startswith("clean")
    return json.loads(project.run("frontier", name, "--json").stdout)


def rows(project):
    found = {}
    for log in sorted(project.rows("scrape_logs"), key=lambda log: (log["attempt"], log["task_id"])):
        row = (log["status"], log["reason"], log["status_code"], log["records_scraped"])
        found.setdefault(log["url"], []).append(row)
    return found
