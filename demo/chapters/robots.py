from demo.answer import Answer, contents, page

TITLE = "Robots"

# The longest rule wins (RFC 9309); older readers take the first that fits, so the exception stands first.
RULES = """\
User-agent: *
Allow: /private/brochure
Disallow: /private/
"""

PAGES = {
    "/robots.txt": Answer(body=RULES.encode(), content_type="text/plain; charset=utf-8"),
    "/robots/": contents(
        TITLE,
        "A site says in three places what crawlers should leave alone: in robots.txt, on a page, on a link.",
        {
            "/private/secret": "Forbidden by robots.txt",
            "/private/brochure": "In the same folder, allowed by a longer rule",
            "/robots/links": "Links marked nofollow, which vouch for nothing",
            "/robots/page": "A page that asks for none of its links to be followed",
        },
    ),
    "/private/secret": page("Secret", "<p>No crawler should read this.</p>"),
    "/private/brochure": page("Brochure", "<p>An exception within a forbidden folder.</p>"),
    "/robots/links": page(
        "Links marked nofollow",
        "<p>The page does not vouch for"
        ' <a rel="nofollow" href="/robots/sponsored">this one</a> nor'
        ' <a rel="noopener NoFollow ugc" href="http://offsite.invalid/comment">that one</a>,'
        ' but does for <a rel="noopener" href="/robots/vouched-for">a third</a>.</p>',
    ),
    "/robots/sponsored": page("Sponsored", "<p>The mark is about trust: the page may be read.</p>"),
    "/robots/vouched-for": page("Vouched for", "<p>noopener is not nofollow.</p>"),
    "/robots/page": page(
        "Follow nothing",
        '<p>To be noted, not followed: <a href="/robots/unread">a page nothing else links to</a>.</p>',
        head='<meta name="robots" content="noarchive, nofollow">',
    ),
    "/robots/unread": page("Unread", "<p>No crawler should read this.</p>"),
}
