"""A read model that holds what a plain replay gives, as far as a test lets it go."""

from collections.abc import Callable, Collection, Mapping, Sequence

from foldlog_server.domain.view import Key
from foldlog_server.views.read_model import ColumnFilter, Cursor, Matching, Page, Row
from tests.support.list_log import ListLog
from tests.support.order_counts import ORDER_COUNTS, ORDERS, replay


class ReplayedReadModel:
    """What watchers read; `before_reading` may move it, as the writer of a real one may at any time."""

    def __init__(self, log: ListLog) -> None:
        self._log = log
        self.edition = "g1"
        self.position = 0
        self.stored = 0
        self.before_reading: Callable[[], None] = lambda: None

    def documents(
        self, position: int, filters: Sequence[ColumnFilter] = (), collection: str = ORDERS
    ) -> Mapping[str, tuple[int, bytes]]:
        """By id, when they were made and the documents that pass, as a view at the position holds them."""
        rows = replay(self._log.events[:position])
        return {
            id: row
            for (its_collection, id), row in rows.items()
            if its_collection == collection and self._passes(Key(collection, id), row[1], filters)
        }

    def _passes(self, key: Key, document: bytes, filters: Sequence[ColumnFilter]) -> bool:
        message = ORDER_COUNTS.collections[key.collection].FromString(document)
        return all(getattr(message, one.column) == one.value for one in filters)

    async def page(
        self,
        collection: str,
        filters: Sequence[ColumnFilter] = (),
        *,
        by_id: bool = False,
        descending: bool = False,
        after: Cursor | None = None,
        limit: int,
    ) -> Page:
        assert not by_id
        assert not descending
        self.before_reading()
        found = self.documents(self.position, filters, collection).items()
        rows = sorted((Row(id, made, document) for id, (made, document) in found), key=lambda row: row.cursor)
        return Page([row for row in rows if after is None or row.cursor > after][:limit], self.position)

    async def matching(
        self, collection: str, ids: Collection[str], filters: Sequence[ColumnFilter] = ()
    ) -> Matching:
        self.before_reading()
        found = self.documents(self.position, filters, collection)
        return Matching({id: found[id][1] for id in ids if id in found}, self.position)
