"""The table of methods is consistent with itself."""

import inspect
import re
from pathlib import Path

import pytest

from hanchain.api.method import Required
from hanchain.api.methods import METHODS
from hanchain.api.reference import reference
from hanchain.ledger.reasons import Reason, Rejection

ROOT = Path(__file__).resolve().parents[3]
NAMES = {
    "chain_status",
    "tx_submit",
    "tx_submit_batch",
    "tx_status",
    "tx_wait",
    "tx_get",
    "block_get",
    "contract_call",
    "contract_list",
    "contract_get",
    "contract_abi",
    "state_get",
    "event_proof",
    "validators_get",
    "genesis_get",
    "peers",
    "rpc_methods",
}


def test_names():
    """The methods of this version are these."""
    assert set(METHODS) == NAMES


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_consistent(method):
    """Parameters are the handler's arguments, defaults are valid, paths name parameters, everything is described."""
    context, *arguments = inspect.signature(method.handler).parameters.values()
    assert context.name in ("context", "_")
    assert [argument.name for argument in arguments] == [parameter.name for parameter in method.parameters]
    assert all(argument.kind is argument.KEYWORD_ONLY for argument in arguments)
    for parameter in method.parameters:
        assert parameter.doc
        assert parameter.kind.schema
        if not isinstance(parameter.default, Required):
            parameter.kind.read(parameter.default, parameter.name)
    assert method.doc.endswith((".", ")."))
    assert method.result
    if method.path is not None:
        assert method.path.startswith("/v1/")
        assert set(re.findall(r"\{(\w+)\}", method.path)) <= {parameter.name for parameter in method.parameters}


def test_optional_parameters_come_last():
    """A call by position can leave out what has a default."""
    for method in METHODS.values():
        optional = [not isinstance(parameter.default, Required) for parameter in method.parameters]
        assert optional == sorted(optional), method.name


def test_bind():
    """Parameters bind by name, by position and by default to the same arguments."""
    method = METHODS["contract_call"]
    expected = {"contract": "sys.anchor", "method": "find", "args": [b"\x01"]}
    assert method.bind({"contract": "sys.anchor", "method": "find", "args": ["0x01"]}) == expected
    assert method.bind(["sys.anchor", "find", ["0x01"]]) == expected
    assert method.bind(["sys.anchor", "find"]) == {**expected, "args": []}
    assert METHODS["peers"].bind(None) == METHODS["peers"].bind([]) == METHODS["peers"].bind({}) == {}


@pytest.mark.parametrize(
    ("name", "params", "detail"),
    [
        ("peers", [1], "1 parameters, peers takes 0"),
        ("peers", {"all": True}, "unknown parameter 'all'; peers takes none"),
        ("tx_status", {}, "id: missing; 0x hash expected"),
        ("tx_status", {"id": "0x" + "00" * 15}, "id: 15 bytes, at least 16"),
        ("tx_status", {"txid": "0x"}, "unknown parameter 'txid'; tx_status takes id"),
        ("tx_wait", ["0x" + "00" * 32, 0], "timeout_ms: 0 is not in 1..120000"),
        ("tx_wait", ["0x" + "00" * 32, True], "timeout_ms: integer expected"),
        ("tx_wait", ["0x" + "00" * 32, 1.5], "timeout_ms: integer expected"),
        ("tx_submit_batch", [[]], "transactions: empty"),
        ("tx_submit_batch", ["0x00"], "transactions: array expected"),
        (
            "tx_submit_batch",
            [["0x00", 5]],
            "transactions[1]: 0x and an even number of hexadecimal digits expected",
        ),
        ("block_get", ["first"], 'block: integer expected (or "latest", or a block hash)'),
        ("block_get", [-1], 'block: -1 is not in 0..9223372036854775807 (or "latest", or a block hash)'),
        ("block_get", [0, 1], "full: true or false expected"),
        ("contract_call", ["", "find"], "contract: 0 characters, 1..64 allowed"),
        ("contract_call", [1, "find"], "contract: string expected"),
        ("contract_call", ["sys.anchor", "find", "0x00"], "args: array expected"),
        ("contract_call", ["sys.anchor", "find", [1.5]], None),
        ("contract_call", ["sys.anchor", "find", [[[{"bytes": 5}]]]], None),
    ],
)
def test_bad_arguments(name, params, detail):
    """Parameters that do not fit are refused, and the detail says which and what is expected."""
    with pytest.raises(Rejection) as caught:
        METHODS[name].bind(params)
    assert caught.value.reason is Reason.BAD_ARGUMENTS
    assert detail in (None, caught.value.detail)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("tx_status", ["0x" + "00" * 65]),
        ("tx_submit", ["0x" + "00" * (128 * 1024 + 1)]),
        ("tx_submit_batch", [["0x00"] * 4097]),
        ("contract_call", ["sys.anchor", "find", [0] * 65]),
    ],
)
def test_oversized(name, params):
    """Parameters beyond a bound are refused as oversized."""
    with pytest.raises(Rejection) as caught:
        METHODS[name].bind(params)
    assert caught.value.reason is Reason.OVERSIZED


async def test_rpc_methods_describes_the_table(client):
    """``rpc_methods`` says of each method what the table says."""
    described = {entry["name"]: entry for entry in await client.result("rpc_methods")}
    assert set(described) == NAMES
    assert described["tx_wait"]["rest"] == "GET /v1/transactions/{id}/wait"
    assert described["tx_wait"]["parameters"][1] == {
        "name": "timeout_ms",
        "type": "integer 1..120000",
        "doc": "how long to wait, in milliseconds",
        "required": False,
        "schema": {"type": ["integer", "string"], "minimum": 1, "maximum": 120000},
        "default": 30000,
    }


def test_the_reference_is_that_of_this_version():
    """``docs/api.md`` is what the table says: ``python -m hanchain.api.reference > docs/api.md`` makes it again."""
    assert (ROOT / "docs" / "api.md").read_text() == reference()
    for name in NAMES:
        assert f"## `{name}`" in reference()
