"""What a crawl has stored of a site, in the words of the demo's expected.json."""

import json


def stored(project, base):
    """The sites as expected.json tells them, addresses of the site itself as paths."""
    return {site["url"].removeprefix(base): as_expected(site, base) for site in project.rows("sites")}


def as_expected(site, base):
    links = [link.removeprefix(base) for link in json.loads(site["links"])]
    rels = json.loads(site["link_rels"] or "{}")
    validators = {name: site[name] for name in ("etag", "last_modified") if site[name] is not None}
    return {
        "status": site["status_code"],
        "title": site["title"],
        "links": links,
        "nofollow": [links[int(index)] for index, rel in rels.items() if "nofollow" in rel.split()],
        "content_type": site["content_type"],
        **validators,
    }


def failures(project, base):
    ended = [log for log in project.rows("scrape_logs") if log["status"] not in {"success", "retried"}]
    return {log["url"].removeprefix(base): log["reason"] for log in ended}


def retried(project, base):
    urls = [log["url"] for log in project.rows("scrape_logs") if log["status"] == "retried"]
    return {url.removeprefix(base): urls.count(url) for url in urls}
