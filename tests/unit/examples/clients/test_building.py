"""What is not on a machine, or cannot be had, is skipped; what does not build has failed."""

import pytest

from examples.clients.building import BuildFailed, Skipped, build
from examples.clients.languages import Command, Language


def language(
    *, tools: Command = ("sh",), fetch: tuple[Command, ...] = (), steps: tuple[Command, ...] = ()
) -> Language:
    return Language(name="go", tools=tools, fetch=fetch, build=steps, run=("sh",))


def sh(script: str) -> Command:
    return ("sh", "-c", script)


def test_a_program_whose_tools_are_there_is_built() -> None:
    build(language(fetch=(sh("exit 0"),), steps=(sh("test -f go.mod"),)))


def test_what_cannot_be_built_without_is_missed() -> None:
    with pytest.raises(Skipped, match=r"^no-such-tool is not on this machine$"):
        build(language(tools=("sh", "no-such-tool"), steps=(sh("exit 1"),)))


def test_packages_that_cannot_be_had_are_told_by_the_last_line() -> None:
    with pytest.raises(Skipped, match=r"no route to the registry$"):
        build(language(fetch=(sh("echo trying; echo no route to the registry >&2; echo; exit 1"),)))


def test_they_are_told_by_the_first_line_that_speaks_of_an_error() -> None:
    said = r"printf 'trying\n\033[0m[ERROR] no route to it\n[ERROR] read more elsewhere\n'"
    with pytest.raises(Skipped, match=r": \[ERROR\] no route to it$"):
        build(language(fetch=(sh(f"{said}; exit 1"),)))


def test_a_tool_that_fails_without_a_word_is_told() -> None:
    with pytest.raises(Skipped, match=r"it failed without output$"):
        build(language(fetch=(sh("exit 1"),)))


def test_what_does_not_build_is_told_with_all_that_was_said() -> None:
    with pytest.raises(BuildFailed, match="one\ntwo"):
        build(language(steps=(sh("exit 0"), sh("echo one; echo two >&2; exit 1"))))


def test_a_build_that_lacks_a_tool_has_failed() -> None:
    with pytest.raises(BuildFailed, match="no-such-tool: no such command"):
        build(language(steps=(("no-such-tool",),)))
