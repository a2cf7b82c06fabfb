"""Who may be a peer: same protocol, same chain, and a node key that the genesis lists. Pure."""

from __future__ import annotations

from hanchain.crypto.certificates import public_key_of
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.reasons import Rejection
from hanchain.node.wire import NODE_PROTOCOL, Hello
from p2p.handshake import Admitted, Refused


def judge_link(genesis: Genesis, peer_certificate_der: bytes, hello: bytes) -> Admitted | Refused:
    """Judge a peer by its certificate (its authority was checked by TLS) and by what it says of itself."""
    try:
        said = Hello.decode(hello)
    except Rejection as error:
        return Refused("malformed_hello", error.detail)
    if said.protocol != NODE_PROTOCOL:
        return Refused("wrong_protocol", f"peer speaks protocol {said.protocol}, this node {NODE_PROTOCOL}")
    if said.chain_name != genesis.chain_name:
        return Refused("wrong_chain", f"peer is on chain {said.chain_name!r}, this node on {genesis.chain_name!r}")
    if said.chain_id != genesis.chain_id:
        return Refused(
            "wrong_genesis", f"peer's genesis is {said.chain_id.hex()[:16]}, this node's {genesis.chain_id.hex()[:16]}"
        )
    key = public_key_of(peer_certificate_der)
    for validator in genesis.validators:
        if validator.node_key == key:
            return Admitted(validator.name)
    return Refused("not_a_member", f"the certificate's key {key.hex()[:16]} is no validator's of this chain")
