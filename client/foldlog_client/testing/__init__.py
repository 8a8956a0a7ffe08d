"""The sync client without a server, for tests of the code that uses it: `with testing.Fake() as fake: ...`

A test sets the answers of calls, passes `fake.client` to the code under test, and checks `fake.requests`. The
client is the real one, with its typed errors, retries, sessions and resumption; only its channel is that of
grpcio-testing. It needs the extra `testing`.
"""

try:
    import grpc_testing as _grpc_testing  # noqa: F401  fails here if it is not installed
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "foldlog_client.testing needs grpcio-testing. "
        "Run: pip install 'foldlog[testing]' (from a checkout of it: pip install '.[testing]')"
    ) from error

from foldlog_client.testing.events import recorded, subscribed
from foldlog_client.testing.fake import Fake
from foldlog_client.testing.refusal import Refusal

__all__ = ["Fake", "Refusal", "recorded", "subscribed"]
