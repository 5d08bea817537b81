"""The table that every benchmark prints: a figure a row, with the goal beside it."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; without a goal it is for information."""

    name: str
    value: float
    goal: float | None = None
    sense: str = ">="

    @property
    def met(self) -> bool:
        compare = operator.le if self.sense == "<=" else operator.ge
        return self.goal is None or compare(self.value, self.goal)


def show(title: str, rows: Iterable[Row]) -> None:
    """Print the rows as they come, then which fall short."""
    short = 0
    print(f"\n{title}")
    for row in rows:
        print(f"  {row.name:<70} {_number(row.value):>10}{_goal(row)}", flush=True)
        short += not row.met
    print(f"  {short} of them fall short" if short else "  none falls short")


def _goal(row: Row) -> str:
    if row.goal is None:
        return ""
    return f"   goal {row.sense} {row.goal:g}   {'met' if row.met else 'SHORT'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004  three digits tell enough
