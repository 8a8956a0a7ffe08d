"""Moves views up to a position without a pause, where nobody else uses them: in a rebuild, check or
replay."""

from collections.abc import AsyncGenerator

from foldlog_server.views.group import BATCH_EVENTS, ProjectorGroup


async def catch_up(group: ProjectorGroup, until: int) -> AsyncGenerator[int]:
    """Move a group up to a position that the log has; yields its position after each batch.

    Raises `CannotApply`, and why the documents of a member could not be written.
    """
    while group.position < until:
        failed = await group.move(min(BATCH_EVENTS, until - group.position))
        for error in failed.values():
            raise error
        yield group.position
