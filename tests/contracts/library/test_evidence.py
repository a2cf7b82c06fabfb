"""The evidence contract: deposits, witnesses, and what it says no to."""

import pytest

from contracts.compiler import compile_source
from contracts.library import NAMES, source
from contracts.testing import CallFailed, Event, LocalChain, LocalContract, reverts

DIGEST = bytes(range(48))
ALICE, BOB, CAROL, DAVE = (name.encode().hex() for name in ("alice", "bob", "carol", "dave"))


@pytest.fixture
def evidence() -> LocalContract:
    """Return the contract with two witnesses required, on a chain at height 7."""
    return LocalChain(height=7, time_ms=1_700_000_000_000).deploy("evidence", source("evidence"), 2, sender=ALICE)


def deposit(evidence: LocalContract, digest: bytes = DIGEST, *, sender: str = ALICE) -> None:
    """Deposit a digest."""
    evidence.call("deposit", digest, "application/pdf", 1_234, sender=sender)


@pytest.mark.parametrize("name", NAMES)
def test_standard_contracts_compile_without_warnings(name: str) -> None:
    """Whoever reads a standard contract reads good style."""
    assert compile_source(source(name)).warnings == ()


def test_a_name_that_is_no_standard_contract() -> None:
    """Nothing but the standard contracts can be read by name."""
    with pytest.raises(KeyError):
        source("../language")


def test_a_deposit_is_found_by_its_digest(evidence: LocalContract) -> None:
    """A deposit says who, what, when; the event says the same to whoever listens."""
    deposit(evidence)
    assert evidence.view("find", DIGEST) == {
        "owner": ALICE,
        "media_type": "application/pdf",
        "size": 1_234,
        "height": 7,
        "time_ms": 1_700_000_000_000,
        "witnesses": [],
        "confirmed_at": 0,
    }
    assert evidence.view("is_confirmed", DIGEST) is False
    assert evidence.view("find", b"x" * 20) is None
    assert evidence.chain.events == [Event("evidence", "Deposited", {"digest": DIGEST, "owner": ALICE})]


def test_witnesses_confirm_a_deposit(evidence: LocalContract) -> None:
    """The last witness required confirms, for good; later ones count and change nothing else."""
    deposit(evidence)
    assert evidence.call("witness", DIGEST, sender=BOB) == 1
    evidence.chain.advance(3)
    assert evidence.call("witness", DIGEST, sender=CAROL) == 2
    evidence.chain.advance(1)
    assert evidence.call("witness", DIGEST, sender=DAVE) == 3
    found = evidence.view("find", DIGEST)
    assert (found["witnesses"], found["confirmed_at"]) == ([BOB, CAROL, DAVE], 10)
    assert evidence.view("is_confirmed", DIGEST) is True
    assert [(event.name, event.fields.get("count")) for event in evidence.chain.events[1:]] == [
        ("Witnessed", 1),
        ("Witnessed", 2),
        ("Confirmed", 2),
        ("Witnessed", 3),
    ]


def test_who_may_not_witness(evidence: LocalContract) -> None:
    """Nobody witnesses twice, the owner never, and nobody what was not deposited."""
    deposit(evidence)
    evidence.call("witness", DIGEST, sender=BOB)
    before = dict(evidence.chain.host.state)
    with reverts("E_WITNESSED"):
        evidence.call("witness", DIGEST, sender=BOB)
    with reverts("E_OWNER"):
        evidence.call("witness", DIGEST, sender=ALICE)
    with reverts("E_UNKNOWN"):
        evidence.call("witness", b"x" * 32, sender=CAROL)
    with reverts("E_UNKNOWN"):
        evidence.view("is_confirmed", b"x" * 32)
    assert evidence.chain.host.state == before


def test_what_cannot_be_deposited(evidence: LocalContract) -> None:
    """A digest is deposited once, by whomever; digests, media types and sizes have bounds."""
    deposit(evidence)
    with reverts("E_DUP"):
        deposit(evidence, sender=BOB)
    for digest in (b"", b"x" * 19, b"x" * 65):
        with reverts("E_DIGEST"):
            deposit(evidence, digest)
    for digest in (b"x" * 20, b"x" * 64):
        deposit(evidence, digest)
    with reverts("E_MEDIA_TYPE"):
        evidence.call("deposit", b"y" * 32, "x" * 101, 1, sender=ALICE)
    with reverts("E_SIZE"):
        evidence.call("deposit", b"y" * 32, "text/plain", -1, sender=ALICE)


def test_deposits_are_listed_by_owner_in_pages(evidence: LocalContract) -> None:
    """Pages follow one another by cursor without gap or repetition, for each owner alone."""
    digests = [bytes([number]) * 32 for number in range(5)]
    for digest in reversed(digests):
        deposit(evidence, digest)
    deposit(evidence, b"\xff" * 32, sender=BOB)
    pages, cursor = [], None
    while True:
        page, cursor = evidence.view("by_owner", ALICE, cursor, 2)
        pages.append(page)
        if cursor is None:
            break
    assert pages == [digests[:2], digests[2:4], digests[4:]]
    assert evidence.view("by_owner", BOB) == ([b"\xff" * 32], None)
    assert evidence.view("by_owner", CAROL) == ([], None)
    assert (evidence.view("count", ALICE), evidence.view("count", CAROL)) == (5, 0)
    for limit in (0, 101):
        with reverts("E_LIMIT"):
            evidence.view("by_owner", ALICE, None, limit)


def test_a_deposit_has_room_for_a_bounded_number_of_witnesses(evidence: LocalContract) -> None:
    """The record of a deposit stays small, whoever crowds it."""
    deposit(evidence)
    for number in range(32):
        assert evidence.call("witness", DIGEST, sender=f"{number:064x}") == number + 1
    with reverts("E_FULL"):
        evidence.call("witness", DIGEST, sender=BOB)


def test_the_number_of_witnesses_is_agreed_at_deployment() -> None:
    """One witness unless said otherwise; a number that nobody could reach is refused, and nothing is deployed."""
    chain = LocalChain()
    assert chain.deploy("one", source("evidence"), sender=ALICE).view("witnesses_required") == 1
    for required in (0, 33):
        with reverts("E_REQUIRED"):
            chain.deploy("other", source("evidence"), required, sender=ALICE)
    assert list(chain.contracts) == ["one"]
    with pytest.raises(CallFailed) as failed:
        chain.contracts["one"].call("setup", 5, sender=ALICE)
    assert failed.value.code == "unknown_method"
