"""Makes and checks tokens that a client sends back: each is bound to one request, and cannot be altered."""

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

_DIGEST_BYTES = 16


def make(body: bytes, request: Message, scope: str, *, apart_from: Iterable[str]) -> str:
    """Return a token that carries bytes, bound to the request, except for some fields, and to the scope.

    The request need not have all of those fields.
    """
    digest = _digest(body, request, scope, apart_from)
    return base64.urlsafe_b64encode(digest + body).decode().rstrip("=")


def read(token: str, request: Message, scope: str, *, apart_from: Iterable[str]) -> bytes:
    """Return the bytes of a token; raises `ValueError` if it was made for another request or scope."""
    body = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[_DIGEST_BYTES:]
    # Made again and compared as text: the decoder ignores junk, padding and unused bits.
    if make(body, request, scope, apart_from=apart_from) != token:
        raise ValueError("the token belongs to another request or scope")
    return body


def _digest(body: bytes, request: Message, scope: str, apart_from: Iterable[str]) -> bytes:
    bound: Any = type(request)()
    bound.CopyFrom(request)
    for name in apart_from:
        if name in request.DESCRIPTOR.fields_by_name:
            bound.ClearField(name)
    head = f"{request.DESCRIPTOR.full_name}\n{scope}\n".encode()
    return hashlib.sha256(head + bound.SerializeToString(deterministic=True) + body).digest()[:_DIGEST_BYTES]
