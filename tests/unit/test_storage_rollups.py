from scraping_project.storage.rollups import Counts

MINUTE = "2026-01-01 12:00:00.000000"


def log(domain="a.example", **changes):
    values = {
        "domain": domain,
        "finished_at": "2026-01-01 12:00:59.999999",
        "crawl_id": "crawl",
        "status": "success",
        "reason": None,
        "latency_ms": 20,
        "bytes": 1000,
        "records_scraped": 1,
    }
    return values | changes


def counted(*logs):
    counts = Counts()
    for row in logs:
        counts.add(row)
    return counts


def test_a_log_counts_for_its_domain_and_for_all():
    rows = counted(log(), log("b.example")).minutes()
    assert [(row["domain"], row["minute"], row["attempts"]) for row in rows] == [
        ("/", MINUTE, 2),
        ("a.example", MINUTE, 1),
        ("b.example", MINUTE, 1),
    ]


def test_totals_are_by_crawl_by_domain_and_of_everything():
    rows = counted(log(), log(finished_at="2026-01-01 13:00:00.000000")).totals()
    assert [(row["domain"], row["crawl_id"], row["attempts"]) for row in rows] == [
        ("/", "/", 2),
        ("/", "crawl", 2),
        ("a.example", "/", 2),
    ]


def test_rows_come_in_the_order_of_their_keys_so_that_workers_lock_alike():
    logs = [log(f"{host}.example", status=status) for host in "dbca" for status in ("success", "failed")]
    for rows in (counted(*logs).minutes(), counted(*logs).totals()):
        keys = [(row["domain"], row["crawl_id"], row["status"]) for row in rows]
        assert keys == sorted(keys)
    counts = Counts()
    counts.add_sites(["b", "a", "b"])
    assert counts.sites() == [
        {"domain": "/", "sites": 3},
        {"domain": "a", "sites": 1},
        {"domain": "b", "sites": 2},
    ]


def test_what_is_taken_away_and_added_again_is_not_written():
    counts = counted(log())
    counts.add(log(), -1)
    assert counts.minutes() == counts.totals() == counts.sites() == []


def test_an_attempt_without_a_latency_is_not_timed():
    (row, _) = counted(log(latency_ms=None, bytes=None), log()).minutes()
    assert (row["attempts"], row["timed"], row["latency_ms"], row["bytes"], row["records"]) == (
        2,
        1,
        20,
        1000,
        2,
    )
