"""Answers calls as a test sets them, and records the requests. A call without an answer fails; it
never hangs."""

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
"""More calls than this are taken for an endless loop."""


class Fake:
    """Answers a client's calls with the answers that a test gives it: use it in `with`.

    Calls of a method are answered in the order in which their answers were given. The block ends with an
    AssertionError if a call had no answer, or if an answer was not used. Pauses between attempts take no
    time: the client's clock is advanced by them.
    """

    def __init__(
        self,
        *,
        read_your_writes: bool = True,
        session: LogPosition | None = None,
        timeout: float = 10.0,
        retry: Retry | None = None,
    ) -> None:
        """The arguments are those of `foldlog_client.sync.connect`. A retry keeps its numbers, not its
        clock."""
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
        """Return another client whose calls are answered here, for code that connects by itself: it replaces
        `foldlog_client.sync.connect`. There is nothing to connect to: the target, credentials, interceptors
        and options are ignored."""
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
        """Return another client whose calls are answered here, of a class that was generated for a domain of
        your own, or that inherits from several of those."""
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

    # The answers

    def answer(self, *responses: Message) -> None:
        """Answer one call with each of these, such as a `CreateOrderResponse`; its type gives the method."""
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
        """Answer one call with this type of request, such as `Deposit`, with each of these: for a response
        type that several methods share."""
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
        """Refuse one call with this type of request, such as `CreateOrderRequest`. `Refusal` explains the
        rest."""
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
        """Answer one call with this type of request, such as `SubscribeRequest`, with messages, and end it.

        With `then`, it ends with that refusal; with `stays_open`, it stays open until the client or its
        reader is closed. A client resumes a subscription or a watch that ended: that call needs an answer
        too.
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
        """Answer every call with this type of request, and without another answer, by a function.

        The function returns the response, or raises a Refusal. It need not be called.
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

    # The requests

    @property
    def requests(self) -> list[Message]:
        """Every request so far, in order; each attempt of a call is one."""
        with self._lock:
            return list(self._requests)

    def requests_of(self, kind: type[M]) -> list[M]:
        """Return the requests of one type, such as `CreateOrderRequest`."""
        return [request for request in self.requests if isinstance(request, kind)]

    def check(self) -> None:
        """Raise AssertionError if a call had no answer, or if an answer was not used."""
        with self._lock:
            left = [f"{name} ({len(steps)})" for name, steps in self._steps.items() if steps]
            assert not self._unanswered, self._unanswered[0]
            assert not left, f"These answers were not used: {', '.join(left)}."

    def close(self) -> None:
        """Close all clients, which also ends the streams they read."""
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
            raise self._unexpected(
                f"{method.name} is call {MOST_CALLS + 1:,}: the code under test seems to loop without end."
            )
        if steps:
            return steps.popleft()
        if method.full_name in self._always:
            return self._always[method.full_name]
        said = " ".join(str(request).split())
        raise self._unexpected(f"{method.full_name} was called and has no answer left: {{{said}}}.")

    def _unexpected(self, problem: str) -> AssertionError:
        self._unanswered.append(problem)
        return AssertionError(problem)

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
