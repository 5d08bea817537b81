from demo.answer import Answer, contents

TITLE = "Files"

STREAM = "BT /F1 18 Tf 36 48 Td (A crawler stores this and reads no links.) Tj ET"

FONT = "<< /Font << /F1 5 0 R >> >>"

OBJECTS = (
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 100] /Contents 4 0 R /Resources {FONT} >>",
    f"<< /Length {len(STREAM)} >>\nstream\n{STREAM}\nendstream",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
)


def pdf() -> bytes:
    """Returns a document of one page, its cross-reference table counted out."""
    text = "%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(OBJECTS, start=1):
        offsets.append(len(text))
        text += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(OBJECTS) + 1
    return (
        f"{text}xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(text)}\n%%EOF\n"
    ).encode("ascii")


PAGES = {
    "/files/": contents(
        TITLE,
        "Not everything on the web is a page. These have an address and a type, but no title and no links.",
        {
            "/files/guide.pdf": "A PDF",
            "/files/data.json": "JSON, with what looks like a link in it",
            "/files/notes.txt": "Plain text, with what looks like a link in it",
        },
    ),
    "/files/guide.pdf": Answer(body=pdf(), content_type="application/pdf"),
    "/files/data.json": Answer(
        body=b'{"note": "<a href=\'/files/in-json\'>not a link</a>"}\n', content_type="application/json"
    ),
    "/files/notes.txt": Answer(
        body=b'<title>Not a title</title>\n<a href="/files/in-text">not a link</a>\n',
        content_type="Text/Plain; charset=utf-8",
    ),
}
