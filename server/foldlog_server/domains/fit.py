"""Whether domains can be served together: everything that stands in the way, before anything is opened."""

from collections.abc import Sequence

from foldlog_server.domain.domain import Domain


def problems(domains: Sequence[Domain]) -> Sequence[str]:
    """What stands in the way of serving the domains, a line for each."""
    del domains
    return []
