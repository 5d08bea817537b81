import signal
import subprocess
import sys
import time

import pytest
import redis

from tests.support.project import ROOT
from tests.support.terse_redis import terse_redis

SEED = [sys.executable, "-W", "error", "-m", "scrapy", "seed"]
URL = "https://example.com/"


@pytest.fixture(name="client")
def a_client(redis_url):
    with redis.Redis.from_url(redis_url, protocol=2, decode_responses=True) as client:
        yield client


def taken_order(client, key="links:start_urls"):
    """Returns the seeds in the order in which workers take them: from the right."""
    return client.lrange(key, 0, -1)[::-1]


def test_urls_are_pushed_so_that_the_first_is_taken_first(project, client):
    done = project.run("seed", "links", f"{URL}1", f"{URL}2?a=1&b=2")

    assert done.stdout == "pushed 2 seeds to links:start_urls\n"
    assert done.stderr == ""
    assert taken_order(client) == [f"{URL}1", f"{URL}2?a=1&b=2"]


def test_one_seed_is_one_seed(project):
    assert project.run("seed", "links", URL).stdout == "pushed 1 seed to links:start_urls\n"


def test_files_hold_a_url_a_line_and_comments(project, client, tmp_path):
    file = tmp_path / "urls.txt"
    file.write_text(f'# seeds\n\n{URL}1\r\n  {URL}2  \n{{"url": "{URL}3", "priority": 5}}')

    project.run("seed", "links", str(file), f"{URL}4")

    assert taken_order(client) == [f"{URL}1", f"{URL}2", f'{{"url": "{URL}3", "priority": 5}}', f"{URL}4"]


def test_bad_lines_are_named_and_the_others_pushed(project, client, tmp_path):
    file = tmp_path / "urls.txt"
    file.write_bytes(b"https://example.com/1\nnonsense\n\xff\xfe\nhttps://example.com/2\n")

    done = project.run("seed", "links", str(file), check=False)

    assert done.returncode == 2
    assert done.stdout == "pushed 2 seeds to links:start_urls, refused 2\n"
    assert [line.partition(": ")[2].partition(":")[0] for line in done.stderr.splitlines()] == [
        f"{file} line 2",
        f"{file} line 3",
    ]
    assert taken_order(client) == [f"{URL}1", f"{URL}2"]


def test_with_json_every_line_is_an_object(project, client, tmp_path):
    file = tmp_path / "seeds.jsonl"
    file.write_text(f'{{"url": "{URL}"}}\n{URL}\n')

    done = project.run("seed", "--json", "links", str(file), check=False)

    assert (done.returncode, len(taken_order(client))) == (2, 1)


