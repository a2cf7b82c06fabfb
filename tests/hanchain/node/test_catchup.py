"""Catching up: whom to ask, when to ask another, and which answers to believe."""

import dataclasses

import pytest

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits
from hanchain.node.catchup import Ask, CatchUp, body_matches
from hanchain.node.wire import BlocksRequest, BlocksResponse, OrderedRecord

PEERS = ["a", "b", "c"]


@pytest.fixture
def catchup(world):
    """Return a new catch-up."""
    return CatchUp(world.suite, world.context, world.genesis.validator_set, world.genesis.validators_hash)


@pytest.fixture
def aim(world, catchup):
    """Return a function that aims at a height."""
    return lambda height: catchup.aim(world.certificate(height, b"h" * 32))


@pytest.fixture(scope="module")
def source(world):
    """Return a chain of five sealed blocks, of which 2 and 3 have no certificate of their own."""
    chain, _ = world.sealed_chain(5, uncertified={2, 3})
    return chain


# --------------------------------------------------------------------------------------------------------------- asking


def test_nothing_is_asked_without_a_certificate(catchup):
    """Without a target, which only a certificate sets, nobody is asked."""
    assert (catchup.target, catchup.next_ask(0, PEERS, 0), catchup.deadline_ms) == (None, None, None)


def test_a_request_goes_from_the_executed_height_to_the_target(catchup, aim):
    """The request begins above what is executed here and ends at the target, within the bound of one request."""
    aim(5)
    assert catchup.next_ask(3, PEERS, 100) == Ask("a", BlocksRequest(4, 2))
    assert catchup.deadline_ms == 100 + limits.SYNC_TIMEOUT_MS
    aim(10_000)
    assert catchup.target == 10_000
    assert catchup.next_ask(3, ["b"], 101) == Ask("b", BlocksRequest(4, limits.SYNC_BLOCKS_MAX))


def test_a_lower_certificate_does_not_lower_the_target(catchup, aim):
    """Targets only rise until they are reached."""
    aim(5)
    aim(3)
    assert catchup.target == 5


def test_one_request_at_a_time(catchup, aim):
    """While a request is under way, or its answer at work, nobody else is asked."""
    aim(5)
    catchup.next_ask(0, PEERS, 0)
    assert catchup.next_ask(0, PEERS, 1) is None
    assert catchup.accept("a", BlocksResponse(1, ()))
    assert catchup.next_ask(0, PEERS, 10**9) is None
    catchup.finished("a", useful=True)
    assert catchup.next_ask(2, PEERS, 2) == Ask("b", BlocksRequest(3, 3))


def test_a_time_out_passes_to_the_next_peer(catchup, aim):
    """A peer that does not answer in time is passed over, and its late answer is not taken."""
    aim(1)
    assert catchup.next_ask(0, PEERS, 0).peer == "a"
    assert catchup.next_ask(0, PEERS, limits.SYNC_TIMEOUT_MS - 1) is None
    assert catchup.next_ask(0, PEERS, limits.SYNC_TIMEOUT_MS).peer == "b"
    assert not catchup.accept("a", BlocksResponse(1, ()))
    assert not catchup.accept("b", BlocksResponse(2, ()))
    assert catchup.accept("b", BlocksResponse(1, ()))


def test_a_peer_that_left_is_passed_over_at_once(catchup, aim):
    """No time-out is waited for when the asked peer is gone."""
    aim(1)
    assert catchup.next_ask(0, PEERS, 0).peer == "a"
    assert catchup.next_ask(0, ["b", "c"], 1).peer == "b"


def test_peers_take_turns_and_useless_ones_wait(catchup, aim):
    """Requests go round; a peer whose answer did not help is left out until all others were asked in vain."""
    aim(100)
    asked = []
    now_ms = 0
    for useful in (True, False, True, True, True):
        ask = catchup.next_ask(0, PEERS, now_ms)
        asked.append(ask.peer)
        assert catchup.accept(ask.peer, BlocksResponse(1, ()))
        catchup.finished(ask.peer, useful=useful)
    assert asked == ["a", "b", "c", "a", "c"]


