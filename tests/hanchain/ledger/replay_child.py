"""Executes recorded blocks in a process of its own and prints what they gave; run by ``test_determinism``.

Execution verifies no transaction's signature: where the libraries for that are missing, as in an interpreter without
packages, stand-ins take their place.
"""

import importlib.util
import json
import sys
from itertools import chain, repeat
from types import ModuleType
from unittest.mock import MagicMock

CRYPTOGRAPHY = """cryptography cryptography.exceptions cryptography.hazmat.primitives.asymmetric.ed25519
cryptography.hazmat.primitives.ciphers.aead cryptography.hazmat.primitives.serialization cryptography.utils
cryptography.x509 cryptography.x509.oid nacl nacl.pwhash nacl.utils"""


class BadSignatureError(Exception):
    """As the library's."""


def stand_in():
    """Make the libraries importable that execution never calls, but for the check of one of them when it is loaded."""
    for name in CRYPTOGRAPHY.split():
        sys.modules[name] = MagicMock()
    answers = chain((True,), repeat(False, 4))

    def crypto_sign_open(signed, public_key):
        if not next(answers):
            raise BadSignatureError

    bindings, exceptions = ModuleType("nacl.bindings"), ModuleType("nacl.exceptions")
    exceptions.BadSignatureError = BadSignatureError
    bindings.crypto_sign_open = crypto_sign_open
    bindings.crypto_sign = bindings.crypto_sign_seed_keypair = bindings.randombytes = None
    bindings.crypto_sign_BYTES, bindings.crypto_sign_PUBLICKEYBYTES, bindings.crypto_sign_SEEDBYTES = 64, 32, 32
    sys.modules.update({"nacl.bindings": bindings, "nacl.exceptions": exceptions})


def replay(recorded):
    """Return block hash, receipts and writes of each recorded block, in hexadecimal."""
    from hanchain.crypto import default_suite
    from hanchain.ledger.block import Body, transactions_root
    from hanchain.ledger.execution import Catalogue, Ordering, Parent, Rules, apply_block, system_registry
    from hanchain.ledger.memory import MemoryState
    from hanchain.ledger.parameters import Parameters

    suite = default_suite()
    parameters = Parameters(**recorded["parameters"])
    rules = Rules(
        suite=suite,
        chain_id=bytes.fromhex(recorded["chain_id"]),
        validators_hash=bytes.fromhex(recorded["validators_hash"]),
        parameters=parameters,
        parameters_hash=parameters.hash(suite),
        registry=system_registry(),
    )
    state, catalogue = MemoryState(suite), Catalogue(parameters)
    parent = Parent(0, bytes.fromhex(recorded["block0_hash"]))
    outputs = []
    for block in recorded["blocks"]:
        transactions = tuple(map(bytes.fromhex, block["transactions"]))
        height = parent.height + 1
        digest = suite.hash(b"proposal %d" % height)
        root = transactions_root(transactions, suite)
        ordering = Ordering(height, 0, digest, root, 2, 3, block["timestamp_ms"])
        executed = apply_block(state, ordering, Body(transactions), parent, rules, catalogue)
        state.commit(executed.writes)
        parent = executed.as_parent
        writes = [[key.hex(), None if value is None else value.hex()] for key, value in executed.writes]
        receipts = [receipt.hex() for receipt in executed.encoded_receipts]
        outputs.append([executed.block_hash.hex(), receipts, writes])
    return outputs


if __name__ == "__main__":
    if importlib.util.find_spec("nacl") is None:
        stand_in()
    from contracts.thread import in_deep_thread

    blocks = json.load(sys.stdin)
    sys.stdout.write(json.dumps(in_deep_thread(lambda: replay(blocks))))
