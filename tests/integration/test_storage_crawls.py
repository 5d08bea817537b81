"""What the database knows of one crawl, for a frontier that forgot it."""

import re
from datetime import timedelta

import pytest

from scraping_project.items import Link
from scraping_project.storage.reading import crawls, queries
from scraping_project.storage.runs import Run, RunCounts, finish_run, start_run
from scraping_project.storage.transactions import reading
from scraping_project.storage.writing.writer import Writer
from tests.support.storage_truth import NOON, log, site

CRAWL = "links-20260101T120030-abcdef"
LINKS = [Link("http://a.example/1"), Link("http://a.example/2", "nofollow")]


@pytest.fixture(name="store")
def writes_at_once(engine):
    def store(*records):
        writer = Writer(engine)
        for record in records:
            writer.append(record)
        writer.commit()

    return store


def page(path, number, minutes=0, *, links=(), depth=0, crawl=CRAWL, **ended):
    """The site and the log of an answer."""
    url = f"http://a.example/{path}"
    code = ended.get("status_code", 200)
    stored = site(url, minutes, links=list(links), depth=depth, status_code=code)
    return stored, log(f"{crawl}:{number}:1", minutes, url=url, site_url=url, crawl_id=crawl, **ended)


def failed(reason="http_404", code=404):
    return {"status": "failed", "reason": reason, "status_code": code}


def all_answers(engine):
    return [answer for some in crawls.answers(engine, CRAWL) for answer in some]


def run(run_id, crawl_id=CRAWL, minutes=0, **arguments):
    moment = NOON + timedelta(minutes=minutes)
    return Run(
        id=run_id, crawl_id=crawl_id, spider="links", arguments=arguments, host="h", pid=1, egg_version=None,
        started_at=moment, settings={"DEPTH_LIMIT": "3"},
    )  # fmt: skip


def test_a_page_of_a_crawl_comes_with_its_links_and_its_depth(engine, store):
    store(*page("p", 7, links=LINKS, depth=2), *page("q", 8, crawl="other"))

    (answer,) = all_answers(engine)
    assert (answer.url, answer.request_id, answer.depth) == ("http://a.example/p", "7", 2)
    assert answer.links == LINKS
    assert crawls.answers_at(engine, CRAWL, [answer.url, "http://a.example/q"]) == [answer]
    assert crawls.answered(engine, CRAWL, [answer.url, "http://a.example/q"]) == {answer.url}


def test_pages_come_once_in_the_order_of_their_rows_however_many_there_are(engine, store, monkeypatch):
    monkeypatch.setattr(crawls, "SITES", 4)
    monkeypatch.setattr(crawls, "LOGS", 4)
    monkeypatch.setattr(crawls, "URLS", 4)
    for number in range(12):
        store(*page(str(number), number, **(failed() if number % 3 == 0 else {})))
    urls = [f"http://a.example/{number}" for number in range(12)]

    good = [url for index, url in enumerate(urls) if index % 3]
    assert [answer.url for answer in all_answers(engine)] == good
    assert sorted(attempt.url for attempt in crawls.attempts(engine, CRAWL)) == sorted(urls)
    assert sorted(answer.url for answer in crawls.answers_at(engine, CRAWL, urls)) == sorted(urls)
    assert crawls.answered(engine, CRAWL, urls) == set(good)


def test_the_links_of_a_page_that_another_crawl_stored_since_are_not_those_that_this_one_saw(engine, store):
    store(*page("p", 7, links=LINKS))
    store(*page("p", 1, minutes=5, crawl="other"))

    assert [answer.links for answer in all_answers(engine)] == [None]


def test_a_page_that_the_same_crawl_was_given_twice_has_its_links(engine, store):
    store(*page("p", 7))
    store(*page("p", 9, minutes=5, links=LINKS))

    assert [answer.links for answer in all_answers(engine)] == [LINKS, LINKS]


def test_a_page_that_the_same_crawl_was_refused_later_has_the_links_of_neither(engine, store):
    store(*page("p", 7, links=LINKS))
    store(*page("p", 9, minutes=5, **failed("http_500", 500)))

    assert [answer.links for answer in all_answers(engine)] == [None]


def test_a_page_whose_links_were_too_many_to_be_kept_is_not_complete(engine, store):
    store(*page("p", 7, links=[Link(f"http://a.example/{'x' * 1_000}{n}") for n in range(5_000)]))

    assert not all_answers(engine)[0].complete


def test_a_page_whose_site_is_not_stored_is_not_complete(engine, store):
    store(log(f"{CRAWL}:7:1", url="http://a.example/p", crawl_id=CRAWL))

    assert not all_answers(engine)[0].complete


