"""``python -m demo.crawl [scrapy arguments]``: serve the demo site on loopback and crawl it."""

import signal
import subprocess
import sys

from demo.server import serve


def main() -> int:
    with serve() as base:
        print(f"the demo site is served at {base} while it is crawled", file=sys.stderr)
        command = [sys.executable, "-m", "scrapy", "crawl", "links", "-a", f"start_urls={base}/"]
        manners = [
            "-s",
            "DOWNLOAD_DELAY=0",
            "-s",
            "CONCURRENT_REQUESTS_PER_DOMAIN=8",
            "-s",
            "RETRY_BACKOFF_BASE=0",
        ]
        crawl = subprocess.Popen([*command, *manners, *sys.argv[1:]])  # noqa: S603  our own command
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches the crawl too, which ends cleanly
        signal.signal(signal.SIGTERM, lambda *_: crawl.terminate())
        return crawl.wait()


if __name__ == "__main__":
    sys.exit(main())
