import pytest

from scraping_project.commands.logs import harmless


@pytest.mark.parametrize("control", ["\x1b[2J", "\x9b2J", "\x00", "\r", "\x7f"])
def test_no_log_steers_the_readers_terminal(control):
    assert harmless(f"a{control}b".encode()).decode() == f"a?{control[1:]}b"


def test_text_tabs_and_ends_of_lines_are_shown_as_they_are():
    text = "é\tЯ\n€ \N{NO-BREAK SPACE}"
    assert harmless(text.encode()).decode() == text
