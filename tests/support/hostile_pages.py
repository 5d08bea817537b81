"""Pages, attempts and runs with a text wherever somebody else may put one."""

from datetime import UTC, datetime, timedelta

from scraping_project.storage.runs import Run, RunCounts, finish_run, start_run
from scraping_project.storage.writing.writer import Writer
from tests.support.storage_truth import log, site

NOW = datetime.now(UTC)


def url_of(number, text):
    return f"http://a.example/{number}/{text}"


def fill(engine, texts):
    writer = Writer(engine)
    for number, text in enumerate(texts):
        url, moment = url_of(number, text), NOW - timedelta(seconds=number)
        writer.append(site(url, scraped_at=moment, title=text))
        writer.append(log(f"task {number}", url=url, site_url=url, status="failed", reason="callback",
                          error_message=text, started_at=moment, finished_at=moment))  # fmt: skip
    writer.commit()
    for number, text in enumerate(texts[:120]):
        run = Run(id=f"run{number}", crawl_id="c", spider=text, arguments={"start_urls": text}, host="h",
                  pid=number, egg_version=None, started_at=NOW - timedelta(seconds=number))  # fmt: skip
        start_run(engine, run)
        finish_run(engine, run.id, "failed", "fault", RunCounts(), error=text)
