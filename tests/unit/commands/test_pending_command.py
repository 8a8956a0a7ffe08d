"""A command whose caller has given up is not decided any more; once it is decided, it runs to its end."""

import pytest

from foldlog_server.commands.pending_command import DeadlinePassed
from foldlog_server.errors import WrongExpectedVersion
from tests.support.commands import Commands, HeldStore, add, create, settle

A = "01938f3e-7c5a-7000-8000-00000000000a"


class Deadline:
    """Passes when a test says so."""

    passed = False

    def __call__(self) -> bool:
        return self.passed


@pytest.fixture
async def store() -> HeldStore:
    return HeldStore()


@pytest.fixture
async def commands(store: HeldStore) -> Commands:
    return Commands(store)


async def test_a_command_that_comes_too_late_is_not_carried_out(commands: Commands) -> None:
    with pytest.raises(DeadlinePassed):
        await commands.execute(create(), is_late=lambda: True, request_id=A)
    assert commands.stored() == []
    assert not (await commands.execute(create(), request_id=A)).replayed


async def test_a_command_that_gets_late_while_its_stream_is_read_is_not_carried_out(
    store: HeldStore, commands: Commands
) -> None:
    deadline = Deadline()
    store.may_load.clear()
    late = commands.send(create(), is_late=deadline, request_id=A)
    next_in_line = commands.send(create())
    await settle()
    deadline.passed = True
    store.may_load.set()
    with pytest.raises(DeadlinePassed):
        await late
    assert (await next_in_line).streams[0].version == 1
    assert len(commands.stored()) == 1


async def test_a_deadline_that_passes_after_the_append_began_changes_nothing(
    store: HeldStore, commands: Commands
) -> None:
    deadline = Deadline()
    store.holds = True
    creating = commands.send(create(), is_late=deadline)
    await settle()
    deadline.passed = True
    await store.release()
    assert (await creating).position == 1


async def test_a_command_goes_on_for_as_long_as_one_of_its_callers_waits(
    store: HeldStore, commands: Commands
) -> None:
    deadline = Deadline()
    store.may_load.clear()
    late = commands.send(create(), is_late=deadline, request_id=A)
    await settle()
    patient = commands.send(create(), request_id=A)
    await settle()
    deadline.passed = True
    store.may_load.set()
    assert (await patient).replayed
    assert (await late).position == 1


async def test_a_command_whose_callers_are_all_late_is_not_carried_out(
    store: HeldStore, commands: Commands
) -> None:
    first, second = Deadline(), Deadline()
    store.may_load.clear()
    callers = [commands.send(create(), is_late=late, request_id=A) for late in (first, second)]
    await settle()
    first.passed = second.passed = True
    store.may_load.set()
    for caller in callers:
        with pytest.raises(DeadlinePassed):
            await caller
    assert commands.stored() == []


async def test_a_command_that_gets_late_before_it_is_decided_again_is_not_carried_out(
    store: HeldStore, commands: Commands
) -> None:
    await commands.execute(create())
    deadline = Deadline()
    store.holds = True
    adding = commands.send(add(), is_late=deadline)
    await settle()
    deadline.passed = True
    await store.fail_first(WrongExpectedVersion("order-1", 1, 2))
    with pytest.raises(DeadlinePassed):
        await adding
    assert len(commands.stored()) == 1
