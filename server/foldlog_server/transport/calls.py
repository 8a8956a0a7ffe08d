"""Parses a call's request, checks it, answers it, and turns every error into a status."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from functools import partial
from typing import Any, NoReturn, TypeAlias

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from foldlog_server import personal
from foldlog_server.commands.pending_command import DeadlinePassed
from foldlog_server.errors import (
    Draining,
    FoldlogError,
    InvalidRequest,
    StoreHindered,
    StoreUnavailable,
    Violation,
)
from foldlog_server.transport.arrivals import Arrivals
from foldlog_server.transport.field_rules import violations
from foldlog_server.transport.refusal_log import RefusalLog
from foldlog_server.transport.status import Context, abort, unforeseen

logger = logging.getLogger("foldlog.calls")

SLOW_SECONDS = 1.0
_NO_MEMORY = StoreHindered("no_memory", "there is no memory left")
_READING_SECONDS = 1.0
"""Seconds for which a stream that will be refused may still send: it must not delay a stop."""

Unary = Callable[[Any, Context], Awaitable[bytes]]
Streamed = Callable[[Any, Context], AsyncGenerator[bytes]]
# gRPC's classes are generic in their stubs only.
RpcMethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

Personal = Callable[[], Iterable[str]]
"""The personal data of a request."""
FurtherCheck = Callable[[Any], Sequence[Violation]]


class Calls:
    """Makes the handlers of one server, and keeps track of its open streams."""

    def __init__(self, refusals: RefusalLog) -> None:
        self._refusals = refusals
        self._streams: set[asyncio.Task[Any]] = set()
        self.draining = False
        """Whether streams are ended because the server is stopping."""

    def unary(self, method: MethodDescriptor, answer: Unary) -> RpcMethodHandler:
        """Return a handler of raw bytes, so that bytes that are not a message are refused like any bad
        request."""
        request_class = GetMessageClass(method.input_type)
        name = method.full_name

        async def handle(data: bytes, context: Context) -> bytes:
            began = time.monotonic()
            try:
                return await answer(checked(request_class, data), context)
            except Exception as error:
                await self._end(name, context, error, partial(_personal, request_class, data))
            finally:
                _log_call(name, time.monotonic() - began)

        return grpc.unary_unary_rpc_method_handler(handle)

    def gathered(
        self, method: MethodDescriptor, answer: Unary, check: FurtherCheck | None, arrivals: Arrivals
    ) -> RpcMethodHandler:
        """Like `unary`, but calls with the same `arrivals` are parsed, checked and started together.

        Violations that `check` finds are reported together with those of the fields' rules.
        """
        request_class = GetMessageClass(method.input_type)
        name = method.full_name

        async def handle(data: bytes, context: Context) -> bytes:
            began = time.monotonic()
            try:
                await arrivals.enter()
                return await answer(checked(request_class, data, check), context)
            except Exception as error:
                if isinstance(error, MemoryError):  # before the command was stored, or after
                    error = StoreUnavailable()
                await self._end(name, context, error, partial(_personal, request_class, data))
            finally:
                arrivals.leave()
                _log_call(name, time.monotonic() - began)

        return grpc.unary_unary_rpc_method_handler(handle)

    async def _end(self, name: str, context: Context, error: BaseException, said: Personal) -> NoReturn:
        """End a unary call with the status of its error."""
        if isinstance(error, DeadlinePassed):
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, str(error))
        if isinstance(error, MemoryError):
            error = _NO_MEMORY
        if isinstance(error, FoldlogError):
            self._refusals.refused(name, error, said)
            await abort(context, error)
        await abort(context, unforeseen(error))

    def streamed(self, method: MethodDescriptor, answer: Streamed) -> RpcMethodHandler:
        """Return a handler that sends raw messages one after the other, each when the transport can
        take it."""
        request_class = GetMessageClass(method.input_type)

        async def handle(data: bytes, context: Context) -> None:
            began = time.monotonic()
            try:
                messages = answer(checked(request_class, data), context)
                # Before the call can be drained: if a call is cancelled while gRPC sends its headers with the
                # first message, gRPC sends them again with the status, which fails and leaves the call open.
                await context.send_initial_metadata(())
                with self.opened():
                    await self._write_all(messages, context)
            except FoldlogError as error:
                self._refusals.refused(method.full_name, error, partial(_personal, request_class, data))
                await abort(context, error)
            except asyncio.CancelledError:
                if not self.draining:
                    raise
                await abort(context, Draining())
            except MemoryError:
                await abort(context, _NO_MEMORY)
            except grpc.aio.InternalError:
                logger.debug("%s: the reader has disconnected", method.full_name)
            except Exception as exception:
                await abort(context, unforeseen(exception))
            finally:
                logger.debug("%s ended after %.1f ms", method.full_name, (time.monotonic() - began) * 1000)

        return grpc.unary_stream_rpc_method_handler(handle)

    def not_offered(self, method: MethodDescriptor, error: FoldlogError) -> RpcMethodHandler:
        """Return a handler that refuses every call."""

        async def refuse(_: object, context: Context) -> None:
            self._refusals.refused(method.full_name, error, tuple)
            await abort(context, error)

        async def refuse_stream(messages: AsyncIterator[bytes], context: Context) -> None:
            # A Python client whose call ends while it writes sees INTERNAL instead.
            with suppress(TimeoutError):
                async with asyncio.timeout(_READING_SECONDS):
                    async for _ in messages:
                        pass
            await refuse(messages, context)

        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(refuse_stream)
        return grpc.unary_stream_rpc_method_handler(refuse)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Register the current task while the block lasts, so that draining cancels it."""
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        try:
            yield
        finally:
            self._streams.discard(task)

    def drain(self) -> None:
        """End every open stream, and each later one, with UNAVAILABLE (DRAINING)."""
        self.draining = True
        for task in self._streams:
            task.cancel()

    def end(self) -> None:
        """Log the refusals that are counted but not logged yet."""
        self._refusals.end_all()

    async def _write_all(self, messages: AsyncGenerator[bytes], context: Context) -> None:
        if self.draining:
            raise Draining
        async with aclosing(messages):
            async for message in messages:
                await context.write(message)


def checked(request_class: type[Message], data: bytes, check: FurtherCheck | None = None) -> Any:
    """Parse and check a request; raises `InvalidRequest` with every violation."""
    try:
        request = request_class.FromString(data)
    except DecodeError:
        raise InvalidRequest.malformed(request_class.DESCRIPTOR.full_name) from None
    broken = violations(request)
    if check is not None:
        broken += check(request)
    if broken:
        raise InvalidRequest.fields(broken)
    return request


def _personal(request_class: type[Message], data: bytes) -> Iterable[str]:
    try:
        return personal.values(request_class.FromString(data))
    except DecodeError:  # so no text can quote it
        return ()


def _log_call(name: str, seconds: float) -> None:
    if seconds >= SLOW_SECONDS:
        logger.warning("%s took %.3f s", name, seconds)
    elif logger.isEnabledFor(logging.DEBUG):
        logger.debug("%s took %.1f ms", name, seconds * 1000)
