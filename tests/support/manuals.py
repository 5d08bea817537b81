"""Manuals as real sites to crawl; `make test` fetches them."""

from pathlib import Path

import pytest

from tests.support.project import ROOT

DOCS = ROOT / ".cache" / "docs"


def manual(name: str) -> Path:
    if not (DOCS / name / "index.html").exists():
        pytest.fail(f".cache/docs/{name} is missing; `make test` fetches it")
    return DOCS / name
