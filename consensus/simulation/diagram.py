"""A space-time diagram of one run: a page that needs nothing but a browser.

A lane per node, time to the right, an arrow per message. The lane's colour is the view the node is in, pale while it is
between two views, grey while it is down.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

from consensus.simulation.diagramparts import PAGE
from consensus.simulation.film import Film, Sent
from consensus.simulation.simulator import Result

_LEFT, _TOP, _LANE, _BAND = 130, 60, 120, 16  # pixels: margins, between lanes, thickness of a lane
_VIEWS: Final = ("#4e79a7", "#59a14f", "#b07aa1", "#e6a23c", "#76b7b2", "#9c755f")
_COLOURS: Final = {
    "PRE_PREPARE": "#1f4e9c",
    "PREPARE": "#3a8fd9",
    "COMMIT": "#2a9d4a",
    "SEAL": "#111111",
    "COMPLAIN": "#e07b00",
    "VIEW_CHANGE": "#d62828",
    "NEW_VIEW": "#8e24aa",
}
_QUIET: Final = "#8a8f98"  # everything else: STATUS, HEARTBEAT, bodies, blocks, transactions
_MARKED: Final = {("P1", "proposed"): "▲", ("P6", "decided"): "■", ("P8", "sealed"): "●", ("P9", "halt"): "✖"}
_SPAN_MAX_MS: Final = 120_000  # of one page


@dataclass(frozen=True, slots=True)
class _Scale:
    from_ms: int
    to_ms: int
    per_ms: float
    nodes: int

    def x(self, at_ms: int) -> float:
        return round(_LEFT + (min(max(at_ms, self.from_ms), self.to_ms) - self.from_ms) * self.per_ms, 1)

    def y(self, node: int) -> int:
        return _TOP + node * _LANE

    @property
    def width(self) -> float:
        return self.x(self.to_ms) + 60

    @property
    def height(self) -> int:
        return self.y(self.nodes - 1) + 60


def page(result: Result, *, from_ms: int = 0, to_ms: int | None = None, pixels_per_ms: float = 1.0) -> str:
    """Return an HTML page that shows a filmed run between two points in virtual time.

    Raises ValueError for a run that was not filmed, or for a span that is empty or longer than two minutes.
    """
    film, end = result.film, result.virtual_ms if to_ms is None else min(to_ms, result.virtual_ms)
    if film is None:
        raise ValueError("the run was not filmed")
    if not 0 <= from_ms < end or end - from_ms > _SPAN_MAX_MS:
        raise ValueError(f"nothing to show from {from_ms} to {end} ms")
    scale = _Scale(from_ms, end, pixels_per_ms, result.plan.validators)
    shown = [s for s in film.sent if s.sent_ms <= end and (s.received_ms or s.sent_ms) >= from_ms]
    parts = [*_ruler(scale), *_lanes(scale, film), *_arrows(scale, shown), *_marks(scale, film, result)]
    svg = f'<svg width="{scale.width:.0f}" height="{scale.height}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    names = [_name(result, node) for node in range(scale.nodes)]
    return (
        PAGE.replace("{{title}}", escape(f"Seed {result.seed}"))
        .replace("{{facts}}", _facts(result))
        .replace("{{names}}", "".join(f'<div style="top:{scale.y(i) - 22}px">{n}</div>' for i, n in enumerate(names)))
        .replace("{{toggles}}", _toggles(shown))
        .replace("{{svg}}", svg)
        .replace("{{steps}}", _steps(scale, film))
    )


def _name(result: Result, node: int) -> str:
    behaviours = dict(result.plan.byzantine).get(node)
    if behaviours is None:
        return f"<b>n{node}</b>"
    listed = escape(", ".join(behaviours))
    return f'<b class="bad">n{node}</b> <small title="{listed}">Byzantine: {listed}</small>'


def _facts(result: Result) -> str:
    plan = result.plan
    facts = [
        f"{plan.validators} validators, window {plan.settings.window}, T(0) {plan.settings.timeout_ms} ms",
        f"profile {plan.profile}, links heal at {plan.gst_ms} ms",
        f"sealed height {result.sealed_height}",
        escape(result.repeat),
    ]
    verdict = f'<b class="bad">{escape(result.violation)}</b>' if result.violation else "<b>no violation</b>"
    return " · ".join([verdict, *facts])


def _ruler(scale: _Scale) -> list[str]:
    step = next(s for s in (10, 50, 100, 200, 500, 1_000, 5_000, 20_000) if s * scale.per_ms >= 60 or s == 20_000)
    parts = []
    for at_ms in range(-(-scale.from_ms // step) * step, scale.to_ms + 1, step):
        x = scale.x(at_ms)
        parts.append(f'<line x1="{x}" y1="18" x2="{x}" y2="{scale.height}" class="tick"/>')
        parts.append(f'<text x="{x}" y="12" class="time">{at_ms}</text>')
    return parts


def _lanes(scale: _Scale, film: Film) -> list[str]:
    parts = []
    for node in range(scale.nodes):
        changes: list[tuple[int, str]] = [(0, "down")]
        moments = [(ms, 1, f"{t.view}:{_settled(t.rule, t.what)}") for ms, n, t in film.steps if n == node]
        moments += [(ms, 0, what) for ms, n, what in film.turns if n == node and what != "healed"]
        view, active = 0, True
        for at_ms, _, what in sorted(moments, key=lambda m: m[0]):
            if what == "crash":
                changes.append((at_ms, "down"))
                continue
            if what != "boot":
                number, _, settled = what.partition(":")
                if int(number) != view:
                    view, active = int(number), False
                active = active or settled == "in"
            changes.append((at_ms, f"{view}{'' if active else '?'}"))
        parts += _bands(scale, node, changes)
    return parts


def _settled(rule: str, what: str) -> str:
    return "in" if (rule, what) == ("N6", "new view") or rule in {"P1", "P2", "P3", "P5"} else ""


def _bands(scale: _Scale, node: int, changes: list[tuple[int, str]]) -> list[str]:
    parts, top = [], scale.y(node) - _BAND // 2
    merged = [c for i, c in enumerate(changes) if i == 0 or c[1] != changes[i - 1][1]]
    for (start, what), (end, _) in zip(merged, [*merged[1:], (scale.to_ms, "")], strict=True):
        if end <= scale.from_ms or start >= scale.to_ms:
            continue
        x, width = scale.x(start), round(scale.x(end) - scale.x(start), 1)
        if what == "down":
            parts.append(f'<rect x="{x}" y="{top}" width="{width}" height="{_BAND}" class="down"/>')
            continue
        colour, opacity = _VIEWS[int(what.rstrip("?")) % len(_VIEWS)], "0.25" if what.endswith("?") else "0.75"
        parts.append(
            f'<rect x="{x}" y="{top}" width="{width}" height="{_BAND}" fill="{colour}" fill-opacity="{opacity}"/>'
        )
        if width > 24:
            parts.append(f'<text x="{x + 3}" y="{top + 12}" class="view">v{what}</text>')
    return parts


def _arrows(scale: _Scale, shown: list[Sent]) -> list[str]:
    parts = []
    for s in shown:
        x1, y1, y2 = scale.x(s.sent_ms), scale.y(s.sender), scale.y(s.receiver)
        x2, ends = scale.x(s.sent_ms if s.received_ms is None else s.received_ms), "lost"
        if s.received_ms is None:
            y2 = y1 + (y2 - y1) * 3 // 10
            x2 += 4
        else:
            ends = f"{s.received_ms} ms"
        lost = " lost" if s.received_ms is None else ""
        title = escape(f"{s.kind} n{s.sender} to n{s.receiver}, {s.sent_ms} ms to {ends}: {s.about}")
        colour = _COLOURS.get(s.kind, _QUIET)
        parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" class="m k-{s.kind}{lost}">'
            f"<title>{title}</title></line>"
        )
        if s.received_ms is not None:
            up = -1 if y2 > y1 else 1
            parts.append(f'<circle cx="{x2}" cy="{y2 + up * 9}" r="1.8" fill="{colour}" class="m k-{s.kind}"/>')
    return parts


def _marks(scale: _Scale, film: Film, result: Result) -> list[str]:
    parts = []
    for at_ms, node, trace in film.steps:
        sign = _MARKED.get((trace.rule, trace.what))
        if sign is not None and scale.from_ms <= at_ms <= scale.to_ms:
            title = escape(f"n{node} {trace.rule} {trace.what} height {trace.height} at {at_ms} ms")
            parts.append(
                f'<text x="{scale.x(at_ms)}" y="{scale.y(node) - 12}" class="mark">{sign}{trace.height}'
                f"<title>{title}</title></text>"
            )
    for at_ms, node, what in film.turns:
        if not scale.from_ms <= at_ms <= scale.to_ms:
            continue
        x = scale.x(at_ms)
        if node < 0:
            parts.append(f'<line x1="{x}" y1="18" x2="{x}" y2="{scale.height}" class="healed"/>')
            parts.append(f'<text x="{x + 4}" y="{scale.height - 6}" class="note">links heal</text>')
        elif what == "crash":
            parts.append(
                f'<text x="{x}" y="{scale.y(node) + 6}" class="crash">✖<title>crash at {at_ms} ms</title></text>'
            )
    if result.violation and scale.to_ms == result.virtual_ms:
        x = scale.x(scale.to_ms)
        parts.append(f'<line x1="{x}" y1="18" x2="{x}" y2="{scale.height}" class="violated"/>')
    return parts


def _toggles(shown: list[Sent]) -> str:
    counts: dict[str, int] = {}
    for s in shown:
        counts[s.kind] = counts.get(s.kind, 0) + 1
    order = [*_COLOURS, *sorted(set(counts) - set(_COLOURS))]
    return "".join(
        f'<label style="color:{_COLOURS.get(kind, _QUIET)}"><input type="checkbox" value="{kind}"'
        f"{' checked' if kind in _COLOURS else ''}> {kind} {counts[kind]}</label>"
        for kind in order
        if kind in counts
    )


def _steps(scale: _Scale, film: Film) -> str:
    return "".join(
        f'<div data-x="{scale.x(at_ms)}">{at_ms:>7} n{node} v{t.view:<3} {t.rule:<3} '
        f"{escape(f'{t.what} {t.height} {t.detail}'.rstrip())}</div>"
        for at_ms, node, t in film.steps
        if scale.from_ms <= at_ms <= scale.to_ms
    )
