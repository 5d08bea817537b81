import codecs
from urllib.parse import quote

from demo.answer import UTF_8, Answer, contents, document, page

TITLE = "Charsets"

OLD_META = '<meta http-equiv="Content-Type" content="text/html; charset={}">'

CAT = "кот"


def search(word: str) -> str:
    return f'<p>A browser writes <a href="/charsets/search?q={word}">this query</a> in its own way.</p>'


LATIN = document("Café “Zürich” — 5 €", search("café"), charset=UTF_8)
KOI = document(
    "Руководство для роботов",
    f'{search("мир")}\n<p>A path is UTF-8 always: <a href="/charsets/{CAT}">the cat</a>.</p>',
    charset=OLD_META.format("koi8-r"),
)
KANJI = document(
    "日本語の題名",
    "<p>表示 and ソース hold a backslash in their bytes.</p>",
    charset='<meta charset="shift_jis">',
)
MARKED = document(
    "Dvořák: Größe, naïveté",
    "<p>Three bytes say more than the meta element.</p>",
    charset='<meta charset="windows-1252">',
)
WIDE = document("Ελληνικά in two bytes each", search("été"), charset="")

PAGES = {
    "/charsets/": contents(
        TITLE,
        "The same bytes are other letters in another charset. The header says which, or the page itself.",
        {
            "/charsets/header": "Said in the header, against the meta element",
            "/charsets/utf-8": "Said by a byte order mark, against the meta element",
            "/charsets/utf-16": "Said by a byte order mark, two bytes a letter",
            "/charsets/shift-jis": "Said by a meta element",
            "/charsets/koi8-r": "Said by an old meta element",
        },
    ),
    # Everybody reads the name iso-8859-1 as windows-1252, which has quotes, a dash and the euro sign.
    "/charsets/header": Answer(
        body=LATIN.encode("cp1252", "xmlcharrefreplace"), content_type="text/html; charset=ISO-8859-1"
    ),
    "/charsets/utf-8": Answer(body=codecs.BOM_UTF8 + MARKED.encode(), content_type="text/html"),
    "/charsets/utf-16": Answer(body=codecs.BOM_UTF16_LE + WIDE.encode("utf-16-le"), content_type="text/html"),
    "/charsets/shift-jis": Answer(
        body=KANJI.encode("shift_jis", "xmlcharrefreplace"), content_type="text/html"
    ),
    "/charsets/koi8-r": Answer(body=KOI.encode("koi8-r", "xmlcharrefreplace"), content_type="text/html"),
    "/charsets/search": page("Found", "<p>The same page for every query.</p>"),
    f"/charsets/{quote(CAT)}": page(
        "The cat", "<p>Its address is UTF-8, the page that led here was not.</p>"
    ),
}
