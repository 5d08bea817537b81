"""FRONTIER_SLOT_PAGES: how much of a site a crawl takes at the most."""

import pytest


@pytest.fixture(name="site")
def thirty_leaves(tmp_path, nginx):
    root = tmp_path / "site"
    root.mkdir()
    for number in range(30):
        (root / f"l{number}.html").write_text(f"<title>{number}</title>")
    return nginx(root)


@pytest.mark.parametrize(("delay", "budget"), [(0, 16), (0.5, 5), (1, 3)])
def test_a_crawl_sends_so_many_requests_to_a_slot_and_ends_the_others(project, site, delay, budget):
    urls = ",".join(f"{site.url}l{number}.html" for number in range(30))
    manners = (
        "-s",
        f"DOWNLOAD_DELAY={delay}",
        "-s",
        "ROBOTSTXT_OBEY=0",
        "-s",
        f"FRONTIER_SLOT_PAGES={budget}",
    )

    project.run("crawl", "links", *manners, "-a", f"start_urls={urls}", "-a", "max_depth=0")

    assert len(site.requests()) == budget
    logs = [(log["status"], log["reason"]) for log in project.rows("scrape_logs")]
    assert logs.count(("filtered", "budget")) == 30 - budget
