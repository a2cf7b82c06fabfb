"""Methods about contracts and their state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hanchain.api import kinds
from hanchain.api.convert import to_json
from hanchain.api.method import Context, Method, Parameter
from hanchain.api.strictjson import Json
from hanchain.ledger.codec import Value


async def _contract_call(context: Context, *, contract: str, method: str, args: Sequence[Value]) -> Json:
    height, value = await context.service.view(contract, method, args)
    return {"height": height, "value": to_json(value)}


CONTRACT_METHODS: Final = (
    Method(
        name="contract_call",
        doc="Call a view method of a contract on the last executed state. Changes nothing.",
        parameters=(
            Parameter("contract", kinds.NAME, "name of the contract"),
            Parameter("method", kinds.NAME, "name of the view method"),
            Parameter("args", kinds.ARGUMENTS, 'arguments; "0x…" is bytes, any other string is text', default=[]),
        ),
        result="height (of the state), value",
        handler=_contract_call,
        path="/v1/contracts/{contract}/views/{method}",
    ),
)
