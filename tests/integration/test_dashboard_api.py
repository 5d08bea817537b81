"""The API: it reads what the pages read, does what their buttons do, and refuses in words."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance
from sqlalchemy import delete

from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Push, blob
from scraping_project.http import serialization
from scraping_project.http.fingerprints import Fingerprinter
from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from scraping_project.storage.runs import Run, RunCounts, finish_run, start_run
from scraping_project.storage.tables import actions
from scraping_project.storage.transactions import writing
from scraping_project.storage.writing.writer import Writer
from tests.support.dashboard_app import ACCOUNTS, TOKENS, DashboardApp
from tests.support.dashboard_server import dashboard
from tests.support.frontier_worker import Worker, burial
from tests.support.stand_in_node import OK, stand_in_node
from tests.support.storage_truth import log, site
from tests.support.thoroughness import examples

NOW = datetime.now(UTC)
CRAWL = "links-20250701T120000-abcdef"


#: Wrong tokens are slowed down with 429, see test_routes; and no schema says which cursors a list gave, which
#: filters an index serves together, or which texts are URLs.
NOT_OURS = [ignored_auth, positive_data_acceptance]


def push(url):
    return Push(Fingerprinter.number_of(url), url.split("/")[2], 0, blob(serialization.of_page(url, 0)))


def fill(database_url):
    """Writes 120 pages, some of them failed, and two runs."""
    engine = connect(database_url)
    migrate(engine)
    writer = Writer(engine)
    for number in range(120):
        url = f"http://a.example/{number}"
        status = {"status": "failed", "reason": "http_404", "status_code": 404} if number % 10 == 0 else {}
        moment = NOW - timedelta(seconds=number)
        writer.append(
            site(url, status_code=404 if status else 200, scraped_at=moment, title=f"page {number}")
        )
        writer.append(log(f"task {number}", url=url, site_url=url, crawl_id=CRAWL, started_at=moment,
                          finished_at=moment, **status))  # fmt: skip
    writer.commit()
    for number in range(2):
        run = Run(id=f"run{number}", crawl_id=CRAWL, spider="links", arguments={}, host="h", pid=number,
                  egg_version=None, started_at=NOW - timedelta(minutes=9 - number))  # fmt: skip
        start_run(engine, run)
        finish_run(engine, run.id, "finished", None, RunCounts(pages=60))
    engine.dispose()


@pytest.fixture(scope="module")
def filled_sqlite(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('filled')}/scraping.db"
    fill(url)
    return url


@pytest.fixture(scope="module")
def filled_mariadb(shared_mariadb):
    """The same, made once: no test here adds to what the lists show but actions."""
    shared_mariadb.start()
    url = shared_mariadb.database()
    fill(url)
    return url


def empty_of_actions(url):
    engine = connect(url)
    with writing(engine) as connection:
        connection.execute(delete(actions))
    engine.dispose()
    return url


@pytest.fixture
def sqlite_url(filled_sqlite):
    return empty_of_actions(filled_sqlite)


@pytest.fixture(params=["sqlite", "mariadb"])
def each_url(request):
    return empty_of_actions(request.getfixturevalue(f"filled_{request.param}"))


@pytest.fixture
def app(sqlite_url, redis_url, tmp_path):
    app = DashboardApp(tmp_path, DATABASE_URL=sqlite_url, REDIS_URL=redis_url, SCRAPYD_URLS="")
    yield app
    app.stores.close()


@pytest.fixture(name="each_app")
def an_app_over_each_database(each_url, redis_url, tmp_path):
    app = DashboardApp(tmp_path, DATABASE_URL=each_url, REDIS_URL=redis_url, SCRAPYD_URLS="")
    yield app
    app.stores.close()


def begin_crawl(app):
    """Makes a frontier with one page done, one waiting and two dead."""

    def begin(server):
        frontier = Frontier(server, Keys("links"))
        worker = Worker(frontier, token="one")
        worker.push(*(push(f"http://a.example/{number}") for number in range(4)))
        done, *dead = worker.lease(3)
        worker.ack(done)
        worker.step(bury=[burial(each, b'{"reason":"timeout"}') for each in dead])
        return frontier

    app.stores.redis.demand(begin)


def ask(app, path, *, method="GET", role="operator", body=None, **more):
    headers = {"Authorization": f"Bearer {TOKENS[role]}"} if role else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
        more["content"] = json.dumps(body).encode()
    return app.ask(method, f"/api/v1{path}", headers=headers, **more)


def read(app, path):
    answer = ask(app, path, role="viewer")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def change(app, path, body=None):
    answer = ask(app, path, method="POST", body=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def refused(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    return answer.json()["detail"]


def test_the_twin_of_each_page_answers_with_what_the_page_shows(each_app):
    app = each_app
    begin_crawl(app)
    assert read(app, "/overview")["frontiers"] is not None
    [line] = read(app, "/frontiers")["frontiers"]
    assert (line["name"], line["dead"]) == ("links", 2)
    detail = read(app, "/frontiers/links")
    assert detail["view"]["ledger"]["discovered"] == 4
    assert len(read(app, "/frontiers/links/dead?reason=timeout")["letters"]) == 2
    failures = read(app, "/failures")
    assert [(group["reason"], group["failed"]) for group in failures["groups"]] == [("http_404", 12)]
    run = read(app, "/runs/run1")
    assert (run["run"]["pages"], run["compared"]["runs"]) == (60, 1)
    assert run["failed"][0]["reason"] == "http_404"
    found = read(app, "/sites/lookup?url=" + quote("http://a.example/10"))
    assert found["site"]["site"]["title"] == "page 10"
    assert read(app, "/actions")["actions"] == []
    assert read(app, "/runs/run1/log")["why_none"]


@pytest.mark.parametrize(
    ("path", "rows", "number"),
    [
        ("/logs?domain=a.example", "logs", 120),
        ("/logs?status=failed", "logs", 12),
        ("/sites?domain=a.example", "sites", 120),
        ("/runs", "runs", 2),
    ],
)
def test_by_its_cursors_all_rows_of_a_list_are_met_once(each_app, path, rows, number):
    app = each_app
    seen, cursor, mark = [], None, "&" if "?" in path else "?"
    while True:
        page = read(app, f"{path}{mark}cursor={cursor}" if cursor else path)
        seen += [row.get("url") or row["id"] for row in page[rows]]
        cursor = page["older"]
        if cursor is None:
            break

    assert len(seen) == len(set(seen)) == number


def test_samples_are_paged_by_their_place(each_app):
    app = each_app
    first = read(app, "/failures/samples?reason=http_404")
    assert len(first["logs"]) == 12
    third = first["logs"][2]
    rest = read(app, "/failures/samples?reason=http_404&before="
                + quote(f"{third['finished_at'].removesuffix('Z')} {third['id']}"))  # fmt: skip

    assert [row["id"] for row in rest["logs"]] == [row["id"] for row in first["logs"][3:]]
    assert "no place" in refused(ask(app, "/failures/samples?reason=http_404&before=x"), 400)


def test_each_change_is_made_and_written_down_with_who_made_it(app):
    begin_crawl(app)
    assert change(app, "/frontiers/links/pause") == {"done": 1}
    assert read(app, "/frontiers/links")["view"]["paused"]
    change(app, "/frontiers/links/resume")
    slow = change(app, "/frontiers/links/orders", {"slot": "a.example", "word": "slow", "seconds": 2})
    assert slow["delay"] == 2_000
    one, _ = read(app, "/frontiers/links/dead")["letters"]
    assert change(app, "/frontiers/links/requeue", {"ids": [one["id"]]}) == {"done": 1}
    pushed = change(
        app, "/frontiers/links/seeds", {"seeds": ["http://b.example/", "nonsense", "http://b.example/"]}
    )
    assert (pushed["pushed"], pushed["refused"], pushed["twice"]) == (1, 1, 1)
    assert change(app, "/frontiers/links/again", {"url": "http://a.example/0"}) == {"made": "request"}
    action = change(app, "/retries", {"reason": "http_404", "key": "form-1"})
    assert change(app, "/retries", {"reason": "http_404", "key": "form-1"}) == action
    assert change(app, "/actions/form-1/cancel") == {"done": 1}
    assert change(app, "/runs/run1/cancel") == {"done": 1}

    done = read(app, "/actions")["actions"]
    assert {each["asked_by"] for each in done} == {"operator-script"}
    assert sorted(each["kind"] for each in done) == [
        "again", "cancel", "pause", "requeue", "resume", "retry", "seed", "slow"]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("/frontiers/links/orders", {"slot": "a.example", "word": "dance"}, "word"),
        ("/frontiers/links/orders", {"slot": "a.example", "word": "slow", "seconds": -1}, "seconds"),
        ("/frontiers/links/orders", {"slot": "", "word": "pause"}, "that is no slot"),
        ("/frontiers/links/requeue", {"ids": ["x"]}, "ids"),
        ("/frontiers/links/seeds", {"seeds": "http://a/"}, "seeds"),
        ("/frontiers/links/again", {"url": "ftp://a.example/"}, "ftp"),
        ("/frontiers/two words/pause", None, "is no frontier name"),
        ("/retries", {"key": "no key!"}, "key"),
        ("/retries", {"since": "yesterday"}, "since"),
        ("/retries", {"until": "0001-01-01T01:02:04Z"}, "out of reach"),
        ("/retries", {"since": "9999-12-31T23:00:00-12:00"}, "out of reach"),
        ("/runs", {"spider": "lnks"}, "there is no spider 'lnks'"),
        ("/runs", {}, "spider"),
        ("/runs", {"spider": "links", "settings": {"LOG_FILE": "/x"}}, "may not set 'LOG_FILE'"),
        ("/runs", {"spider": "links", "arguments": {"password": "canary"}}, "holds a secret"),
    ],
)
def test_what_is_no_such_change_is_refused_with_its_part_and_nothing_is_done(app, path, body, why):
    begin_crawl(app)
    answer = ask(app, quote(path), method="POST", body=body)

    assert answer.status_code == 400, answer.text
    assert why in answer.text
    assert "canary" not in answer.text
    assert read(app, "/actions")["actions"] == []


@pytest.mark.parametrize(
    ("path", "status", "why"),
    [
        ("/runs/nosuch", 404, "there is no run 'nosuch'"),
        ("/frontiers/nosuch", 404, "there is no frontier 'nosuch'"),
        ("/actions/nosuch", 404, "there is no action 'nosuch'"),
        ("/nothing", 404, ""),
        ("/logs?cursor=x&domain=a.example", 400, "the cursor is not one that this list gave"),
        ("/logs?domain=a.example&crawl=x", 400, ""),
        ("/failures?hours=0", 400, "hours"),
        ("/sites?status=9", 400, "status"),
        ("/sites?changed=yesterday", 400, "changed"),
        ("/sites/lookup", 400, "url"),
    ],
)
def test_what_is_not_there_or_not_understood_is_a_problem_in_words(app, path, status, why):
    answer = ask(app, path)
    refused(answer, status)
    assert why in answer.text


def test_a_token_opens_what_its_role_may_and_no_other_does(app):
    assert ask(app, "/overview", role=None).status_code == 401
    wrong = app.ask("GET", "/api/v1/overview", headers={"Authorization": "Bearer wrong"})
    assert refused(wrong, 401)
    answer = ask(app, "/frontiers/links/pause", method="POST", role="viewer")
    assert "may look, and change nothing" in refused(answer, 403)
    assert read(app, "/actions")["actions"] == []


def test_while_redis_is_away_reads_say_so_and_changes_are_refused(sqlite_url, tmp_path):
    app = DashboardApp(tmp_path, DATABASE_URL=sqlite_url)
    answer = ask(app, "/overview")
    assert answer.status_code == 200
    assert [part["part"] for part in answer.json()["away"]] == ["Redis"]
    assert answer.json()["data"]["frontiers"] is None
    assert "Nothing is changed" in refused(ask(app, "/frontiers/links/pause", method="POST"), 503)
    app.stores.close()


def test_while_the_database_is_away_reads_say_so_and_changes_are_refused(redis_url, tmp_path):
    app = DashboardApp(tmp_path, DATABASE_URL="mysql+pymysql://u:canary@127.0.0.1:1/x", REDIS_URL=redis_url)
    answer = ask(app, "/failures")
    assert answer.status_code == 200
    assert answer.json()["data"]["groups"] is None
    for method, path, body in [("GET", "/runs/x", None), ("POST", "/retries", {})]:
        answer = ask(app, path, method=method, body=body)
        refused(answer, 503)
        assert "canary" not in answer.text
    app.stores.close()


def test_whatever_is_sent_the_answer_is_one_that_the_schema_names(project):
    with (
        stand_in_node(schedule=OK, cancel=OK) as node,
        dashboard(project, env={"SCRAPYD_URLS": node.url, **ACCOUNTS}) as url,
    ):
        token = {"Authorization": f"Bearer {TOKENS['operator']}"}
        schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json", headers=token)
        tried = []
        for found in schema.get_all_operations():
            operation = found.ok()
            tried.append(operation.label)

            @settings(max_examples=examples(40), suppress_health_check=list(HealthCheck), database=None)
            @given(case=operation.as_strategy())
            def any_request_is_answered(case):
                case.call_and_validate(headers=token, excluded_checks=NOT_OURS)

            any_request_is_answered()

    assert len(tried) > 20
