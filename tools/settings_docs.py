"""Writes docs/settings.md from scraping_project/settings.py: ``python -m tools.settings_docs``."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from scrapy.settings import default_settings

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "scraping_project" / "settings.py"
PAGE = ROOT / "docs" / "settings.md"

_UNITS = ("seconds", "bytes", "characters", "requests", "links", "share", "retries")
_HEAD = """# Settings

`python -m tools.settings_docs` writes this page from `scraping_project/settings.py`.
A test fails when it is stale.
Give a setting with `-s NAME=VALUE`, in `custom_settings`, or in the variable that the last column names.
A bad value is refused in one line, with exit code 2.
Names of Scrapy's own are here where their default is another than in
[Scrapy](https://docs.scrapy.org/en/latest/topics/settings.html).
"""
_COLUMNS = "| setting | default | unit | meaning | environment |\n|---|---|---|---|---|\n"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as its line in settings.py describes it."""

    section: str
    name: str
    default: str
    unit: str  # the meaning's first word, where that is a unit
    meaning: str
    variable: str  # of the environment; empty where none is read

    @property
    def scrapys(self) -> bool:
        return hasattr(default_settings, self.name)


def settings_in(source: str) -> list[Setting]:
    """All settings of a module of settings, in its order.

    Raises:
        ValueError: One has no comment that says what it means.
    """
    lines = source.splitlines()
    section, found = "Where Scrapy finds the project", []
    sections = {at: line.removeprefix("# ") for at, line in enumerate(lines, 1) if _is_heading(lines, at)}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        section = next((sections[at] for at in sorted(sections, reverse=True) if at < node.lineno), section)
        name = node.targets[0].id
        if name.isupper() and name != "BOT_NAME":
            found.append(_setting(section, name, node, lines, source))
    return found


def _is_heading(lines: list[str], at: int) -> bool:
    """Whether the line is a comment with an empty line after it."""
    return lines[at - 1].startswith("# ") and at < len(lines) and not lines[at]


def _setting(section: str, name: str, node: ast.Assign, lines: list[str], source: str) -> Setting:
    code = ast.get_source_segment(source, node.value) or ""
    _, beside, meaning = lines[node.lineno - 1].partition("  # ")
    above = lines[node.lineno - 2]
    if not beside and above.startswith("# "):
        meaning = above.removeprefix("# ")
    if not meaning:
        raise ValueError(f"{name} has no comment that says what it means: write one beside it or above")
    variable = re.search(r'os\.environ\.get\("(\w+)"', code)
    unit = next((unit for unit in _UNITS if meaning.startswith(unit)), "")
    return Setting(section, name, _default(node.value, code), unit, meaning, variable[1] if variable else "")


def _default(value: ast.expr, code: str) -> str:
    """The default as people would write it; a table of classes is too long for that."""
    if isinstance(value, (ast.Dict, ast.List)) and len(code) > len("the longest that fits a column"):
        return "see settings.py"
    if environment := re.fullmatch(r'os\.environ\.get\("\w+"(?:, "(.*)")?\)', code):
        return f"`{environment[1]}`" if environment[1] else ""
    if fallback := re.fullmatch(r'os\.environ\.get\("\w+"\) or (.*)', code):
        return f"`{fallback[1]}`" if fallback[1].startswith('"') else "in the folder of scrapy.cfg"
    return f"`{_worked_out(value, code)}`"


def _worked_out(value: ast.expr, code: str) -> str:
    if isinstance(value, ast.BinOp):
        return f"{eval(code):,.0f}".replace(",", "_")  # noqa: S307  figures of our own settings.py
    return code


def page(settings: list[Setting]) -> str:
    """The page, a table a section."""
    text, section = _HEAD, ""
    for setting in settings:
        if setting.section != section:
            section = setting.section
            text += f"\n## {section}\n\n{_COLUMNS}"
        name = f"`{setting.name}`" + (" (Scrapy's)" if setting.scrapys else "")
        variable = f"`{setting.variable}`" if setting.variable else ""
        meaning = setting.meaning.replace("|", "\\|")
        text += f"| {name} | {setting.default} | {setting.unit} | {meaning} | {variable} |\n"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(settings_in(SOURCE.read_text("utf-8"))), "utf-8")
