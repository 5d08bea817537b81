from demo.answer import Answer, contents

TITLE = "Titles"

UNTITLED = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"></head>
<body><p>This page has no title. <a href="/">Home</a></p></body>
</html>
"""

DRAWING = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"></head>
<body>
<svg width="80" height="80" role="img">
<title>A red disc</title><circle cx="40" cy="40" r="36" fill="red"/>
</svg>
<p>The drawing has a title, the page has none. <a href="/">Home</a></p>
</body>
</html>
"""

ENTITIES = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>
    Fish &amp; chips &mdash;
\tcaf&eacute; &lt;b&gt;&#39;s&#x20;best
</title>
</head>
<body><p>A title is text: no tags, one line, entities read. <a href="/">Home</a></p></body>
</html>
"""

PAGES = {
    "/titles/": contents(
        TITLE,
        "What a browser shows in the tab is not always what stands in the source.",
        {
            "/titles/none": "No title",
            "/titles/drawing": "The title of a drawing, which is not the page's",
            "/titles/entities": "Entities, tabs and line ends within a title",
        },
    ),
    "/titles/none": Answer(body=UNTITLED.encode()),
    "/titles/drawing": Answer(body=DRAWING.encode()),
    "/titles/entities": Answer(body=ENTITIES.encode()),
}
