"""Numbers as a database wrote them, for a reader that may want no more than their digits."""

from collections.abc import Iterator, Sequence
from typing import overload


class Numerals(Sequence[int | None]):
    """A column of numbers that were read as texts; each becomes a number when it is asked for.

    Args:
        texts: Their digits, empty where the column is NULL.
    """

    __slots__ = ("texts",)

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: int) -> int | None: ...
    @overload
    def __getitem__(self, index: slice) -> "Numerals": ...
    def __getitem__(self, index: int | slice) -> "int | Numerals | None":
        found = self.texts[index]
        return _number(found) if isinstance(found, str) else Numerals(found)

    def __iter__(self) -> Iterator[int | None]:
        return map(_number, self.texts)


def _number(text: str) -> int | None:
    return int(text) if text else None
