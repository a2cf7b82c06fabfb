"""Parameters: ranges, and what must fit together."""

import pytest

from hanchain.ledger.parameters import RANGES, Parameters
from hanchain.ledger.reasons import Reason, Rejection

EDGES = {
    "window": (1, 64),
    "max_block_transactions": (1, 4096),
    "max_block_bytes": (262_144, 4_194_304),
    "batch_delay_ms": (0, 7_499),
    "timeout_ms": (100, 60_000),
    "timeout_max_ms": (1_000, 600_000),
    "max_idle_ms": (0, 3_600_000),
    "expiry_window": (16, 100_000),
    "max_transaction_gas": (100_000, 40_000_000),
    "max_block_gas": (100_000, 40_000_000),
    "max_program_weight": (25_000, 2_000_000),
}
# what must change along with an edge for the whole to fit together
COMPANIONS = {
    ("batch_delay_ms", 7_499): {"timeout_ms": 60_000, "timeout_max_ms": 600_000},
    ("timeout_ms", 100): {"batch_delay_ms": 12},
    ("timeout_max_ms", 1_000): {"timeout_ms": 1_000, "max_block_gas": 5_000_000},
    ("max_transaction_gas", 40_000_000): {"max_block_gas": 40_000_000},
    ("max_block_gas", 100_000): {"max_transaction_gas": 100_000},
}


def _refused(**values):
    with pytest.raises(Rejection) as refusal:
        Parameters(**values)
    return refusal.value.reason


def test_ranges_are_pinned():
    """The ranges are part of the protocol version."""
    assert {name: (bounds.minimum, bounds.maximum) for name, bounds in RANGES.items()} == EDGES


@pytest.mark.parametrize("name", EDGES)
def test_both_ends_of_a_range(name):
    """Both ends are allowed, one step beyond either and other types are not."""
    for edge in EDGES[name]:
        values = {**COMPANIONS.get((name, edge), {}), name: edge}
        assert getattr(Parameters(**values), name) == edge
    low, high = EDGES[name]
    for value in (low - 1, high + 1, True, 1.5, None):
        assert _refused(**{name: value}) is Reason.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"timeout_ms": 2_000, "batch_delay_ms": 249}, {"timeout_ms": 2_000, "batch_delay_ms": 250}),
        ({"timeout_ms": 500}, {"timeout_ms": 160}),  # a LAN, whose batches close after the default 20 ms
        ({"timeout_max_ms": 2_000}, {"timeout_max_ms": 1_999}),
        ({"max_idle_ms": 21}, {"max_idle_ms": 20}),
        ({"max_idle_ms": 0, "batch_delay_ms": 0}, {"max_idle_ms": 1}),
        ({"window": 64, "expiry_window": 128}, {"window": 64, "expiry_window": 127}),
        ({"max_transaction_gas": 10_000_000}, {"max_transaction_gas": 10_000_001}),
        (
            {"timeout_max_ms": 4_000, "max_block_gas": 20_000_000},
            {"timeout_max_ms": 4_000, "max_block_gas": 20_000_001},
        ),
    ],
    ids=repr,
)
def test_what_must_fit_together(good, bad):
    """Each rule between parameters holds exactly at its edge."""
    assert Parameters(**good)
    assert _refused(**bad) is Reason.INCONSISTENT


def test_every_parameter_is_in_the_hash(network):
    """Two sets of parameters that differ in one value have two hashes."""
    changed = [{name: getattr(Parameters(), name) + 40} for name in EDGES]
    hashes = {Parameters(**values).hash(network.suite) for values in [{}, *changed]}
    assert len(hashes) == 1 + len(EDGES)
