"""The site that all programs crawl: generated, always the same."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

PAGES, LINKS, SIZE, SEED = 20_000, 30, 4_500, 1
SECTIONS = 200
WORDS = """
    a about after all also an and any are as at be because but by can come could day do even find first for
    from get give go have he her here him his how i if in into it its just know like look make man many me
    more my new no not now of on one only or other our out people say see she so some take tell than that
    the their them then there these they thing think this those time to two up use very want way we well
    what when which who will with would year you your
""".split()  # noqa: SIM905  a list of a hundred literals is no better to read


def site(cache: Path) -> Path:
    """The site's folder below the cache, written when it is missing."""
    folder = cache / f"site-{PAGES}-{LINKS}-{SIZE}-{SEED}"
    if not folder.exists():
        write(folder, PAGES)
    return folder


def write(folder: Path, pages: int) -> None:
    """Write all pages, or none: what an interrupted run has left is not taken for a site."""
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    for section in range(SECTIONS):
        (part / f"section-{section:03}").mkdir(parents=True)
    for number in range(pages):
        (part / address(number).lstrip("/")).write_text(page(number, pages), encoding="utf-8")
    part.rename(folder)


def address(number: int) -> str:
    """The path of a page, as its links name it."""
    return f"/section-{number % SECTIONS:03}/page-{number:05}.html"


def page(number: int, pages: int) -> str:
    """One page: a title, and a paragraph around each of its links."""
    chance = random.Random(f"{SEED}-{number}")  # noqa: S311  not for secrets
    title = f"Page {number}: {' '.join(chance.choices(WORDS, k=4))}"
    head = f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title></head>'
    paragraphs = "\n".join(_paragraphs(chance, targets(number, pages, chance)))
    text = f"{head}\n<body>\n<h1>{title}</h1>\n{paragraphs}\n<p>"
    foot = "</p>\n</body>\n</html>\n"
    return text + _words(chance, SIZE - len(text) - len(foot)) + foot


def targets(number: int, pages: int, chance: random.Random) -> list[int]:
    """The pages that a page links to: the next one, so that all are reached, and others by chance."""
    following = (number + 1) % pages
    others = (other for other in chance.sample(range(pages), LINKS) if other != following)
    return [following, *others][:LINKS]


def _paragraphs(chance: random.Random, numbers: list[int]) -> Iterator[str]:
    for number in numbers:
        before, label, after = (" ".join(chance.choices(WORDS, k=k)) for k in (4, 2, 3))
        yield f'<p>{before} <a href="{address(number)}">{label}</a> {after}</p>'


def _words(chance: random.Random, size: int) -> str:
    return " ".join(chance.choices(WORDS, k=max(size, 0) // 4 + 1))[: max(size, 0)]
