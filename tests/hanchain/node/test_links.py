"""Who may be a peer."""

import dataclasses

import pytest

from hanchain.crypto.certificates import create_authority, der_of, issue_node_certificate
from hanchain.node.links import judge_link
from hanchain.node.wire import Hello
from p2p.handshake import Admitted, Refused


def hello(world, **changes):
    """Return the hello of a node of the chain."""
    genesis = world.genesis
    return dataclasses.replace(Hello(1, genesis.chain_name, genesis.chain_id, "any", "0.1.0"), **changes).encode()


def test_a_validator_is_admitted_under_the_name_in_genesis(world):
    """The key of the certificate decides who it is, not the name that it gives itself."""
    assert judge_link(world.genesis, world.certificates[2], hello(world)) == Admitted("node2")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"protocol": 2}, "wrong_protocol"),
        ({"chain_name": "other"}, "wrong_chain"),
        ({"chain_id": b"x" * 32}, "wrong_genesis"),
    ],
)
def test_a_stranger_is_told_why(world, changes, reason):
    """Another protocol, chain or genesis is refused with both sides' values in words."""
    refused = judge_link(world.genesis, world.certificates[0], hello(world, **changes))
    assert isinstance(refused, Refused)
    assert refused.reason == reason


def test_a_key_that_genesis_does_not_list_is_refused(world):
    """A good certificate of a node that is no validator does not help, nor does a hello that is none."""
    authority = create_authority("Other", now=_now(), days=10)
    der = der_of(issue_node_certificate(authority, "node0", ["x"], now=_now(), days=5).certificate_pem)
    assert judge_link(world.genesis, der, hello(world)).reason == "not_a_member"
    assert judge_link(world.genesis, world.certificates[0], b"\xc0").reason == "malformed_hello"


def _now():
    from datetime import UTC, datetime

    return datetime(2026, 1, 1, tzinfo=UTC)