def test_when_nobody_can_help_there_is_a_rest(catchup, aim):
    """A target that no peer can serve yet is asked for again after a pause, not in a busy loop."""
    aim(1)
    for peer in PEERS:
        assert catchup.next_ask(0, PEERS, 5).peer == peer
        assert catchup.accept(peer, BlocksResponse(1, ()))
        catchup.finished(peer, useful=False)
    assert catchup.next_ask(0, PEERS, 5) is None
    assert catchup.next_ask(0, PEERS, 5 + limits.SYNC_PAUSE_MS - 1) is None
    assert catchup.next_ask(0, PEERS, 5 + limits.SYNC_PAUSE_MS) == Ask("a", BlocksRequest(1, 1))


def test_a_reached_target_is_forgotten(catchup, aim):
    """Once the target is executed, by whatever way, nothing is asked and the node is up to date."""
    aim(3)
    catchup.next_ask(0, PEERS, 0)
    assert catchup.next_ask(3, PEERS, 1) is None
    assert (catchup.target, catchup.deadline_ms) == (None, None)
    assert not catchup.accept("a", BlocksResponse(1, ()))


def test_without_peers_nobody_is_asked(catchup, aim):
    """A node on its own waits for peers."""
    aim(3)
    assert catchup.next_ask(0, [], 0) is None
    assert catchup.next_ask(0, ["c"], 1).peer == "c"


# ------------------------------------------------------------------------------------------------------------ believing


def response(source, first=1, last=5):
    """Return an honest answer."""
    return source.serve(BlocksRequest(first, last - first + 1), source.height)


def changed(answer, index, **changes):
    """Return an answer with one block changed."""
    blocks = list(answer.blocks)
    blocks[index] = dataclasses.replace(blocks[index], **changes)
    return BlocksResponse(answer.from_height, tuple(blocks))


def refusal(catchup, source, answer, previous=None):
    """Return why an answer is a lie."""
    previous = source.block_hash(answer.from_height - 1) if previous is None else previous
    with pytest.raises(Rejection) as caught:
        catchup.verify(answer, previous)
    return caught.value.reason, caught.value.detail


def test_an_honest_answer_is_believed(catchup, source):
    """Every block comes back with its hash, digest, record and certificate; a later certificate covers some."""
    blocks = catchup.verify(response(source), source.block_hash(0))
    assert [b.block_hash for b in blocks] == [source.block_hash(h) for h in range(1, 6)]
    assert [b.digest for b in blocks] == [source.header(h).proposal_digest for h in range(1, 6)]
    assert [b.certificate for b in blocks] == [source.certificate(h) for h in range(1, 6)]
    assert blocks[1].certificate is None


def test_a_tail_without_certificate_is_dropped(catchup, source):
    """Blocks above the last certificate of an answer are not believed, and are no lie either."""
    answer = response(source)
    answer = changed(answer, 4, certificate=b"")
    assert [b.header.height for b in catchup.verify(answer, source.block_hash(0))] == [1, 2, 3, 4]
    answer = BlocksResponse(2, answer.blocks[1:3])
    assert catchup.verify(answer, source.block_hash(1)) == []
    assert catchup.verify(BlocksResponse(1, ()), source.block_hash(0)) == []


def test_a_wrong_parent_is_refused(catchup, source):
    """A first block that does not build on ours, or a gap between blocks, is refused."""
    assert refusal(catchup, source, response(source), b"x" * 32) == (
        Reason.INCONSISTENT,
        "height 1: parent hash differs",
    )
    answer = response(source)
    answer = BlocksResponse(1, (answer.blocks[0], *answer.blocks[2:]))
    assert refusal(catchup, source, answer) == (Reason.INCONSISTENT, "height 2: header of another height or chain")


