"""A crawl that lasts for seconds, of pages that keep the queue in use."""

PAGES = 150


def chain_of_pages(root):
    """Writes pages of which each links to the next and to two leaves, so that the queue is always in use."""
    root.mkdir()
    for number in range(PAGES // 3):
        (root / f"{number}.html").write_text(
            f"<a href={number + 1}.html>n</a><a href=l{number}.html>l</a><a href=m{number}.html>m</a>"
        )
        (root / f"l{number}.html").write_text("leaf")
        (root / f"m{number}.html").write_text("leaf")
    return root


def slow_crawl(project, site, *arguments, **options):
    slow = ("-s", "DOWNLOAD_DELAY=0.03", "-s", "ROBOTSTXT_OBEY=0")
    return project.start("crawl", "links", *slow, "-a", f"start_urls={site.url}0.html", *arguments, **options)


def ended(process, project):
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 0, project.errors(process)
    assert "Traceback" not in project.errors(process)
    return output
