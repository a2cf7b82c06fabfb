"""The reference of the interface in Markdown, derived from the table of methods like everything else.

``python -m hanchain.api.reference`` prints ``docs/api.md``; a test holds that file equal to the table.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from hanchain.api.method import Method, Parameter, Required
from hanchain.api.methods import METHODS
from hanchain.api.strictjson import dump

_INTRODUCTION = """\
# The interface of a node

JSON-RPC 2.0 at `POST /rpc`, in batches of up to 100 calls, and the same reads as `GET` under `/v1/`. Parameters go by
name or by position; in an address those beside the path go as a query, lists as JSON: `?args=["S1",5]`, with `curl -g`.
Many transactions at once go in one binary request: `POST /v1/transactions`, a MessagePack array of envelopes, answered
by an array of an id or `[reason, detail]` for each. Beside it: `/health/live`, `/health/ready` and `/metrics`
(Prometheus).

**Typed fields** (ids, heights, keys). Bytes are `"0x…"`, integers are JSON numbers up to 2^53 - 1 and decimal strings
beyond.

**Contract values** (arguments, results, stored values, fields of events), whose type is the contract's affair:

| value | JSON |
|---|---|
| none, bool | `null`, `true`, `false` |
| integer up to ±(2^53 - 1) | number |
| integer beyond | `{"integer": "18446744073709551615"}` |
| bytes | `"0x00ff"` |
| text | string |
| text that begins with `0x` | `{"text": "0x…"}` |
| list, tuple, record | array, a record's fields in their order |
| dict | array of `[key, value]`, ascending by key |
| state of a state machine | its number |

**Errors** are `{"code", "message", "data": {"reason", "detail"}}`; `reason` is a value of one enum that programs can
match on (`hanchain.ledger.reasons.Reason`, or a contract's own code such as `E_DUP` in a receipt).

What a node answers is its word, except where there is a proof: `tx_get`, `state_get` with `prove`, `event_proof`. The
client library verifies those, and `hanchain verify` does it with no network at all.

This page is made from the node's own table of methods; a node prints the same with `rpc_methods`.
"""


def reference() -> str:
    """Return the whole page."""
    return "\n".join((_INTRODUCTION, *(line for method in METHODS.values() for line in _section(method))))


def _section(method: Method) -> Iterator[str]:
    yield f"## `{method.name}`\n"
    yield f"{method.doc}\n"
    if method.parameters:
        yield "| parameter | type | default | meaning |"
        yield "|---|---|---|---|"
        yield from map(_row, method.parameters)
        yield ""
    yield f"Returns: {method.result}\n"
    if method.path is not None:
        yield f"REST: `GET {method.path}`\n"


def _row(parameter: Parameter) -> str:
    default = "required" if isinstance(parameter.default, Required) else f"`{dump(parameter.default).decode()}`"
    return f"| `{parameter.name}` | {parameter.kind.name} | {default} | {parameter.doc} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
