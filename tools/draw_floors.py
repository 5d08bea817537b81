"""``python -m tools.draw_floors``: draws docs/floors.svg from the contracts in pyproject.toml."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "floors.svg"

#: The house, the column beside it, a floor and what is between two of them, in pixels.
WIDTH, BESIDE, FLOOR, GAP = 830, 160, 46, 10
#: A letter's width and a box's margins, by which floors share their width among their boxes.
LETTER, MARGIN = 7, 26
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328;text-anchor:middle}.note{fill:#59636e;font-size:11px}"
    ".side{text-anchor:start}rect{fill:#f6f8fa;stroke:#8c959f}.yours{fill:#dafbe1;stroke:#1a7f37}"
    ".beside{fill:none;stroke-dasharray:4 3}path{stroke:#8c959f;fill:none}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9198a1}rect{fill:#161b22;stroke:#6e7681}"
    ".yours{fill:#12261e;stroke:#3fb950}.beside{fill:none}path{stroke:#6e7681}}"
)

Contract = Mapping[str, Any]


def contracts() -> Contract:
    """Return the table ``tool.importlinter`` of pyproject.toml."""
    table: Contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return table


def floors(linter: Contract) -> list[list[str]]:
    """Return the rooms of scraping_project by floor, the highest floor first."""
    return next(_layers(each) for each in linter["contracts"] if each.get("containers"))


def content(linter: Contract) -> list[str]:
    """Return the packages that stand on scraping_project."""
    return next(
        _layers(each)[0] for each in linter["contracts"] if "scraping_project" in each.get("layers", ())
    )


def beside(linter: Contract) -> list[str]:
    """Return the packages that no contract of layers names."""
    standing = {"scraping_project", *content(linter)}
    return [name for name in linter["root_packages"] if name not in standing]


def forbidden(linter: Contract) -> dict[str, str]:
    """Return what a contract forbids one room to import, by the name of the room."""
    bans = [each for each in linter["contracts"] if len(each.get("source_modules", ())) == 1]
    return {
        _name(each["source_modules"][0]): ", ".join(map(_name, each["forbidden_modules"])) for each in bans
    }


def picture(linter: Contract) -> str:
    """Return the floors as SVG: the content on top, the rooms below, other packages beside them."""
    bans, rows = forbidden(linter), [content(linter), *floors(linter)]
    height = 40 + len(rows) * (FLOOR + GAP) + 8
    body = [f'<text class="side note" x="10" y="18">{_LEGEND}</text>']
    for number, names in enumerate(rows):
        y, kind = 30 + number * (FLOOR + GAP), "" if number else ' class="yours"'
        body.extend(_row(names, y, bans, kind))
    left, names = WIDTH + 2 * GAP, beside(linter)
    body.append(f'<path d="M{left} 30V{height - 18}"/>')
    for number, name in enumerate(names):
        place = (left + GAP, 30 + number * (FLOOR + GAP), BESIDE)
        body.extend(_box(name, place, bans, ' class="beside"'))
    width = left + GAP + BESIDE + 10
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="Floors">'
    return "\n".join((head, f"<style>{STYLE}</style>", *body, "</svg>\n"))


_LEGEND = (
    "A room imports rooms on lower floors, and none of its own floor. Dashed: packages beside the house."
)


def _layers(contract: Contract) -> list[list[str]]:
    return [[name.strip() for name in re.split("[|:]", layer)] for layer in contract["layers"]]


def _name(module: str) -> str:
    return module.rpartition(".")[2]


def _row(names: Sequence[str], y: int, bans: Mapping[str, str], kind: str) -> Iterator[str]:
    wanted = [LETTER * max(len(name), len(_ban(name, bans)) * 6 // 7) + MARGIN for name in names]
    extra = (WIDTH - 10 - GAP * (len(names) - 1) - sum(wanted)) / len(names)
    x = 10.0
    for name, width in zip(names, wanted, strict=True):
        yield from _box(name, (round(x), y, round(width + extra)), bans, kind)
        x += width + extra + GAP


def _box(name: str, place: tuple[int, int, int], bans: Mapping[str, str], kind: str) -> Iterator[str]:
    x, y, width = place
    ban = _ban(name, bans)
    middle, line = x + width // 2, y + (20 if ban else 28)
    yield f'<rect{kind} x="{x}" y="{y}" width="{width}" height="{FLOOR}" rx="5"/>'
    yield f'<text x="{middle}" y="{line}">{escape(name)}</text>'
    if ban:
        yield f'<text class="note" x="{middle}" y="{y + 36}">{escape(ban)}</text>'


def _ban(name: str, bans: Mapping[str, str]) -> str:
    return f"never {bans[name]}" if name in bans else ""


if __name__ == "__main__":
    PICTURE.write_text(picture(contracts()))
