"""What a crawl of a site should find, by the word of another crawler: GNU Wget."""

import secrets
import subprocess
from functools import cache
from tempfile import TemporaryDirectory
from urllib.parse import urljoin

from testing.servers import NginxServer, ServerError, dies_with_us, find_program

OPTIONS = [
    "--no-config",
    "--recursive",
    "--level=inf",
    "--no-parent",
    "--execute=robots=on",
    "--no-proxy",
    "--tries=1",
    "--timeout=10",
    "--no-verbose",
    "--delete-after",
]
#: Wget's exit status when some page was an error: a site may have dead links.
SERVER_ANSWERED_AN_ERROR = 8
TIMEOUT_SECONDS = 100.0


@cache
def wget_html_urls(site: NginxServer, start_path: str = "index.html") -> frozenset[str]:
    """Returns the URLs of the HTML pages that Wget finds from a page of the site, once a server.

    They are those that the site answered with 200 and as text/html, by its own record of Wget's requests.
    """
    user_agent = f"Wget/{secrets.token_hex(4)}"
    with TemporaryDirectory(prefix="wget-") as directory:
        done = subprocess.run(
            dies_with_us(
                [find_program("wget"), *OPTIONS, f"--user-agent={user_agent}", urljoin(site.url, start_path)]
            ),
            cwd=directory,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
        )
    if done.returncode not in {0, SERVER_ANSWERED_AN_ERROR}:
        raise ServerError(f"wget ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return frozenset(
        urljoin(site.url, request.uri)
        for request in site.requests()
        if request.user_agent == user_agent
        and request.status == 200
        and request.content_type.startswith("text/html")
    )
