"""What a command says of its servers before it begins."""

import pytest
import redis

from scraping_project.cli import backends
from scraping_project.embedded import Server

SERVER = Server("redis://127.0.0.1:1/0", "configured", "", 1)


def findings_after(*errors):
    left = list(errors)

    def findings(_client):
        if left:
            raise left.pop(0)
        yield False, "Redis keeps no append-only file"

    return findings


def said(monkeypatch, capsys, *errors):
    monkeypatch.setattr(backends.server_checks, "findings", findings_after(*errors))
    backends._warn_of_loss(SERVER, {"REPORT_FILE": None})
    return capsys.readouterr().err


def test_a_warning_comes_though_the_answer_it_is_about_was_lost(monkeypatch, capsys):
    cut = redis.ConnectionError("Connection closed by server.")

    assert said(monkeypatch, capsys, cut) == "warning: Redis keeps no append-only file\n"


def test_a_redis_that_hides_its_configuration_is_used_without_one(monkeypatch, capsys):
    assert said(monkeypatch, capsys, redis.ResponseError("NOPERM")) == ""


def test_one_that_stops_answering_is_named(monkeypatch, capsys):
    monkeypatch.setattr("scraping_project.worker.patience.PATIENCE", 0)
    cut = redis.ConnectionError("Connection closed by server.")

    with pytest.raises(SystemExit) as refused:
        said(monkeypatch, capsys, *[cut] * 100)

    assert refused.value.code == 2
    assert capsys.readouterr().err.startswith(
        "scrapy: the Redis at redis://127.0.0.1:1/0 stopped answering (Connection closed by server.)"
    )
