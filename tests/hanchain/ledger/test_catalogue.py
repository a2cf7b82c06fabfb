"""The catalogue: programs stay translated as long as there is room, and what is in it never shows in a result."""

import dataclasses

import pytest

from contracts.compiler import compile_source
from hanchain.ledger.catalogue import SUPERSEDED, WEIGHT_MAX, Catalogue, weight_of
from hanchain.ledger.parameters import Parameters
from hanchain.ledger.reasons import Fault
from hanchain.ledger.receipt import Status
from hanchain.ledger.state import state_key


@dataclasses.dataclass
class Program:
    """A program as far as a catalogue looks at one."""

    nodes: int
    code: bytes = b""


ROOM = 25_000 + SUPERSEDED * WEIGHT_MAX


def _catalogue(room):
    catalogue = Catalogue(Parameters(max_program_weight=25_000))
    catalogue.keep(b"filler", Program(ROOM - room))
    return catalogue


def test_the_longest_unused_one_goes_first():
    """Programs beyond the room are dropped in the order in which they were last used."""
    catalogue = _catalogue(room=300)
    one, two, three, four = (Program(90, bytes(87)) for _ in range(4))
    for name, program in ((b"1", one), (b"2", two), (b"3", three)):
        catalogue.keep(name, program)
    assert catalogue.get(b"filler") is not None
    assert catalogue.get(b"1") is one
    catalogue.keep(b"4", four)
    assert [catalogue.get(name) for name in (b"1", b"2", b"3", b"4")] == [one, None, three, four]
    assert catalogue.weight == ROOM


def test_keeping_twice_counts_once():
    """A program that is there already is neither counted nor replaced."""
    catalogue = _catalogue(room=300)
    first = Program(100)
    catalogue.keep(b"1", first)
    catalogue.keep(b"1", Program(100))
    assert (catalogue.get(b"1"), catalogue.weight) == (first, ROOM - 200)


def test_weight():
    """A program weighs its nodes and an eighth of its bytes, so that declarations alone weigh something too."""
    assert [weight_of(Program(*made)) for made in ((5,), (5, bytes(7)), (5, bytes(8)), (0, bytes(65_536)))] == [
        5,
        5,
        6,
        8_192,
    ]
    assert WEIGHT_MAX == 16_000 + 8_192


def test_programs_are_kept_once_their_deployment_is(network, chain, counter):
    """A deployment that goes well leaves its program translated; one that fails leaves nothing."""
    code = network.suite.tagged_hash("hanchain/program/1", compile_source(counter).program)
    chain.deploy("counter", counter, -1)
    assert (chain.catalogue.get(code), chain.catalogue.weight) == (None, 0)
    chain.deploy("counter", counter, 1)
    program = chain.catalogue.get(code)
    assert (program.code, chain.catalogue.weight) == (compile_source(counter).program, weight_of(program))
    chain.deploy("another", counter, 1)
    assert chain.catalogue.get(code) is program


def test_a_cold_catalogue_loads_from_the_state(network, chain, counter):
    """A new catalogue, as after a restart, finds the program in the state; a damaged one there is a fault."""
    chain.deploy("counter", counter, 1)
    chain.catalogue = Catalogue(chain.rules.parameters)
    assert chain.call("counter", "add", 1).status is Status.OK
    chain.catalogue = Catalogue(chain.rules.parameters)
    get = chain.state.get
    key = state_key("sys.contracts", b"\x02program\x00\x02counter\x00")
    for stored in (b"\xc4\x01\xc0", None):
        chain.state.get = lambda name, stored=stored: stored if name == key else get(name)
        with pytest.raises(Fault, match="counter"):
            chain.call("counter", "add", 1)
