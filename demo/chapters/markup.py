from demo.answer import UTF_8, Answer, contents, document, page

TITLE = "Markup"

FRAMESET = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>A frameset</title></head>
<frameset cols="30%,*">
<frame src="/markup/framed/left" title="Left">
<frame src="/markup/framed/right" title="Right">
</frameset>
</html>
"""

DISC = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='120' height='60'/%3E"

IMAGE_MAP = f"""\
<p>The two halves of this picture lead to two pages.</p>
<p><img src="{DISC}" usemap="#halves" alt="Two halves" width="120" height="60"></p>
<map name="halves">
<area shape="rect" coords="0,0,60,60" href="/markup/map/left" alt="Left">
<area shape="rect" coords="60,0,120,60" href="/markup/map/right" alt="Right">
<area shape="default" alt="Nothing">
</map>"""

HIDDEN = """\
<p>Of all that looks like a link in this source, only one is: <a href="/markup/seen">this</a>.</p>
<!-- <a href="/markup/in-comment">comment</a> -->
<script>const link = '<a href="/markup/in-script">script</a>';</script>
<template><a href="/markup/in-template">template</a></template>
<p><textarea cols="60"><a href="/markup/in-textarea">textarea</a></textarea></p>
<p><a name="anchor">An anchor without href</a>, <span data-href="/markup/in-data">data</span>,
<img src="data:," alt='<a href="/markup/in-attribute">attribute</a>'>.</p>
<form action="/markup/in-form"><button>A form</button></form>"""


def series(number: int, **relations: str) -> Answer:
    """Returns a page of a series, which only the elements in its head tie to the others."""
    links = "\n".join(f'<link rel="{rel}" href="{href}">' for rel, href in relations.items())
    text = "<p>Its neighbours are named in the head of the page only.</p>"
    return page(f"Part {number} of three", text, head=links)


PAGES = {
    "/markup/": contents(
        TITLE,
        "A link is more than the letter a, and not everything that looks like a link is one.",
        {
            "/markup/base": "A page whose links start from elsewhere",
            "/markup/map": "An image map",
            "/markup/iframe": "A page within a page",
            "/markup/frameset": "Frames, as in 1997",
            "/markup/hidden": "Links in comments, scripts, templates and text",
            "/markup/noscript": "A link for those who run no scripts",
            "/markup/series/1": "A series of three",
            "/markup/variants": "A page that names its other forms",
        },
    ),
    "/markup/base": Answer(
        body=document(
            "A base elsewhere",
            '<p>Relative to its <code>base</code>, this is <a href="page">one folder further</a>.</p>',
            charset=f'{UTF_8}\n<base href="/markup/elsewhere/">',
        ).encode()
    ),
    "/markup/elsewhere/page": page("Elsewhere", "<p>Found by its base.</p>"),
    "/markup/map": page("An image map", IMAGE_MAP),
    "/markup/map/left": page("The left half", "<p>An area led here.</p>"),
    "/markup/map/right": page("The right half", "<p>An area led here.</p>"),
    "/markup/iframe": page(
        "A page within a page", '<iframe src="/markup/framed/inner" title="Inner" width="300"></iframe>'
    ),
    "/markup/framed/inner": page("The inner page", "<p>Shown within another.</p>"),
    "/markup/frameset": Answer(body=FRAMESET.encode()),
    "/markup/framed/left": page("The left frame", "<p>Shown beside another.</p>"),
    "/markup/framed/right": page("The right frame", "<p>Shown beside another.</p>"),
    "/markup/hidden": page("Hidden links", HIDDEN),
    "/markup/seen": page("Seen", "<p>The only real link led here.</p>"),
    "/markup/noscript": page(
        "Without scripts",
        "<p>A crawler runs no scripts, so it reads what is meant for those who run none.</p>"
        '<noscript><p><a href="/markup/scriptless">The page without scripts</a></p></noscript>',
    ),
    "/markup/scriptless": page("Scriptless", "<p>A link within noscript led here.</p>"),
    "/markup/series/1": series(1, canonical="/markup/series/1", next="/markup/series/2"),
    "/markup/series/2": series(2, prev="/markup/series/1", next="/markup/series/3"),
    "/markup/series/3": series(3, prev="/markup/series/2"),
    "/markup/variants": page(
        "Other forms",
        "<p>Its head names its main form and a translation; a style sheet and an icon are no pages.</p>",
        head='<link rel="canonical" href="/markup/main">\n'
        '<link rel="alternate" hreflang="fr" href="/markup/fr">\n'
        '<link rel="stylesheet" href="data:text/css,">\n'
        '<link rel="icon" href="data:,">',
    ),
    "/markup/main": page("The main form", "<p>Named as canonical by another page.</p>"),
    "/markup/fr": page("En français", "<p>Nommée par une autre page comme sa traduction.</p>"),
}
