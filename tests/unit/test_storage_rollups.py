from scraping_project.storage.writing.rollups import MEASURES, MINUTE_KEY, Counted, Counts, group_id

MINUTE = "2026-01-01 12:00:00.000000"


def log(domain="a.example", **changes):
    values = {
        "task_id": "1",
        "domain": domain,
        "finished_at": "2026-01-01 12:00:59.999999",
        "crawl_id": "crawl",
        "status": "success",
        "reason": None,
        "latency_ms": 20,
        "bytes": 1000,
        "records_scraped": 1,
    }
    return Counted(**values | changes)


def counted(*logs):
    counts = Counts()
    for row in logs:
        counts.add(row)
    return counts


def by_name(rows, key):
    return [dict(zip((*key, *MEASURES), row, strict=True)) for row in rows]


def minutes(counts):
    return by_name(counts.minutes(), MINUTE_KEY)


def totals(counts):
    return by_name(counts.totals(), ("domain", "crawl_id", "status", "reason"))


def test_a_log_counts_for_its_domain_and_for_all():
    rows = minutes(counted(log(), log("b.example")))
    assert [(row["domain"], row["minute"], row["attempts"]) for row in rows] == [
        ("/", MINUTE, 2),
        ("a.example", MINUTE, 1),
        ("b.example", MINUTE, 1),
    ]


def test_totals_are_by_crawl_by_domain_and_of_everything():
    rows = totals(counted(log(), log(finished_at="2026-01-01 13:00:00.000000")))
    assert [(row["domain"], row["crawl_id"], row["attempts"]) for row in rows] == [
        ("/", "/", 2),
        ("/", "crawl", 2),
        ("a.example", "/", 2),
    ]


def test_failures_are_by_the_hour_and_of_each_domain_and_all():
    rows = counted(
        log(),
        log(status="retried", reason="timeout"),
        log(status="dead", reason="timeout"),
        log(status="dead", reason="timeout", finished_at="2026-01-01 12:00:00.000000"),
        log("b.example", status="filtered", reason="robots"),
    ).failures()
    hour = "2026-01-01 12:00:00.000000"
    assert sorted((row[0], *row[2:]) for row in rows) == [
        (hour, "dead", "crawl", "timeout", "/", 2),
        (hour, "dead", "crawl", "timeout", "a.example", 2),
        (hour, "filtered", "crawl", "robots", "/", 1),
        (hour, "filtered", "crawl", "robots", "b.example", 1),
    ]
    assert len({row[1] for row in rows}) == 4


def test_the_number_of_a_group_is_that_of_its_reason_and_domain_for_ever():
    assert group_id("timeout", "a.example") == 9_109_890_336_059_569_772
    assert group_id("timeout", "b.example") != group_id("dns", "a.example")


def test_rows_come_in_the_order_of_their_keys_so_that_workers_lock_alike():
    logs = [log(f"{host}.example", status=status) for host in "dbca" for status in ("success", "failed")]
    for rows in (minutes(counted(*logs)), totals(counted(*logs))):
        keys = [(row["domain"], row["crawl_id"], row["status"]) for row in rows]
        assert keys == sorted(keys)
    counts = Counts()
    counts.add_sites(["b", "a", "b"])
    assert counts.sites() == [("/", 3), ("a", 1), ("b", 2)]


def test_what_is_taken_away_and_added_again_is_not_written():
    counts = counted(log())
    counts.add(log(), -1)
    assert counts.minutes() == counts.totals() == counts.sites() == []


def test_an_attempt_without_a_latency_is_not_timed():
    (row, _) = minutes(counted(log(latency_ms=None, bytes=None), log()))
    assert (row["attempts"], row["timed"], row["latency_ms"], row["bytes"], row["records"]) == (
        2,
        1,
        20,
        1000,
        2,
    )