def test_a_wrong_body_or_proposal_is_refused(world, catchup, source):
    """A record whose body, header or commitment is not the one that was sealed is refused."""
    answer = response(source)
    record = OrderedRecord.decode(answer.blocks[0].ordered, world.suite)
    other = world.proposal([world.transaction()])
    body = dataclasses.replace(record, body=other.body).encode()
    assert refusal(catchup, source, changed(answer, 0, ordered=body)) == (
        Reason.INCONSISTENT,
        "height 1: another body",
    )
    foreign = OrderedRecord(other.header, other.body, b"").encode()
    assert refusal(catchup, source, changed(answer, 0, ordered=foreign))[1] == "height 1: another proposal"
    assert refusal(catchup, source, changed(answer, 0, ordered=b"\x90"))[0] is Reason.MALFORMED


def test_a_body_after_a_missing_one_is_refused(catchup, source):
    """Only the end of an answer may be headers alone."""
    answer = changed(response(source), 1, ordered=b"")
    assert refusal(catchup, source, answer)[0] is Reason.INCONSISTENT
    assert catchup.verify(changed(response(source, 5), 0, ordered=b""), source.block_hash(4)) == []


def test_a_header_of_another_chain_is_refused(world, catchup, source):
    """A header of another chain, validator set or suite is refused before its certificate is looked at."""
    answer = response(source, 1, 1)
    header = source.header(1)
    for changes, words in (
        ({"chain_id": b"x" * 32}, "height 1: header of another height or chain"),
        ({"validators_hash": b"x" * 32}, "height 1: sealed by another validator set"),
        ({"parent_hash": b"x" * 32}, "height 1: parent hash differs"),
    ):
        forged = dataclasses.replace(header, **changes).encode()
        assert refusal(catchup, source, changed(answer, 0, header=forged)) == (Reason.INCONSISTENT, words)
    assert refusal(catchup, source, changed(answer, 0, header=b"\x90"))[0] is Reason.MALFORMED


def test_a_wrong_certificate_is_refused(world, catchup, source):
    """A certificate of another height, hash or epoch, with forged or too few signatures, or garbage, is refused."""
    answer = response(source, 1, 1)
    good = source.certificate(1)
    forged = dataclasses.replace(
        good, seals=dataclasses.replace(good.seals, signatures=(b"x" * 64, *good.seals.signatures[1:]))
    )
    few = dataclasses.replace(
        good, seals=dataclasses.replace(good.seals, bitmap=b"\x03", signatures=good.seals.signatures[:2])
    )
    for certificate in (
        world.certificate(2, good.block_hash),
        world.certificate(1, b"x" * 32),
        dataclasses.replace(good, epoch=1),
        forged,
        few,
    ):
        reason, _ = refusal(catchup, source, changed(answer, 0, certificate=certificate.encode()))
        assert reason is Reason.BAD_CERTIFICATE
    assert refusal(catchup, source, changed(answer, 0, certificate=b"\x90"))[0] is Reason.BAD_CERTIFICATE


def test_a_changed_result_breaks_the_certificate(catchup, source):
    """Whatever header field a liar changes, the hash is another and the certificate does not cover it."""
    answer = response(source, 1, 1)
    for field in ("state_root", "receipts_root", "transactions_root", "proposal_digest"):
        forged = dataclasses.replace(source.header(1), **{field: b"x" * 32}).encode()
        assert refusal(catchup, source, changed(answer, 0, header=forged))[0] is Reason.BAD_CERTIFICATE


def test_a_body_matches_only_its_header(world):
    """Consensus asks for bodies by digest: count, size, roots and form must all be those of the header."""
    proposal = world.proposal([world.transaction(), world.transaction()])
    header, body = proposal.header, proposal.body
    assert body_matches(header, body, world.suite)
    for wrong in (
        dataclasses.replace(header, tx_count=1),
        dataclasses.replace(header, body_bytes=len(body) + 1),
        dataclasses.replace(header, tx_root=b"x" * 32),
        dataclasses.replace(header, evidence_root=b"x" * 32),
    ):
        assert not body_matches(wrong, body, world.suite)
    assert not body_matches(header, body + b"\0", world.suite)
    assert not body_matches(header, world.proposal([world.transaction()]).body, world.suite)
