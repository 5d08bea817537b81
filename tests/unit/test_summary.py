import pytest

from scraping_project.worker.summary import Summary


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        (
            Summary(pages=1169, failed={"timeout": 2, "http_404": 12}, filtered={"robots": 1}, links=38412),
            (
                "1169 pages, 14 failed (http_404 12, timeout 2), 1 filtered (robots), 38412 links, "
                "21 s (55.7 pages/s)"
            ),
        ),
        (Summary(pages=1, links=1), "1 page, 1 link, 21 s (0.0 pages/s)"),
        (Summary(), "0 pages, 0 links, 21 s (0.0 pages/s)"),
        (
            Summary(pages=2, filtered={"robots": 1, "guard": 3}),
            "2 pages, 4 filtered (guard 3, robots 1), 0 links, 21 s (0.1 pages/s)",
        ),
    ],
)
def test_the_summary_is_one_line_of_the_parts_that_are_not_empty(summary, text):
    assert summary.text(21) == text


def test_a_run_without_duration_has_no_rate():
    assert Summary(pages=5).text(0) == "5 pages, 0 links, 0 s (0.0 pages/s)"


def test_dead_requests_count_as_failed_by_their_reason():
    stats = {
        "attempts/success": 3,
        "attempts/failed/http_404": 1,
        "attempts/dead/http_404": 1,
        "attempts/dead/callback": 2,
        "attempts/retried": 4,
        "attempts/filtered/robots": 5,
        "attempts/links": 6,
        "item_scraped_count": 7,
        "downloader/request_count": 99,
    }

    assert Summary.of_stats(stats) == Summary(
        pages=3, failed={"http_404": 2, "callback": 2}, filtered={"robots": 5}, retried=4, links=6, items=7
    )


def test_summaries_add_up():
    one = Summary(pages=1, failed={"dns": 1}, filtered={"robots": 1}, retried=1, links=1, items=1)
    other = Summary(pages=2, failed={"dns": 2, "tls": 1}, links=2)

    assert one + other == Summary(
        pages=3, failed={"dns": 3, "tls": 1}, filtered={"robots": 1}, retried=1, links=3, items=1
    )
