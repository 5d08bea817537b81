"""What /metrics says is what the docs and the files for Prometheus and Grafana name."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.dashboard_app import TOKENS, DashboardApp

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"scraping_[a-z_]+")


@pytest.fixture
def samples(redis_url, tmp_path):
    app = DashboardApp(tmp_path, REDIS_URL=redis_url)
    answer = app.ask("GET", "/metrics", headers={"Authorization": f"Bearer {TOKENS['viewer']}"})
    app.stores.close()
    families = text_string_to_metric_families(answer.text)
    names = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert len(names) > 5
    return names


def test_the_page_names_each_metric_and_no_other(samples):
    page = (ROOT / "docs/dashboard.md").read_text()
    named = {
        name for line in page.splitlines() if line.startswith("| `scraping_") for name in NAME.findall(line)
    }
    assert named == samples


@pytest.mark.parametrize("file", ["alerts.yml", "grafana.json"])
def test_rules_and_dashboard_ask_for_metrics_that_there_are(samples, file):
    asked = set(NAME.findall((ROOT / "deploy/monitoring" / file).read_text())) - {"scraping_project"}
    assert asked
    assert asked <= samples
