"""What a test says is answered, and what was asked. A call that nobody scripted fails, and never hangs."""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Self, TypeVar

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from foldlog_client.retry import Retry
from foldlog_client.session import LogPosition
from foldlog_client.sync import Client
from foldlog_client.testing.channel import Answer, AnsweredChannel
from foldlog_client.testing.contract import answered_by, asked_by
from foldlog_client.testing.refusal import OK, Refusal, termination

M = TypeVar("M", bound=Message)
C = TypeVar("C", bound=Client)
Step = Callable[[Message], Answer]

MOST_CALLS = 10_000
"""Whoever makes more of them goes on for ever."""


class Fake:
    """Answers a client's calls as it is told to: use it in `with`.

    Calls of a method are answered in the order in which their answers were given. The block ends with an
    AssertionError where a call came that had no answer, or an answer was left that nobody asked for. Pauses
    between attempts take no time: the client's clock goes on by them.
    """

    def __init__(
        self,
        *,
        read_your_writes: bool = True,
        session: LogPosition | None = None,
        timeout: float = 10.0,
        retry: Retry | None = None,
    ) -> None:
        """Of the client; what it means, `foldlog_client.sync.connect` says. A retry keeps its numbers,
        not its clock."""
        self._lock = threading.RLock()
        self._steps: defaultdict[str, deque[Step]] = defaultdict(deque)
        self._always: dict[str, Step] = {}
        self._unanswered: list[str] = []
        self._requests: list[Message] = []
        self._clients: list[Client] = []
        self._now = 0.0
        self.client = self.connect(
            read_your_writes=read_your_writes, session=session, timeout=timeout, retry=retry
        )
        """A client whose calls are answered here."""

    def connect(
        self,
        target: str = "",
        *,
        credentials: grpc.ChannelCredentials | None = None,
        interceptors: Sequence[object] = (),
        options: Sequence[tuple[str, str | int]] = (),
        read_your_writes: bool = True,
        session: LogPosition | None = None,
        timeout: float = 10.0,
        retry: Retry | None = None,
    ) -> Client:
        """Another client whose calls are answered here, for code that connects by itself: it stands in for
        `foldlog_client.sync.connect`. There is nothing to connect to: the target, credentials, interceptors
        and options are not looked at."""
        return self.client_of(
            Client, read_your_writes=read_your_writes, session=session, timeout=timeout, retry=retry
        )

    def client_of(
        self,
        kind: type[C],
        *,
        read_your_writes: bool = True,
        session: LogPosition | None = None,
        timeout: float = 10.0,
        retry: Retry | None = None,
    ) -> C:
        """Another client whose calls are answered here, of a class that was generated for a domain of your
        own, or that inherits from several of those."""
        retry = replace(retry or Retry(random=lambda: 1.0), wait=self._wait, clock=self._clock)
        client = kind(
            AnsweredChannel(self._answer),
            read_your_writes=read_your_writes,
            session=session,
            timeout=timeout,
            retry=retry,
        )
        with self._lock:
            self._clients.append(client)
        return client

    # What is answered

    def answer(self, *responses: Message) -> None:
        """Answer a call with each of these, such as a `CreateOrderResponse`: it says which method it
        is of."""
        for response in responses:
            if not isinstance(response, Message):
                raise TypeError(f"{response!r} is not a message, as CreateOrderResponse() is.")
            method = answered_by(type(response))
            if method.server_streaming:
                raise TypeError(
                    f"{method.name} answers with a stream: stream({method.input_type.name}, ...)."
                )
            self._add(method, _answering(Answer((_copied(response),))))

    def answer_to(self, request: type[Message], *responses: Message) -> None:
        """Answer a call that makes this request, such as a `Deposit`, with each of these: for a response
        that several methods have."""
        method = asked_by(request)
        if method.server_streaming:
            raise TypeError(f"{method.name} answers with a stream: stream({request.DESCRIPTOR.name}, ...).")
        for response in responses:
            _check(response, method)
            self._add(method, _answering(Answer((_copied(response),))))

    def refuse(
        self,
        request: type[Message],
        reason: str | grpc.StatusCode,
        metadata: Mapping[str, str] | None = None,
        *,
        message: str = "",
        retry_after: float | None = None,
        details: Iterable[Message] = (),
    ) -> None:
        """Refuse a call that makes this request, such as a `CreateOrderRequest`. What the rest means,
        `Refusal` says."""
        refusal = Refusal(reason, metadata, message=message, retry_after=retry_after, details=details)
        method = asked_by(request)
        self._add(method, _answering(Answer((), termination(refusal, _package(method)))))

    def stream(
        self,
        request: type[Message],
        *messages: Message,
        then: Refusal | None = None,
        stays_open: bool = False,
    ) -> None:
        """Answer a call that makes this request, such as a `SubscribeRequest`, with messages, and end it.

        Then it is refused, if that is said, or stays open until the client or what reads it is closed. A
        subscription or a watch that ends is taken up again, as with a server: that call wants an answer too.
        """
        method = asked_by(request)
        if not method.server_streaming:
            raise TypeError(
                f"{method.name} answers with one message: answer({method.output_type.name}(...))."
            )
        for one in messages:
            _check(one, method)
        end = None if stays_open else termination(then, _package(method)) if then else OK
        self._add(method, _answering(Answer(tuple(map(_copied, messages)), end)))

    def always(self, request: type[M], answer: Callable[[M], Message]) -> None:
        """Answer every call that makes this request, and has no other answer, by a function.

        It gives the response, or raises a Refusal. Nothing is amiss if nobody asks.
        """
        method = asked_by(request)
        if method.server_streaming:
            raise TypeError(f"{method.name} answers with a stream: stream({request.DESCRIPTOR.name}, ...).")

        def step(asked: Message) -> Answer:
            assert isinstance(asked, request)
            try:
                response = answer(_copied(asked))
            except Refusal as refusal:
                return Answer((), termination(refusal, _package(method)))
            _check(response, method)
            return Answer((response,))

        with self._lock:
            self._always[method.full_name] = step

    # What was asked

    @property
    def requests(self) -> list[Message]:
        """Every request so far, in order, each attempt of a call for itself."""
        with self._lock:
            return list(self._requests)

    def requests_of(self, kind: type[M]) -> list[M]:
        """Those of one kind, such as `CreateOrderRequest`."""
        return [request for request in self.requests if isinstance(request, kind)]

    def check(self) -> None:
        """Raises AssertionError for a call that had no answer, and for an answer that nobody asked for."""
        with self._lock:
            left = [f"{name} ({len(steps)})" for name, steps in self._steps.items() if steps]
            assert not self._unanswered, self._unanswered[0]
            assert not left, f"Nobody asked for what was to be answered: {', '.join(left)}."

    def close(self) -> None:
        """Close all clients: whoever reads a stream is through with it."""
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close()
        if kind is None:
            self.check()

    # The calls

    def _add(self, method: MethodDescriptor, step: Step) -> None:
        with self._lock:
            self._steps[method.full_name].append(step)

    def _answer(self, method: MethodDescriptor, data: bytes) -> Answer:
        request = GetMessageClass(method.input_type).FromString(data)
        with self._lock:
            self._requests.append(request)
            step = self._next_step(method, request)
        return step(request)

    def _next_step(self, method: MethodDescriptor, request: Message) -> Step:
        steps = self._steps[method.full_name]
        if len(self._requests) > MOST_CALLS:
            raise self._amiss(f"After {MOST_CALLS:,} calls comes another {method.name}: do they never end?")
        if steps:
            return steps.popleft()
        if method.full_name in self._always:
            return self._always[method.full_name]
        said = " ".join(str(request).split())
        raise self._amiss(f"{method.full_name} is called, and has no answer (any more): {{{said}}}.")

    def _amiss(self, what: str) -> AssertionError:
        self._unanswered.append(what)
        return AssertionError(what)

    def _clock(self) -> float:
        return self._now

    def _wait(self, until: threading.Event, seconds: float) -> None:
        with self._lock:
            self._now += 0.0 if until.is_set() else seconds


def _answering(answer: Answer) -> Step:
    return lambda _: answer


def _package(method: MethodDescriptor) -> str:
    return method.containing_service.full_name.rpartition(".")[0]


def _check(message: object, method: MethodDescriptor) -> None:
    found = message.DESCRIPTOR.full_name if isinstance(message, Message) else repr(message)
    if found != method.output_type.full_name:
        raise TypeError(f"{method.name} answers with {method.output_type.full_name}, not {found}.")


def _copied(message: M) -> M:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
