"""What pages may link to, and that text of others stays text."""

import pytest
from jinja2 import UndefinedError

from scraping_project.dashboard.rendering import _environment, web_address


@pytest.mark.parametrize(
    "url",
    [
        "http://h.example/",
        "https://h.example/a?b=<c>#d",
        "HTTP://H.example",
        "http://ü.example/",
        "http://[::1]/",
    ],
)
def test_a_page_of_the_web_may_be_followed(url):
    assert web_address(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:alert(1)", "\x01javascript:alert(1)",
        "javascript://h.example/%0aalert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x",
        "file:///etc/passwd", "ftp://h.example/", "blob:http://h.example/x", "view-source:http://h.example/",
        "//h.example/", "/runs", "h.example", "", "http:", "http://", "http:/h.example", "http:h.example",
        "http://[", "mailto:a@h.example", "about:blank", " ", "\x00",
    ],
)  # fmt: skip
def test_nothing_else_is_a_link(url):
    assert web_address(url) is None


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\"' onload=x", "&lt;", "</title>"])
def test_text_of_others_is_escaped_in_elements_and_attributes(text):
    made = _environment().from_string('<a title="{{ text }}">{{ text }}</a>').render(text=text)

    assert not set("<>\"'") & set(made.removeprefix('<a title="').removesuffix("</a>").replace('">', "", 1))


def test_a_name_that_a_template_misspells_is_a_fault_and_no_empty_text():
    with pytest.raises(UndefinedError):
        _environment().from_string("{{ misspelt }}").render()


def test_no_template_turns_escaping_off_or_holds_scripts_or_styles_of_its_own():
    environment = _environment()
    templates = environment.list_templates()

    assert "base.html" in templates
    for name in templates:
        source, _, _ = environment.loader.get_source(environment, name)
        for forbidden in (
            "|safe",
            "| safe",
            "autoescape",
            "<style",
            " style=",
            " onclick=",
            "javascript:",
            "http://",
        ):
            assert forbidden not in source, name
        assert source.count("<script") == source.count('<script src="/static/'), name