def test_an_answer_that_no_spider_follows_needs_no_links(engine, store):
    store(*page("gone", 7, links=LINKS, **failed()), *page("same", 8, links=LINKS, status_code=304))

    assert [answer.links for answer in all_answers(engine)] == [[]]
    assert [answer.links for answer in crawls.answers_at(engine, CRAWL, ["http://a.example/gone"])] == [[]]
    assert crawls.answered(engine, CRAWL, ["http://a.example/gone"]) == set()


def test_every_attempt_comes_with_how_it_ended(engine, store):
    store(
        *page("p", 7),
        *page("q", 8, **failed()),
        log(f"{CRAWL}:9:1", url="http://a.example/r", crawl_id=CRAWL, status="retried", reason="timeout"),
        log("strange", url="http://a.example/s", crawl_id=CRAWL, status="dead", reason="dns"),
    )

    found = {(each.url[-1], each.request_id, each.status) for each in crawls.attempts(engine, CRAWL)}
    assert found == {
        ("p", "7", "success"),
        ("q", "8", "failed"),
        ("r", "9", "retried"),
        ("s", "", "dead"),
    }
    assert crawls.newest_row(engine) == max(each.id for each in crawls.attempts(engine, CRAWL))


def test_the_newest_crawl_of_a_frontier_is_none_of_another_with_a_similar_name(engine):
    start_run(engine, run("1", minutes=1, start_urls="http://a.example/", max_depth="2"))
    start_run(engine, run("2", minutes=2))
    start_run(engine, run("3", "linksx-20260101T120030-abcdef", 3))
    start_run(engine, run("4", "li_ks-20260101T120030-abcdef", 4))
    start_run(engine, run("5", "Links-20260101T120030-abcdef", 5))

    found = crawls.newest_crawl(engine, "links")
    assert (found.id, found.spider, found.finished) == (CRAWL, "links", False)
    assert found.arguments == {"start_urls": "http://a.example/", "max_depth": "2"}
    assert found.settings == {"DEPTH_LIMIT": "3"}
    assert crawls.newest_crawl(engine, "li_ks").id.startswith("li_ks")
    assert crawls.newest_crawl(engine, "Links").id.startswith("Links")
    assert crawls.newest_crawl(engine, "no") is None
    assert crawls.crawl(engine, "no") is None


def test_a_crawl_is_finished_when_one_of_its_runs_saw_the_end(engine):
    for number, reason in enumerate(("shutdown", "max_pages", "finished")):
        start_run(engine, run(str(number)))
        assert not crawls.crawl(engine, CRAWL).finished
        finish_run(engine, str(number), "finished", reason, RunCounts())
    assert crawls.crawl(engine, CRAWL).finished


def test_an_empty_database_knows_nothing(engine):
    assert crawls.newest_row(engine) == 0
    assert list(crawls.attempts(engine, CRAWL)) == all_answers(engine) == []


OF_URLS = (CRAWL, ["http://a.example/3", "http://a.example/5"])
ASKED = {
    "answers_of_crawl": (queries.answers_of_crawl(CRAWL, 5), ["ix_scrape_logs_crawl", "PRIMARY"]),
    "answers_of_urls": (queries.answers_of_urls(*OF_URLS), ["uq_sites_url_hash", "ix_scrape_logs_site_id"]),
    "answered_urls": (queries.answered_urls(*OF_URLS), ["uq_sites_url_hash", "ix_scrape_logs_site_id"]),
}


@pytest.fixture(name="asked", params=ASKED)
def question_with_the_indexes_that_answer_it(request):
    return ASKED[request.param]


@pytest.fixture(name="filled")
def database_with_many_rows_of_one_crawl(engine):
    writer = Writer(engine)
    for number in range(1_500):
        for record in page(str(number), number, crawl=CRAWL if number % 2 else "other"):
            writer.append(record)
    writer.commit()
    return engine


def explained(engine, query):
    """Which index each table is read by, in their order."""
    words = query.compile(engine, compile_kwargs={"render_postcompile": True})
    with reading(engine) as connection:
        if engine.dialect.name == "sqlite":
            values = tuple(words.params[name] for name in words.positiontup)
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values)
            plan = " ".join(row.detail for row in rows).replace("INTEGER PRIMARY KEY", "INDEX PRIMARY")
            return re.findall(r"USING INDEX (\w+)|SCAN", plan)
        connection.exec_driver_sql("ANALYZE TABLE sites, scrape_logs")
        plan = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {words}", words.params).mappings()
        return [str(row["key"]).partition("|")[0] for row in plan]  # "|" and what filters its rows


def test_what_is_asked_of_a_crawl_is_answered_by_indexes_whatever_its_size(filled, asked):
    query, keys = asked
    found = explained(filled, query)
    assert found[:2] == keys
    assert set(found[2:]) <= {"ix_scrape_logs_site_id"}
