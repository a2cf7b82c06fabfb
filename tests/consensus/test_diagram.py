"""The space-time diagram: complete, self-contained, and no part of the run it shows."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from consensus.simulation import run
from consensus.simulation.diagram import page
from consensus.simulation.simulator import Result
from hanchain.cli.simulate import app

LOG_IGNORED = str(Path(__file__).parent / "mutants" / "m14_log_ignored.py")


@pytest.fixture(scope="module")
def filmed() -> Result:
    """Return a filmed run with crashes, lost messages and a Byzantine validator."""
    return run(2, film=True)


def _svg(html: str) -> ET.Element:
    found = re.search(r"<svg .*</svg>", html, re.DOTALL)
    assert found is not None
    return ET.fromstring(found[0])


def test_filming_changes_nothing(filmed: Result) -> None:
    """A filmed run is the run: the same trace hash, events and coverage."""
    plain = run(2)
    assert (plain.trace_hash, plain.events, plain.coverage) == (filmed.trace_hash, filmed.events, filmed.coverage)
    assert plain.film is None


def test_every_message_is_an_arrow(filmed: Result) -> None:
    """As many lines as messages were sent, lost ones among them dashed; every crash has its mark."""
    assert filmed.film is not None
    root = _svg(page(filmed))
    arrows = [line for line in root.iterfind(".//{*}line") if " k-" in f" {line.get('class')}"]
    sent = [s for s in filmed.film.sent if s.sent_ms <= filmed.virtual_ms]
    lost = [line for line in arrows if "lost" in str(line.get("class"))]
    assert len(arrows) == len(sent) > 1_000
    assert len(lost) == sum(s.received_ms is None for s in sent) > 0
    crashes = [turn for turn in filmed.film.turns if turn[2] == "crash"]
    assert len([t for t in root.iterfind(".//{*}text") if t.get("class") == "crash"]) == len(crashes) > 0


def test_a_page_needs_nothing_but_a_browser(filmed: Result) -> None:
    """No link, no script or picture from elsewhere, nothing left to fill in; the steps are readable text."""
    html = page(filmed, from_ms=1_000, to_ms=3_000)
    assert not re.search(r"(src|href)=|@import|url\(", html)
    assert "{{" not in html
    assert re.search(r">\s*\d+ n\d v0 .{0,3} P6  decided 1 [0-9a-f]{8}</div>", page(filmed))
    assert html == page(filmed, from_ms=1_000, to_ms=3_000)


def test_a_span_that_is_not_there_is_refused(filmed: Result) -> None:
    """An empty span or one past the end is an error, and so is a run without a film."""
    with pytest.raises(ValueError, match="nothing to show from 5000 to 5000 ms"):
        page(filmed, from_ms=5_000, to_ms=5_000)
    with pytest.raises(ValueError, match="the run was not filmed"):
        page(run(0, profile="quiet"))


def test_the_command_draws_a_violation(tmp_path: Path) -> None:
    """``sim replay --html`` writes the page with the violation in its head, and exits 1."""
    file = tmp_path / "run.html"
    result = CliRunner().invoke(app, ["replay", "1", "--mutant", LOG_IGNORED, "--html", str(file)])
    html = file.read_text(encoding="utf-8")
    assert (result.exit_code, "I7: node 2 restarts without its vote" in html) == (1, True)
    assert [line for line in _svg(html).iterfind(".//{*}line") if line.get("class") == "violated"] != []
