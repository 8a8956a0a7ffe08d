"""The sync client without a server, for tests of the code that uses it: `with testing.Fake() as fake: ...`

A test says what calls are answered, hands `fake.client` to the code under test, and looks at
`fake.requests`. The client is the real one: typed errors, retries, sessions and resumption are its own,
over the channel of grpcio-testing. It needs the extra `testing`.
"""

try:
    import grpc_testing as _grpc_testing  # noqa: F401  whether it is there
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "foldlog_client.testing needs grpcio-testing. "
        "Run: pip install 'foldlog[testing]' (from a checkout of it: pip install '.[testing]')"
    ) from error

from foldlog_client.testing.events import recorded, subscribed
from foldlog_client.testing.fake import Fake
from foldlog_client.testing.refusal import Refusal

__all__ = ["Fake", "Refusal", "recorded", "subscribed"]
