"""Calls over HTTP to whichever node answers: the next node is asked when one cannot be reached, never when it refuses.

Everything sent here is safe to send again: reads change nothing and a transaction's id makes its submission
idempotent. That is why a call whose fate is unknown may be repeated at another node.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import aiohttp
from yarl import URL

from hanchain.ledger.json_reader import Json, read_json
from hanchain.ledger.reasons import Rejection
from hanchain.sdk import limits
from hanchain.sdk.errors import BadAddress, BadAnswer, RpcError, Unreachable
from hanchain.sdk.reading import fields_of

_UNAVAILABLE: Final = frozenset({502, 503, 504})  # a proxy in front of a node that is gone

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer, where it came from, and whether an attempt of unknown fate came before."""

    url: str
    status: int
    body: bytes
    retried: bool

    def read(self, reader: Callable[[Json], _T], document: Json) -> _T:
        """Return what ``reader`` makes of a part of this answer; raise BadAnswer if it has another shape."""
        try:
            return reader(document)
        except Rejection as rejection:
            raise BadAnswer(self.url, str(rejection)) from None

    def json(self) -> Json:
        """Return the body as JSON; raise BadAnswer if it is none."""
        try:
            return read_json(self.body, max_bytes=limits.BLOCK_BYTES_MAX)  # bounded when it was received
        except Rejection as rejection:
            raise BadAnswer(self.url, f"HTTP {self.status}: {rejection}") from None


class Transport:
    """Connections to the nodes of one network."""

    def __init__(self, urls: Sequence[str]) -> None:
        if not 1 <= len(urls) <= limits.NODES_MAX:
            raise ValueError(f"1..{limits.NODES_MAX} addresses of nodes expected")
        self._nodes = tuple(_node_url(url) for url in urls)
        self._current = 0  # the node that answered last
        self._session: aiohttp.ClientSession | None = None
        self._calls = 0

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def rpc(
        self,
        method: str,
        params: Mapping[str, object],
        timeout_ms: int = limits.REQUEST_MS,
        *,
        bytes_max: int | None = None,
    ) -> tuple[Answer, Json]:
        """Call a method; return the answer, of ``bytes_max`` at most, and its result.

        Raise RpcError, Unreachable, BadAnswer.
        """
        self._calls += 1
        call_id = self._calls
        request = {"jsonrpc": "2.0", "id": call_id, "method": method, "params": dict(params)}
        answer = await self._ask("/rpc", json.dumps(request).encode(), "application/json", timeout_ms, bytes_max)
        document = answer.json()
        fields = answer.read(lambda entry: fields_of(entry, ("jsonrpc", "id")), document)
        if "error" in document.value:
            raise self._refusal(answer, document.field("error"))
        if answer.status != 200 or fields["jsonrpc"].value != "2.0" or fields["id"].value != call_id:
            raise BadAnswer(answer.url, f"HTTP {answer.status}, not the answer to this JSON-RPC call")
        return answer, answer.read(lambda entry: fields_of(entry, ("result",))["result"], document)

    async def binary(self, body: bytes, timeout_ms: int = limits.REQUEST_MS) -> Answer:
        """Post a batch of transactions in MessagePack; return the answer. Raise as ``rpc`` does."""
        answer = await self._ask("/v1/transactions", body, "application/msgpack", timeout_ms)
        if answer.status != 200:
            document = answer.json()
            raise self._refusal(answer, answer.read(lambda entry: fields_of(entry, ("error",))["error"], document))
        return answer

    def _refusal(self, answer: Answer, error: Json) -> RpcError:
        def read(entry: Json) -> RpcError:
            fields = fields_of(entry, ("code", "message", "data"))
            data = fields_of(fields["data"], ("reason", "detail"))
            return RpcError(
                data["reason"].text(limits.NAME_LENGTH_MAX),
                fields["message"].text(limits.DETAIL_LENGTH_MAX),
                data["detail"].text(limits.DETAIL_LENGTH_MAX),
                code=fields["code"].integer(-(2**31), 2**31 - 1),
                retried=answer.retried,
            )

        return answer.read(read, error)

    async def _ask(
        self, path: str, body: bytes, content_type: str, timeout_ms: int, bytes_max: int | None = None
    ) -> Answer:
        """Post to the nodes in turn until one answers, beginning with the one that answered last."""
        attempts: list[tuple[str, str]] = []
        for round_number in range(limits.ROUNDS):
            if round_number:
                await asyncio.sleep(limits.BACKOFF_MS / 1000)
            for step in range(len(self._nodes)):
                position = (self._current + step) % len(self._nodes)
                node = self._nodes[position]
                try:
                    status, answer = await self._post(node / path[1:], body, content_type, timeout_ms, bytes_max)
                except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError, OSError) as error:
                    attempts.append((str(node), str(error) or type(error).__name__))
                    continue
                if status in _UNAVAILABLE:
                    attempts.append((str(node), f"HTTP {status}"))
                    continue
                self._current = position
                return Answer(str(node), status, answer, retried=bool(attempts))
        raise Unreachable(attempts)

    async def _post(
        self, url: URL, body: bytes, content_type: str, timeout_ms: int, bytes_max: int | None
    ) -> tuple[int, bytes]:
        bytes_max = limits.ANSWER_BYTES_MAX if bytes_max is None else bytes_max
        timeout = aiohttp.ClientTimeout(total=timeout_ms / 1000, connect=limits.CONNECT_MS / 1000)
        headers = {"Content-Type": content_type, "Accept-Encoding": "identity"}
        async with self._open().post(
            url, data=io.BytesIO(body), headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            received = bytearray()
            async for chunk in response.content.iter_any():
                received += chunk
                if len(received) > bytes_max:
                    raise BadAnswer(str(url), f"more than {bytes_max} bytes")
            return response.status, bytes(received)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:  # a session belongs to the event loop of its first call
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=0),  # the caller decides how much runs at one time
                auto_decompress=False,
            )
        return self._session


def _node_url(text: str) -> URL:
    try:
        url = URL(text)
        good = url.scheme in {"http", "https"} and url.host and url.port and not (url.query_string or url.fragment)
    except ValueError:  # a port beyond 65,535, a bracket that is not closed
        good = False
    if not good:
        raise BadAddress(f"{text!r} is not the address of a node: http://host:port expected")
    return url
