"""A channel without a network: each call is answered in its own thread, by the channel of grpcio-testing."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, NoReturn, Protocol, Self, TypeVar, cast

import grpc
import grpc_testing
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from foldlog_client.testing.contract import methods, services
from foldlog_client.testing.refusal import OK, Termination

Req = TypeVar("Req")
Res = TypeVar("Res")


@dataclass(frozen=True, slots=True)
class Answer:
    """The messages to return, and how the call then ends; None = it stays open until it is cancelled."""

    messages: tuple[Message, ...] = ()
    end: Termination | None = OK


Answering = Callable[[MethodDescriptor, bytes], Answer]
"""Returns the answer to a request. What it raises, the call raises."""


class AnsweredChannel(grpc.Channel):
    """A function answers its calls; once closed, it makes no more."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._testing: _Channel = grpc_testing.channel(services(), grpc_testing.strict_real_time())
        self._taking = threading.Lock()
        self._closed = False

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Req], bytes] | None = None,
        response_deserializer: Callable[[bytes], Res] | None = None,
        _registered_method: bool | None = False,
    ) -> "grpc.UnaryUnaryMultiCallable[Req, Res]":
        assert request_serializer is not None
        assert response_deserializer is not None
        serialized, deserialized = request_serializer, response_deserializer

        def call(request: Req, timeout: float | None = None) -> Res:
            return deserialized(self._unary(methods()[method], serialized(request)).SerializeToString())

        return cast("grpc.UnaryUnaryMultiCallable[Req, Res]", call)

    def unary_stream(
        self,
        method: str,
        request_serializer: Callable[[Req], bytes] | None = None,
        response_deserializer: Callable[[bytes], Res] | None = None,
        _registered_method: bool | None = False,
    ) -> "grpc.UnaryStreamMultiCallable[Req, Res]":
        assert request_serializer is not None
        assert response_deserializer is not None
        serialized, deserialized = request_serializer, response_deserializer

        def call(request: Req, timeout: float | None = None) -> _Stream[Res]:
            return self._stream(methods()[method], serialized(request), deserialized)

        return cast("grpc.UnaryStreamMultiCallable[Req, Res]", call)

    def _unary(self, method: MethodDescriptor, request: bytes) -> Message:
        answer = self._answer(method, request)
        assert answer.end is not None
        with self._taking:
            call = self._testing.unary_unary(_path(method)).future(request)
            _, _, rpc = self._testing.take_unary_unary(method)
        response = answer.messages[0] if answer.messages else None
        rpc.terminate(response, answer.end.trailers, answer.end.code, answer.end.message)
        return call.result()

    def _stream(
        self, method: MethodDescriptor, request: bytes, deserialized: Callable[[bytes], Res]
    ) -> "_Stream[Res]":
        answer = self._answer(method, request)
        with self._taking:
            call = self._testing.unary_stream(_path(method))(request)
            _, _, rpc = self._testing.take_unary_stream(method)
        return _Stream(call, rpc, answer, deserialized)

    def _answer(self, method: MethodDescriptor, request: bytes) -> Answer:
        if self._closed:
            raise ValueError("Cannot invoke RPC on closed channel!")  # gRPC's own text
        return self._answering(method, request)

    def stream_unary(self, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError("The client makes no such calls.")

    stream_stream = stream_unary

    def subscribe(self, *_: object, **__: object) -> None:
        """Does nothing: without a network, the connectivity never changes."""

    def unsubscribe(self, *_: object) -> None:
        """Does nothing, as `subscribe` did nothing."""

    def close(self) -> None:
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Stream(Generic[Res]):
    """A stream that is being read: each message is sent only when the reader asks for it.

    grpcio-testing would deliver an error before the messages that are not read yet.
    """

    def __init__(
        self, call: "_StreamCall", rpc: "_StreamRpc", answer: Answer, deserialized: Callable[[bytes], Res]
    ) -> None:
        self._call = call
        self._rpc = rpc
        self._messages = iter(answer.messages)
        self._end = answer.end
        self._deserialized = deserialized

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Res:
        message = next(self._messages, None)
        if message is not None:
            self._rpc.send_response(message)
        elif self._end is not None:
            self._rpc.terminate(self._end.trailers, self._end.code, self._end.message)
        return self._deserialized(next(self._call).SerializeToString())

    def cancel(self) -> bool:
        self._call.cancel()
        return True


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


# The parts of grpcio-testing that are used here; it has no types of its own.

_Trailers = tuple[tuple[str, bytes], ...]


class _UnaryCall(Protocol):
    def result(self) -> Message: ...


class _StreamCall(Iterator[Message], Protocol):
    def cancel(self) -> None: ...


class _UnaryRpc(Protocol):
    def terminate(
        self, response: Message | None, trailers: _Trailers, code: grpc.StatusCode, details: str, /
    ) -> None: ...


class _StreamRpc(Protocol):
    def send_response(self, response: Message, /) -> None: ...
    def terminate(self, trailers: _Trailers, code: grpc.StatusCode, details: str, /) -> None: ...


class _UnaryMethod(Protocol):
    def future(self, request: bytes, /) -> _UnaryCall: ...


class _Channel(Protocol):
    def unary_unary(self, method: str, /) -> _UnaryMethod: ...
    def unary_stream(self, method: str, /) -> Callable[[bytes], _StreamCall]: ...
    def take_unary_unary(self, method: MethodDescriptor, /) -> tuple[object, object, _UnaryRpc]: ...
    def take_unary_stream(self, method: MethodDescriptor, /) -> tuple[object, object, _StreamRpc]: ...
