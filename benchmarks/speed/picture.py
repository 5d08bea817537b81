"""The result as a picture: plain SVG, light or dark with its reader."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LINE, LABELS, VALUES = 860, 26, 330, 130
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:15px}"
    ".note{fill:#59636e;font-size:12px}.peer{fill:#8c959f}.ours{fill:#1a7f37}.spread{stroke:#1f2328}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9198a1}.peer{fill:#6e7681}"
    ".ours{fill:#3fb950}.spread{stroke:#e6edf3}}"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a chart."""

    label: str
    value: float
    low: float
    high: float
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of one unit."""

    title: str
    bars: Sequence[Bar]


def picture(charts: Iterable[Chart], note: str) -> str:
    """All charts, one below the other, and how they came about."""
    body, y = [], 10
    for chart in charts:
        y += LINE
        body.append(f'<text class="title" x="10" y="{y}">{escape(chart.title)}</text>')
        body.extend(_bars(chart.bars, y + 10))
        y += LINE * len(chart.bars) + 20
    y += LINE
    body.append(f'<text class="note" x="10" y="{y}">{escape(note)}</text>')
    size = f'width="{WIDTH}" height="{y + 14}" viewBox="0 0 {WIDTH} {y + 14}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="Speed">'
    return "\n".join((head, f"<style>{STYLE}</style>", *body, "</svg>\n"))


def _bars(bars: Sequence[Bar], top: float) -> Iterator[str]:
    scale = (WIDTH - LABELS - VALUES) / max(bar.high for bar in bars)
    for number, bar in enumerate(bars):
        y = top + number * LINE
        middle, end = y + LINE / 2 - 3, LABELS + bar.high * scale
        kind = "ours" if bar.is_ours else "peer"
        yield f'<text x="10" y="{middle + 4:.0f}">{escape(bar.label)}</text>'
        size = f'width="{bar.value * scale:.1f}" height="{LINE - 6}"'
        yield f'<rect class="{kind}" x="{LABELS}" y="{y:.0f}" {size}/>'
        if bar.high > bar.low:
            start = LABELS + bar.low * scale
            yield f'<path class="spread" d="M{start:.1f} {middle:.1f}H{end:.1f}"/>'
        text = f"{bar.value:,.0f}" if bar.value >= 10 else f"{bar.value:.1f}"  # noqa: PLR2004  below, a digit tells
        yield f'<text x="{end + 8:.0f}" y="{middle + 4:.0f}">{text}</text>'
