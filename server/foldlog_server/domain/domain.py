"""A domain as one value, and several domains as the one that a server serves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

from google.protobuf.descriptor import ServiceDescriptor

from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domain.view import AnyView
from foldlog_server.log.codec import Codec
from foldlog_server.log.upcasting import Upcaster


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain that a team writes: its protos, and the deciders and views behind their methods."""

    name: str
    """In lower case, such as "bank"."""
    protos: Sequence[ModuleType]
    """The generated `_pb2` modules whose services are served."""
    deciders: Sequence[AnyDecider] = ()
    views: Sequence[AnyView] = ()
    upcasters: Sequence[Upcaster] = ()
    """How old event messages become current ones."""

    @property
    def services(self) -> Sequence[ServiceDescriptor]:
        """The services of its protos, in the order in which they are declared."""
        return [service for proto in self.protos for service in proto.DESCRIPTOR.services_by_name.values()]


class Domains:
    """Domains that are served together. Whether they fit is checked before: `domains.fit.problems`."""

    def __init__(self, domains: Sequence[Domain], names: Sequence[str] = ()) -> None:
        """`names` are those by which another process finds the same domains, such as "bank.domain:BANK".

        Raises `ValueError` for upcasters that contradict each other.
        """
        self._domains = domains
        self.names = names
        self.deciders: Mapping[str, AnyDecider] = {
            decider.category: decider for domain in domains for decider in domain.deciders
        }
        """The deciders by category."""
        self.upcasters = [upcaster for domain in domains for upcaster in domain.upcasters]
        self.codec = Codec(
            (event for decider in self.deciders.values() for event in decider.events), self.upcasters
        )
        """Decodes every event that a decider knows."""
        self.views: Sequence[AnyView] = [
            replace(view, upcasters=self.upcasters) for domain in domains for view in domain.views
        ]

    def __iter__(self) -> Iterator[Domain]:
        return iter(self._domains)

    @property
    def services(self) -> Sequence[ServiceDescriptor]:
        """The services of all domains."""
        return [service for domain in self._domains for service in domain.services]
