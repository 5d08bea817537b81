from demo.answer import Answer, contents, document, page, refusal

TITLE = "Answers"

#: Repeated until the large page holds a megabyte.
FILLER = "<p>A crawler that reads only the beginning of a page never comes to its end.</p>\n"

LARGE = FILLER * (2**20 // len(FILLER)) + '<p><a href="/answers/at-the-very-end">The very end</a></p>'

PAGES = {
    "/answers/": contents(
        TITLE,
        "Errors are answers too, and not every good answer has a body, a type, or any haste.",
        {
            "/answers/missing": "Never there: 404",
            "/answers/gone": "No longer there: 410",
            "/answers/flaky": "There at the second attempt: 500, then 200",
            "/answers/unavailable": "Always too busy: 503",
            "/answers/slow": "Takes a second to answer",
            "/answers/empty": "Has nothing to say",
            "/answers/compressed": "Comes compressed",
            "/answers/untyped": "Does not say what it is",
            "/answers/versioned": "Says which version it is",
            "/answers/large": "Has a megabyte to say, and a link at its very end",
        },
    ),
    "/answers/missing": refusal(404, "Nothing here", "This page never existed."),
    "/answers/gone": refusal(410, "Gone", "This page existed once."),
    "/answers/flaky": Answer(
        body=document("Better now", "<p>The first attempt met a 500.</p>").encode(),
        before=refusal(500, "Broken", "Try again."),
    ),
    "/answers/unavailable": refusal(503, "Too busy", "Trying again does not help."),
    "/answers/slow": Answer(
        body=document("Slow", "<p>It took a second, while others could be read.</p>").encode(), seconds=1
    ),
    "/answers/empty": Answer(),
    "/answers/compressed": Answer(
        body=document("Compressed", "<p>The body travelled as gzip.</p>").encode(), compress=True
    ),
    "/answers/untyped": Answer(
        body=document("Untyped", "<p>No Content-Type came with this: its first bytes say HTML.</p>").encode(),
        content_type=None,
    ),
    "/answers/versioned": Answer(
        body=document("Versioned", "<p>Asked again with its ETag, it answers 304.</p>").encode(),
        headers={"ETag": '"field-guide-1"', "Last-Modified": "Tue, 01 Jul 2025 12:00:00 GMT"},
    ),
    "/answers/large": page("A megabyte", LARGE),
    "/answers/at-the-very-end": page(
        "At the very end", "<p>Only the last line of a long page leads here.</p>"
    ),
}
