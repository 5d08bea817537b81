import os
import re
import subprocess
import sys

import pytest
import redis
from ruamel.yaml import YAML
from sqlalchemy import create_engine, text

from deploy.scrapyd.runner import STOP_SECONDS
from testing.servers import MariadbServer, RedisServer, free_port
from tests.support.scrapyd_server import BIN, ROOT, Scrapyd

NODES = ("scrapyd", "scrapyd-2")
DOTENV = {"SCRAPYD_USERNAME": "crawler", "SCRAPYD_PASSWORD": "secret", "MYSQL_PASSWORD": "alsosecret"}

#: ``$$``, ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?what is missing}``, as compose reads them.
VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}")


class MissingError(Exception):
    """A variable that the file demands is not set."""


def load(dotenv):
    services = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]
    return interpolate(services, dotenv)


def interpolate(node, dotenv):
    if isinstance(node, dict):
        return {key: interpolate(value, dotenv) for key, value in node.items()}
    if isinstance(node, list):
        return [interpolate(value, dotenv) for value in node]
    return VARIABLE.sub(lambda match: substitute(match, dotenv), node) if isinstance(node, str) else node


def substitute(match, dotenv):
    if match[0] == "$$":
        return "$"
    name, kind, other = match.groups()
    if dotenv.get(name):
        return dotenv[name]
    if kind == "?":
        raise MissingError(name)
    return other or ""


class ComposeRedis(RedisServer):
    """The file's redis: its command, on a private port."""

    def __init__(self, directory, service):
        program, *self.arguments = service["command"]
        super().__init__(directory, program, {})
        self._config = {"bind": self.host, "port": str(self.port)}

    def _command(self):
        return [*super()._command(), *self.arguments]


class ComposeMysql(MariadbServer):
    """The file's mysql on MariaDB: the image's part of creating the user and the database is done here."""

    def __init__(self, directory, service):
        self.arguments = service["command"]
        self.settings = service["environment"]
        super().__init__(directory)

    def _command(self):
        return [*super()._command(), *self.arguments]

    def start(self):
        super().start()
        user, password = self.settings["MYSQL_USER"], self.settings["MYSQL_PASSWORD"]
        database = self.settings["MYSQL_DATABASE"]
        self._execute(
            f"CREATE DATABASE {database}",
            f"CREATE USER {user}@'{self.host}' IDENTIFIED BY '{password}'",
            f"GRANT ALL ON {database}.* TO {user}@'{self.host}'",
        )


@pytest.fixture(scope="module")
def services():
    return load(DOTENV)


@pytest.fixture(scope="module")
def redis_server(services, tmp_path_factory):
    with ComposeRedis(tmp_path_factory.mktemp("redis"), services["redis"]) as server:
        yield server


@pytest.fixture(scope="module")
def mysql_server(services, tmp_path_factory):
    with ComposeMysql(tmp_path_factory.mktemp("mysql"), services["mysql"]) as server:
        yield server


@pytest.fixture(scope="module")
def scrapyd(services, redis_server, mysql_server, tmp_path_factory):
    directory = tmp_path_factory.mktemp("scrapyd")
    settings = services["scrapyd"]["environment"] | {"DATA_DIR": str(directory / "data")}
    here = {"redis:6379": f"127.0.0.1:{redis_server.port}", "mysql:3306": f"127.0.0.1:{mysql_server.port}"}
    for name, address in here.items():
        settings = {key: value.replace(name, address) for key, value in settings.items()}
    _, *arguments = services["scrapyd"]["command"]
    with Scrapyd(directory, command=[sys.executable, *arguments], **settings) as server:
        yield server


def test_the_file_keeps_to_the_compose_specification():
    subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize("name", DOTENV)
def test_no_service_starts_with_a_password_nobody_chose(name):
    with pytest.raises(MissingError, match=name):
        load(DOTENV | {name: ""})


def test_the_example_names_every_variable_of_the_file_and_no_other():
    example = re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    used = VARIABLE.finditer((ROOT / "docker-compose.yml").read_text())
    assert set(example) == {match[1] for match in used if match[1]}
    assert all(f"\n{name}=\n" in (ROOT / ".env.example").read_text() for name in DOTENV)


def test_only_scrapyd_is_published_and_on_loopback_alone(services):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"scrapyd": ["127.0.0.1:6800:6800"], "scrapyd-2": ["127.0.0.1:6801:6800"]}


def test_scrapyd_waits_for_both_servers_to_be_healthy(services):
    for node in NODES:
        assert services[node]["depends_on"] == {
            name: {"condition": "service_healthy"} for name in ("redis", "mysql")
        }
    assert all("healthcheck" in service for service in services.values())


def test_the_nodes_share_all_but_their_port_and_their_files(services):
    one, other = (services[node] for node in NODES)
    assert {name for name in one if one[name] != other[name]} == {"ports", "volumes"}


def test_a_node_gets_longer_to_stop_than_its_runs_to_end_and_their_ends_to_be_written(services):
    assert int(services["scrapyd"]["stop_grace_period"].removesuffix("s")) >= STOP_SECONDS + 15


def test_what_containers_print_is_bounded(services):
    assert all("max-size" in service["logging"]["options"] for service in services.values())


def test_redis_keeps_what_it_is_given(scrapyd):
    with redis.Redis.from_url(scrapyd.settings["REDIS_URL"], protocol=2) as connection:
        assert connection.config_get("appendonly", "maxmemory-policy") == {
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
        }


def test_mysql_stores_every_character(scrapyd):
    engine = create_engine(scrapyd.settings["DATABASE_URL"])
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT @@collation_database")) == "utf8mb4_unicode_ci"
    engine.dispose()


def test_scrapyd_asks_for_the_password_of_the_file(scrapyd):
    assert scrapyd.login == (DOTENV["SCRAPYD_USERNAME"], DOTENV["SCRAPYD_PASSWORD"])
    assert scrapyd.get("daemonstatus.json")["running"] == 0


@pytest.mark.parametrize("name", ["redis", "mysql", "scrapyd"])
def test_a_health_check_is_good_while_its_server_runs_and_bad_without_it(
    name, services, redis_server, mysql_server, scrapyd
):
    server = {"redis": redis_server, "mysql": mysql_server, "scrapyd": scrapyd}[name]
    assert check_health(services[name], server.port).returncode == 0
    assert check_health(services[name], free_port()).returncode != 0


def check_health(service, port):
    kind, *command = (re.sub(r"6379|3306|6800", str(port), word) for word in service["healthcheck"]["test"])
    command = ["sh", "-c", *command] if kind == "CMD-SHELL" else [sys.executable, *command[1:]]
    return subprocess.run(
        command, env=os.environ | service.get("environment", {}), check=False, capture_output=True
    )


def test_a_run_on_the_image_stores_its_pages_in_mysql(scrapyd, demo_site):
    log = scrapyd.run("links", project="default", start_urls=demo_site, setting="DOWNLOAD_DELAY=0")
    engine = create_engine(scrapyd.settings["DATABASE_URL"])
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM sites WHERE status_code = 200")) > 1, log
    engine.dispose()
