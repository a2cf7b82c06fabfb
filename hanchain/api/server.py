"""The HTTP server: where bytes from clients meet the methods. The only file here that knows aiohttp.

Nothing a client sends may cost more than its share or surface as a traceback: connections, requests, body bytes, waits
and answers are bounded (``limits.py``), and whatever goes wrong is told in the form that the route speaks.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Final, cast

import structlog
from aiohttp import web

from hanchain.api import limits
from hanchain.api.binary import CONTENT_TYPE, read_envelopes, write_answers
from hanchain.api.dispatch import Dispatcher, error_answer
from hanchain.api.errors import Code, Failure, internal, refusal
from hanchain.api.intake import Intake
from hanchain.api.method import Context, Method
from hanchain.api.methods import METHODS
from hanchain.api.metrics import Metrics
from hanchain.api.rest import bind_words, error_document
from hanchain.api.strictjson import dump
from hanchain.api.waits import Waits
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node.service import NodeService

_log = structlog.get_logger("hanchain.api")

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_FULL: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Retry-After: 1\r\nContent-Length: %d\r\n\r\n%s"
)


class ApiServer:
    """Serves one node's interface on one address."""

    def __init__(self, service: NodeService, host: str, port: int) -> None:
        self._service = service
        self._host = host
        self._port = port
        self._metrics = Metrics()
        self._intake = Intake()
        self._waits = Waits()
        self._dispatcher = Dispatcher(Context(service, self._waits), self._metrics.call)
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._metrics.gauge("waits", "Callers waiting for a transaction", lambda: len(self._waits))
        self._metrics.gauge("requests", "Requests in service", lambda: self._intake.requests)
        self._metrics.gauge("body_bytes", "Bytes of request bodies in memory", lambda: self._intake.body_bytes)
        self._metrics.gauge("connections", "Open connections", self._connections)

    async def start(self) -> int:
        """Listen; return the port (the one bound when 0 was asked for). Raise OSError if the address is taken."""
        assert self._runner is None, "started once"
        runner = web.AppRunner(
            self._application(),
            access_log=None,  # ours is structured
            auto_decompress=False,  # a small body must not become a large one
            keepalive_timeout=limits.KEEPALIVE_MS / 1000,
            shutdown_timeout=limits.SHUTDOWN_MS / 1000,
            lingering_time=limits.LINGER_MS / 1000,
            max_line_size=limits.HEADER_LINE_BYTES_MAX,
            max_field_size=limits.HEADER_LINE_BYTES_MAX,
            max_headers=limits.HEADERS_MAX,
        )
        await runner.setup()
        self._runner = runner
        try:
            self._listener = await asyncio.get_running_loop().create_server(
                self._protocol, self._host, self._port, backlog=limits.BACKLOG, reuse_address=True
            )
        except OSError:
            await runner.cleanup()
            self._runner = None
            raise
        port = cast("int", self._listener.sockets[0].getsockname()[1])
        _log.info("api_listening", host=self._host, port=port)
        return port

    async def close(self) -> None:
        """Stop listening, end the waits, give running requests a moment, close every connection."""
        if self._runner is None or self._listener is None:
            return
        self._listener.close()
        self._waits.close()
        await self._runner.cleanup()
        self._runner = self._listener = None
        _log.info("api_closed")

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard])
        router = application.router
        router.add_post("/rpc", self._rpc)
        router.add_post("/v1/transactions", self._submit_binary)
        for method in METHODS.values():
            if method.path is not None:
                router.add_get(method.path, self._rest_handler(method))
        router.add_get("/health/live", self._live)
        router.add_get("/health/ready", self._ready)
        router.add_get("/metrics", self._show_metrics)
        return application

    def _connections(self) -> int:
        server = None if self._runner is None else self._runner.server
        return 0 if server is None else len(server.connections)

    def _protocol(self) -> asyncio.Protocol:
        assert self._runner is not None, "listening"
        server = self._runner.server
        assert server is not None, "set up"
        if self._connections() >= limits.CONNECTIONS_MAX:
            self._metrics.refused_connection()
            return _Full()
        return server()

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Keep every answer in form: one place that turns what went wrong into JSON, logs it and counts it."""
        started = asyncio.get_running_loop().time()
        try:
            response = await handler(request)
        except web.HTTPException as error:  # no such route, another HTTP method
            failure = Failure(Code.METHOD_NOT_FOUND, Reason.UNKNOWN_METHOD, f"{error.status} {error.reason}")
            response = _json(error_document(failure), error.status, allow=error.headers.get("Allow"))
        except Rejection as rejection:
            response = self._refusal(request, refusal(rejection))
        except (web.RequestPayloadError, ConnectionError) as error:  # broken chunks, or gone: nobody may be listening
            detail = f"the body broke off: {type(error).__name__}"
            response = self._refusal(request, Failure(Code.INVALID_REQUEST, Reason.MALFORMED, detail))
        except Exception:  # noqa: BLE001  # our fault must not become the client's traceback
            incident = secrets.token_hex(8)
            _log.exception("api_request_failed", path=request.path[:128], incident=incident)
            response = self._refusal(request, internal(incident))
        seconds = asyncio.get_running_loop().time() - started
        resource = request.match_info.route.resource
        self._metrics.request("none" if resource is None else resource.canonical, response.status, seconds)
        _log.debug(
            "api_request",
            method=request.method,
            path=request.path[:128],
            status=response.status,
            milliseconds=round(seconds * 1000, 1),
            peer=request.remote,
        )
        return response

    def _refusal(self, request: web.Request, failure: Failure) -> web.Response:
        _log.info(
            "api_request_refused", path=request.path[:128], reason=str(failure.reason), detail=failure.detail[:128]
        )
        document = error_answer(None, failure) if request.path == "/rpc" else error_document(failure)
        return _json(document, failure.http_status)

    async def _rpc(self, request: web.Request) -> web.StreamResponse:
        with self._intake.admit() as allowance:
            _refuse_encoding(request)
            body = await allowance.body(
                request.content.iter_any(), request.content_length, bytes_max=limits.JSON_BODY_BYTES_MAX
            )
            answer = await self._dispatcher.answer(body)
        if answer is None:  # notifications only
            return web.Response(status=204)
        return web.Response(body=answer, content_type="application/json")

    async def _submit_binary(self, request: web.Request) -> web.StreamResponse:
        with self._intake.admit() as allowance:
            if request.content_type != CONTENT_TYPE:
                raise Rejection(Reason.MALFORMED, f"Content-Type: {CONTENT_TYPE} expected")
            _refuse_encoding(request)
            body = await allowance.body(
                request.content.iter_any(), request.content_length, bytes_max=limits.BINARY_BODY_BYTES_MAX
            )
            envelopes = read_envelopes(body)
            answers = await self._service.submit_batch(envelopes)
        assert len(answers) == len(envelopes), "one answer for each"
        self._metrics.binary_transactions(len(envelopes))
        return web.Response(body=write_answers(answers), content_type=CONTENT_TYPE)

    def _rest_handler(self, method: Method) -> _Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            with self._intake.admit():
                deadline = asyncio.get_running_loop().time() + limits.REQUEST_MS_MAX / 1000
                result = await self._dispatcher.run(
                    method, lambda: bind_words(method, request.match_info, request.query.items()), deadline
                )
            if isinstance(result, Failure):
                return _json(error_document(result), result.http_status)
            return _json(result, 200)

        return answer

    async def _live(self, _: web.Request) -> web.StreamResponse:
        return _json({"live": True}, 200)

    async def _ready(self, _: web.Request) -> web.StreamResponse:
        problems = self._service.readiness().problems
        return _json({"ready": not problems, "problems": list(problems)}, 503 if problems else 200)

    async def _show_metrics(self, _: web.Request) -> web.StreamResponse:
        body = self._service.metrics_text() + self._metrics.text()
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


class _Full(asyncio.Protocol):
    """A connection too many: told so in HTTP, then closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer before the request came: reading it would be the work we have no room for."""
        failure = Failure(Code.BUSY, Reason.BUSY, f"{limits.CONNECTIONS_MAX} connections are open")
        body = dump(error_answer(None, failure))
        writable = cast("asyncio.WriteTransport", transport)
        writable.write(_FULL % (len(body), body))
        writable.close()


def _refuse_encoding(request: web.Request) -> None:
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise Rejection(Reason.MALFORMED, "Content-Encoding: compressed bodies are not accepted")


def _json(document: object, status: int, *, allow: str | None = None) -> web.Response:
    headers = {} if allow is None else {"Allow": allow}
    return web.Response(body=dump(document), status=status, content_type="application/json", headers=headers)
