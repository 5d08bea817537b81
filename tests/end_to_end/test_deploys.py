"""Releases with the real client, and what runs do when one version follows another."""

import json
import zipfile

import pytest
import requests

from tests.support.empty_redis import emptied
from tests.support.git_release import commit
from tests.support.scrapyd_server import Scrapyd, build, checkout, client, deploy, ship, with_spider
from tests.support.small_site import small_site

#: A queued request holds the name of its callback.
SPIDER = """
from scrapy import Request, Spider

class Growing(Spider):
    name = "growing"
    frontier = "growing"

    async def start(self):
        yield Request(self.url)

    def parse(self, response):
        yield Request(response.urljoin("a"), self.kept)
        yield Request(response.urljoin("b"), self.{gone})

    def kept(self, response):
        yield {{"version": "{version}", "page": response.url}}

    def {gone}(self, response):
        yield {{"version": "{version}", "page": response.url}}
"""


#: A spider that asks for nothing.
SECOND = "from scrapy import Spider\nclass S(Spider):\n    name = 's'\n"


@pytest.fixture(scope="module")
def node(tmp_path_factory, shared_redis):
    redis_url = emptied(shared_redis)
    directory = tmp_path_factory.mktemp("scrapyd")
    with Scrapyd(directory, REDIS_URL=redis_url, ALLOW_PRIVATE_ADDRESSES="true") as server:
        yield server


@pytest.fixture
def scrapyd(node):
    """The node of all these tests, to which nothing is deployed yet."""
    node.undeploy()
    return node


@pytest.fixture(scope="module")
def egg(tmp_path_factory):
    directory = tmp_path_factory.mktemp("egg")
    return build(checkout(directory / "project"), directory / "project.egg")


@pytest.fixture
def root(tmp_path):
    return checkout(tmp_path / "project")


def versions(scrapyd):
    return scrapyd.get("listversions.json", project="scraping_project")["versions"]


def test_the_real_client_deploys_lists_schedules_cancels_and_deletes(scrapyd, root):
    commit(root)
    here = {"SCRAPYD_URL": scrapyd.url.rstrip("/")}

    def ask(*words):
        done = client("scrapyd-client", *words, "--target", "cluster", root=root, **here)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    deploy(root, scrapyd)
    assert ask("projects").split() == ["scraping_project", "default"]
    assert versions(scrapyd) == ["r1-main"]
    assert "links" in ask("spiders", "--project", "scraping_project")
    job = ask("schedule", "--project", "scraping_project", "links").split()[-1]
    scrapyd.wait_for(lambda: scrapyd.known(job)[0].outcome == "running")
    assert scrapyd.post("cancel.json", project="scraping_project", job=job)["prevstate"] == "running"
    row = scrapyd.ended(job)
    assert (row.outcome, row.egg_version) == ("cancelled", "r1-main")
    scrapyd.post("delproject.json", project="scraping_project")
    assert ask("projects").split() == ["default"]


def test_the_version_is_the_commit_and_the_newest_is_the_one_deployed_last(scrapyd, root, egg):
    for _ in range(9):
        commit(root)
    deploy(root, scrapyd, egg)
    commit(root)
    deploy(root, scrapyd, egg)
    assert versions(scrapyd) == ["r9-main", "r10-main"]


def test_a_version_deployed_again_is_stored_beside_the_first_and_serves(scrapyd, root, egg):
    deploy(root, scrapyd, egg)
    (first,) = versions(scrapyd)
    before = (scrapyd.data_dir / "scrapyd" / "eggs" / "scraping_project" / f"{first}.egg").read_bytes()
    deploy(root, scrapyd, with_spider(egg, SECOND))
    assert versions(scrapyd)[0] == first
    assert len(versions(scrapyd)) == 2
    assert (
        scrapyd.data_dir / "scrapyd" / "eggs" / "scraping_project" / f"{first}.egg"
    ).read_bytes() == before
    assert "s" in scrapyd.get("listspiders.json", project="scraping_project")["spiders"]


def test_a_broken_egg_is_refused_and_leaves_the_old_one_serving(scrapyd, root, egg):
    deploy(root, scrapyd, egg)
    served = versions(scrapyd)
    done = ship(root, scrapyd, with_spider(egg, "import nothing_of_this_name\n"))
    assert done.returncode == 1
    assert "No module named 'nothing_of_this_name'" in done.stdout
    assert versions(scrapyd) == served
    assert scrapyd.get("listspiders.json", project="scraping_project")["spiders"]
    eggs = scrapyd.data_dir / "scrapyd" / "eggs" / "scraping_project"
    assert [path.name for path in eggs.iterdir()] == [f"{served[0]}.egg"]


def test_what_is_no_egg_is_refused(scrapyd):
    answer = requests.post(
        f"{scrapyd.url}addversion.json",
        {"project": "scraping_project", "version": "1"},
        files={"egg": b"no zip"},
        timeout=30,
    ).json()
    assert (answer["status"], answer["message"][:21]) == ("error", "egg is not a ZIP file")
    assert "scraping_project" not in scrapyd.get("listprojects.json")["projects"]


def test_what_the_old_version_queued_is_done_by_the_new_or_is_a_dead_letter(scrapyd, root, egg, project):
    # Given a version whose run queued two requests and was then cancelled
    deploy(root, scrapyd, with_spider(egg, SPIDER.format(version="old", gone="gone")))
    with small_site() as site:
        asked, release = site.hold("growing", "index")
        given = {"setting": ["DOWNLOAD_DELAY=0"], "url": site.start("growing")}
        first = scrapyd.schedule("growing", "scraping_project", **given)
        assert asked.wait(60)
        scrapyd.post("cancel.json", project="scraping_project", job=first)
        scrapyd.wait_for(lambda: "shutting down" in scrapyd.log_of(first, "growing", "scraping_project"))
        release()
        assert scrapyd.ended(first).outcome == "cancelled"
        assert counts(project, scrapyd)["queued"] == 2
        # When the next version has lost one of the callbacks
        deploy(root, scrapyd, with_spider(egg, SPIDER.format(version="new", gone="renamed")))
        second = scrapyd.ended(scrapyd.schedule("growing", "scraping_project", **given))
    # Then it does the other request, and the one is a dead letter that says why
    assert second.outcome == "finished"
    assert site.asked("growing")["a"] == 1
    assert site.asked("growing")["b"] == 0
    dead = project.run("frontier", "growing", "dead", "--json", env=servers(scrapyd)).stdout
    letter = json.loads(dead)
    assert (letter["reason"], letter["url"]) == ("undecodable", site.start("growing").replace("index", "b"))
    assert "gone" in letter["message"]


def counts(project, scrapyd):
    return json.loads(project.run("frontier", "growing", "--json", env=servers(scrapyd)).stdout)


def servers(scrapyd):
    return {"REDIS_URL": scrapyd.settings["REDIS_URL"], "DATABASE_URL": scrapyd.database_url}


def test_the_egg_holds_no_secret_of_whoever_builds_it(root, tmp_path):
    secrets = {"SCRAPYD_PASSWORD": "canary-1", "REDIS_URL": "redis://:canary-2@h", "DATABASE_URL": "canary-3"}
    (root / ".env").write_text("SCRAPYD_PASSWORD=canary-4\n")
    client("scrapyd-deploy", "--build-egg", str(tmp_path / "egg"), root=root, **secrets)
    with zipfile.ZipFile(tmp_path / "egg") as egg:
        assert not [name for name in egg.namelist() if b"canary" in egg.read(name)]
