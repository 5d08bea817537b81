from scrapy.http import HtmlResponse

from spiders.outline import OutlineSpider, outlines


def test_a_heading_is_no_longer_than_its_column():
    page = HtmlResponse("https://a.example/", body=f"<h1>{'long ' * 200}</h1>".encode())
    outline = next(OutlineSpider().parse(page))
    assert len(outline.heading) == outlines.c.heading.type.length
    assert outline.words == 200
