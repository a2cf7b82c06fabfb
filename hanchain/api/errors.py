"""How refusals look to a client: JSON-RPC 2.0 codes, with the reason that programs match on in ``data.reason``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from hanchain.api.limits import DETAIL_LENGTH_MAX
from hanchain.api.strictjson import Json
from hanchain.ledger.reasons import Reason, Rejection

INTERNAL_REASON: Final = "internal"  # our fault, so not a reason of the ledger


class Code(IntEnum):
    """Error codes: those of JSON-RPC 2.0 section 5.1, and the application's from -32000 down."""

    PARSE = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL = -32603
    REFUSED = -32000  # the node judged the content; data.reason says how
    NOT_FOUND = -32001
    BUSY = -32002  # nothing is wrong with the request: try again later or elsewhere
    TIMEOUT = -32003  # it did not happen in time; it still may


MESSAGES: Final[Mapping[Code, str]] = MappingProxyType(
    {
        Code.PARSE: "not JSON",
        Code.INVALID_REQUEST: "not a JSON-RPC 2.0 request",
        Code.METHOD_NOT_FOUND: "no such method",
        Code.INVALID_PARAMS: "invalid parameters",
        Code.INTERNAL: "internal error; the node's log has more under the id in the detail",
        Code.REFUSED: "refused",
        Code.NOT_FOUND: "not found",
        Code.BUSY: "busy, try again later",
        Code.TIMEOUT: "not in the given time",
    }
)

_CODES: Final[Mapping[Reason, Code]] = MappingProxyType(
    {
        Reason.NOT_FOUND: Code.NOT_FOUND,
        Reason.BUSY: Code.BUSY,
        Reason.POOL_FULL: Code.BUSY,
        Reason.NOT_READY: Code.BUSY,
        Reason.TIMEOUT: Code.TIMEOUT,
    }
)

_HTTP: Final[Mapping[Code, int]] = MappingProxyType(
    {
        Code.NOT_FOUND: 404,
        Code.METHOD_NOT_FOUND: 404,
        Code.BUSY: 429,
        Code.TIMEOUT: 408,
        Code.INTERNAL: 500,
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One refusal, ready to be told."""

    code: Code
    reason: str  # a value of Reason, or "internal"
    detail: str

    def document(self) -> dict[str, Json]:
        """Return the JSON-RPC error object."""
        detail = self.detail
        if len(detail) > DETAIL_LENGTH_MAX:
            detail = detail[: DETAIL_LENGTH_MAX - 1] + "…"
        return {
            "code": int(self.code),
            "message": MESSAGES[self.code],
            "data": {"reason": str(self.reason), "detail": detail},
        }

    @property
    def http_status(self) -> int:
        """Status of a plain HTTP answer (REST, binary): 400 unless there is a better one."""
        if self.reason == Reason.OVERSIZED:
            return 413
        return _HTTP.get(self.code, 400)


def refusal(rejection: Rejection) -> Failure:
    """Return the failure for what the node refused."""
    return Failure(_CODES.get(rejection.reason, Code.REFUSED), rejection.reason, rejection.detail)


def bad_request(rejection: Rejection) -> Failure:
    """Return the failure for parameters that do not fit the method."""
    return Failure(Code.INVALID_PARAMS, rejection.reason, rejection.detail)


def internal(incident: str) -> Failure:
    """Return the failure for our own error: only the id under which the log tells more."""
    return Failure(Code.INTERNAL, INTERNAL_REASON, incident)
