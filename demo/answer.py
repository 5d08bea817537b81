import html
from collections.abc import Mapping
from dataclasses import dataclass, field

STYLE = """\
:root { color-scheme: light dark; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; }
header { border-bottom: 1px solid; margin-bottom: 1.5rem; padding-bottom: .5rem; }
li { margin: .3rem 0; }
"""

HOME = "<header><a href='/'>The Crawler's Field Guide</a></header>"

UTF_8 = '<meta charset="utf-8">'


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer, whole; ``{host}`` in its body becomes the host and port it was asked at."""

    body: bytes = b""
    status: int = 200
    content_type: str | None = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0  # how long the server takes over it
    compress: bool = False  # with gzip, for a client that accepts it
    before: "Answer | None" = None  # what every other request gets instead, beginning with the first


def document(title: str, body: str, *, head: str = "", charset: str = UTF_8, header: str = HOME) -> str:
    """Returns a page in the site's look; only the title is escaped."""
    heading = html.escape(title, quote=False)
    return f"""\
<!doctype html>
<html lang="en">
<head>
{charset}
<title>{heading}</title>
{head}
<style>
{STYLE}</style>
</head>
<body>
{header}
<main>
<h1>{heading}</h1>
{body}
</main>
</body>
</html>
"""


def page(title: str, body: str, *, head: str = "") -> Answer:
    return Answer(body=document(title, body, head=head).encode())


def contents(title: str, introduction: str, links: Mapping[str, str]) -> Answer:
    """Returns a page that lists other pages: what each shows, by its address."""
    items = "\n".join(f'<li><a href="{html.escape(href)}">{text}</a></li>' for href, text in links.items())
    return page(title, f"<p>{introduction}</p>\n<ul>\n{items}\n</ul>")


def refusal(status: int, title: str, text: str) -> Answer:
    """Returns an error page; it links to nothing, so that nobody need say what its links are worth."""
    return Answer(status=status, body=document(title, f"<p>{text}</p>", header="").encode())


def redirect(status: int, location: str) -> Answer:
    return Answer(status=status, headers={"Location": location})