def test_standard_input_is_read_and_many_seeds_show_progress(project, client, redis_url):
    done = subprocess.run(
        [*SEED, "links", "-"],
        cwd=ROOT,
        env={"PATH": "", "REDIS_URL": redis_url, "DATA_DIR": str(project.data_dir)},
        input="".join(f"{URL}{number}\n" for number in range(2500)),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "pushed 2500 seeds to links:start_urls\n"
    assert done.stderr.splitlines() == ["1000 seeds pushed", "2000 seeds pushed"]
    assert client.llen("links:start_urls") == 2500


def test_ctrl_c_in_seeds_that_are_typed_is_one_line_that_says_how_many_were_pushed(
    project, client, redis_url
):
    with subprocess.Popen(
        [*SEED, "links", "-"],
        cwd=ROOT,
        env={"PATH": "", "REDIS_URL": redis_url, "DATA_DIR": str(project.data_dir)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdin.write("".join(f"{URL}{number}\n" for number in range(1001)))
        process.stdin.flush()
        while client.llen("links:start_urls") == 0:
            assert process.poll() is None
            time.sleep(0.01)
        assert process.stderr.readline() == "1000 seeds pushed\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert (process.stdout.read(), process.stderr.read()) == ("", "interrupted after 1000 seeds\n")

    assert client.llen("links:start_urls") == 1000


def test_another_frontier_may_be_named(project, client):
    project.run("seed", "links", "--frontier", "other", URL)

    assert taken_order(client, "other:start_urls") == [URL]


JSON = f'{{"url": "{URL}2", "priority": 5}}'


def test_a_set_of_seeds_is_added_to(project, client):
    client.sadd("links:start_urls", f"{URL}0")

    assert project.run("seed", "links", URL, JSON).stdout == "pushed 2 seeds to links:start_urls\n"

    assert client.smembers("links:start_urls") == {f"{URL}0", URL, JSON}


def test_a_sorted_set_of_seeds_is_added_to_with_the_priority_as_score(project, client):
    client.zadd("links:start_urls", {f"{URL}0": 3})

    project.run("seed", "links", f"{URL}0", URL, JSON)

    scores = client.zrange("links:start_urls", 0, -1, withscores=True)
    assert dict(scores) == {f"{URL}0": 3, URL: 0, JSON: 5}


@pytest.mark.parametrize(("setting", "kind"), [("SET", "set"), ("ZSET", "zset")])
def test_the_first_seed_makes_what_the_setting_says(project, client, setting, kind):
    project.run("seed", "links", URL, "-s", f"REDIS_START_URLS_AS_{setting}=True")

    assert client.type("links:start_urls") == kind


def test_a_spider_s_own_settings_say_it_too(project, client):
    folder = project.directory / "spiders"
    folder.mkdir()
    (folder / "mine.py").write_text(
        "from scrapy import Spider\n\n\nclass Mine(Spider):\n    name = 'mine'\n"
        "    custom_settings = {'REDIS_START_URLS_AS_SET': True}\n"
    )

    project.run("seed", "mine", URL, "-s", "SPIDER_MODULES=mine", env={"PYTHONPATH": str(folder)})

    assert client.smembers("mine:start_urls") == {URL}


def test_a_key_that_holds_no_seeds_is_refused_in_one_line_and_left_alone(project, client):
    client.set("links:start_urls", "oops")

    done = project.run("seed", "links", URL, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "links:start_urls is a string, no list, set or sorted set of seeds" in done.stderr
    assert client.get("links:start_urls") == "oops"


def test_an_empty_file_pushes_nothing(project, client, tmp_path):
    file = tmp_path / "empty"
    file.touch()

    assert project.run("seed", "links", str(file)).stdout == "pushed 0 seeds to links:start_urls\n"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "for example"),
        (("links",), "for example"),
        (("nosuch", URL), "there are links"),
        (("links", "/dev/null/x"), "nor a file"),
        (("links", "/"), "nor a file"),
        (("links", URL, "--bogus"), "no option --bogus"),
        (("links", URL, "--frontier"), "--frontier"),
        (("links", URL, "--frontier", ""), "--frontier is empty"),
        (("links", URL, "--frontier", "a:b"), "frontier"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_pushed(project, client, arguments, word):
    done = project.run("seed", *arguments, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr
    assert done.stderr.count("\n") == 1
    assert client.keys() == []


@pytest.mark.parametrize(
    ("standard_input", "word"), [("<&-", "standard input is closed"), ("0>/dev/null", "Bad file descriptor")]
)
def test_a_standard_input_that_can_not_be_read_is_one_line(project, client, standard_input, word):
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {standard_input}', "sh", *SEED, "links", "-"],
        cwd=ROOT,
        env=project._environment({}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert word in done.stderr


def test_a_redis_that_falls_silent_is_not_waited_for(project):
    with terse_redis() as url:
        done = project.run("seed", "links", URL, env={"REDIS_URL": f"{url}?socket_timeout=9999"}, check=False)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "Redis stopped answering" in done.stderr


def test_a_redis_that_is_away_is_one_line_and_shows_no_password(project):
    done = project.run("seed", "links", URL, env={"REDIS_URL": "redis://:sesame@127.0.0.1:1/0"}, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert "no Redis answers" in done.stderr
    assert "sesame" not in done.stderr


def test_a_missing_file_keeps_the_seeds_before_it_from_being_pushed(project, client):
    project.run("seed", "links", URL, "/dev/null/x", check=False)

    assert client.keys() == []
