"""JSON-RPC 2.0: from the bytes of a request to the bytes of its answer. Knows methods, not HTTP.

Calls of a batch run in order, so a batch can submit and then wait. The answer's size and the time of the whole request
are bounded: calls that find no room or time left are refused, each for itself.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from hanchain.api import limits
from hanchain.api.errors import Code, Failure, bad_request, internal, refusal
from hanchain.api.method import Context, Method
from hanchain.api.methods import METHODS
from hanchain.api.strictjson import Json, dump, parse
from hanchain.ledger.reasons import Reason, Rejection

_log = structlog.get_logger("hanchain.api")

_FIELDS: Final = frozenset({"jsonrpc", "method", "params", "id"})

RequestId = int | str | None


@dataclass(frozen=True, slots=True)
class Call:
    """A well-formed request; a notification wants no answer."""

    method: str
    params: object
    id: RequestId
    notification: bool


@dataclass(frozen=True, slots=True)
class Invalid:
    """A request that is none, with the id to answer to if it has a readable one."""

    id: RequestId
    failure: Failure


Outcome = Callable[[str, str], None]  # (method, reason or "ok"): for the metrics


class Dispatcher:
    """Answers JSON-RPC requests, and single calls of the other routes, on one context."""

    def __init__(self, context: Context, outcome: Outcome, request_ms_max: int = limits.REQUEST_MS_MAX) -> None:
        self._context = context
        self._outcome = outcome
        self._request_ms_max = request_ms_max

    async def answer(self, body: bytes) -> bytes | None:
        """Return the answer to the request in ``body``, None if it has only notifications. Raises for no input."""
        try:
            document = parse(body)
        except Rejection as rejection:
            self._outcome("", rejection.reason)
            code = Code.INVALID_REQUEST if rejection.reason is Reason.OVERSIZED else Code.PARSE
            return dump(error_answer(None, Failure(code, rejection.reason, rejection.detail)))
        deadline = asyncio.get_running_loop().time() + self._request_ms_max / 1000
        if not isinstance(document, list):
            return await self._answer_one(read_call(document), limits.ANSWER_BYTES_MAX, deadline)
        requests = read_batch(document)
        if isinstance(requests, Failure):
            self._outcome("", requests.reason)
            return dump(error_answer(None, requests))
        answers: list[bytes] = []
        room = limits.ANSWER_BYTES_MAX
        for request in requests:
            answer = await self._answer_one(request, room, deadline)
            if answer is not None:
                answers.append(answer)
                room -= len(answer)
        return b"[" + b",".join(answers) + b"]" if answers else None

    async def run(self, method: Method, read: Callable[[], Mapping[str, Any]], deadline: float) -> Json | Failure:
        """Run one call whose arguments ``read`` gives; whatever happens, a result or a failure comes back."""
        try:
            try:
                arguments = read()
            except Rejection as rejection:
                return self._failed(method, bad_request(rejection))
            async with asyncio.timeout_at(deadline):
                result = await method.handler(self._context, **arguments)
        except Rejection as rejection:
            return self._failed(method, refusal(rejection))
        except TimeoutError:
            return self._failed(method, Failure(Code.TIMEOUT, Reason.TIMEOUT, "the request took too long"))
        except Exception:  # noqa: BLE001  # our fault must not become the client's traceback
            incident = secrets.token_hex(8)
            _log.exception("api_call_failed", method=method.name, incident=incident)
            return self._failed(method, internal(incident))
        self._outcome(method.name, "ok")
        return result

    def _failed(self, method: Method, failure: Failure) -> Failure:
        self._outcome(method.name, failure.reason)
        _log.debug("api_call_refused", method=method.name, reason=str(failure.reason), detail=failure.detail[:128])
        return failure

    async def _answer_one(self, request: Call | Invalid, room: int, deadline: float) -> bytes | None:
        if isinstance(request, Invalid):
            self._outcome("", request.failure.reason)
            return dump(error_answer(request.id, request.failure))
        result = await self._result(request, room, deadline)
        if request.notification:
            return None
        if isinstance(result, Failure):
            return dump(error_answer(request.id, result))
        answer = dump({"jsonrpc": "2.0", "id": request.id, "result": result})
        if len(answer) > room:
            detail = "the answer is larger than a response may be; ask for less at a time"
            return dump(error_answer(request.id, Failure(Code.REFUSED, Reason.OVERSIZED, detail)))
        return answer

    async def _result(self, call: Call, room: int, deadline: float) -> Json | Failure:
        method = METHODS.get(call.method)
        if method is None:
            self._outcome("", Reason.UNKNOWN_METHOD)
            detail = f"{call.method[:64]!a}; rpc_methods lists all"
            return Failure(Code.METHOD_NOT_FOUND, Reason.UNKNOWN_METHOD, detail)
        if room <= 0:
            return Failure(Code.REFUSED, Reason.OVERSIZED, "the answers before this one fill the response")
        return await self.run(method, lambda: method.bind(call.params), deadline)


def error_answer(request_id: RequestId, failure: Failure) -> dict[str, object]:
    """Return the JSON-RPC answer that tells ``failure``."""
    return {"jsonrpc": "2.0", "id": request_id, "error": failure.document()}


def read_call(document: object) -> Call | Invalid:
    """Return the request in ``document``, or why it is none."""
    if not isinstance(document, dict):
        return _invalid(None, "object expected")
    request_id = document.get("id")
    if not _is_id(request_id):
        return _invalid(None, f"id: an integer, null or a string of at most {limits.ID_LENGTH_MAX} characters expected")
    if document.get("jsonrpc") != "2.0":
        return _invalid(request_id, 'jsonrpc: "2.0" expected')
    unknown = sorted(document.keys() - _FIELDS)
    if unknown:
        return _invalid(request_id, f"unknown field {unknown[0][:64]!a}")
    method = document.get("method")
    if not isinstance(method, str):
        return _invalid(request_id, "method: string expected")
    params = document.get("params", [])
    if not isinstance(params, list | dict):
        return _invalid(request_id, "params: array or object expected")
    return Call(method, params, request_id, notification="id" not in document)


def read_batch(documents: list[object]) -> list[Call | Invalid] | Failure:
    """Return the requests of a batch, or why the whole of it is refused before anything of it runs."""
    if not documents:
        return Failure(Code.INVALID_REQUEST, Reason.MALFORMED, "an empty batch")
    if len(documents) > limits.BATCH_CALLS_MAX:
        detail = f"a batch of {len(documents)} calls, at most {limits.BATCH_CALLS_MAX}"
        return Failure(Code.INVALID_REQUEST, Reason.OVERSIZED, detail)
    requests = [read_call(document) for document in documents]
    seen: set[RequestId] = set()
    for request in requests:
        if isinstance(request, Invalid) or request.id is None:
            continue
        if request.id in seen:  # two answers to one id cannot be told apart
            return Failure(Code.INVALID_REQUEST, Reason.NOT_UNIQUE, f"the id {request.id!a} stands twice in the batch")
        seen.add(request.id)
    return requests


def _invalid(request_id: RequestId, detail: str) -> Invalid:
    return Invalid(request_id, Failure(Code.INVALID_REQUEST, Reason.MALFORMED, detail))


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= limits.ID_LENGTH_MAX
    return value is None or (type(value) is int and abs(value) <= limits.SAFE_INTEGER_MAX)
