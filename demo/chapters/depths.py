from demo.answer import Answer, contents, page

TITLE = "Depths"

BOTTOM = 5


def level(number: int) -> Answer:
    if number == BOTTOM:
        return page("The bottom", "<p>Nothing is deeper than this.</p>")
    return page(f"Level {number}", f'<p><a href="/depths/{number + 1}">Go deeper</a></p>')


PAGES = {
    "/depths/": contents(
        TITLE,
        "Some pages are many links away from the first.",
        {"/depths/1": "Five pages, each of which leads to the next alone"},
    ),
    **{f"/depths/{number}": level(number) for number in range(1, BOTTOM + 1)},
}
