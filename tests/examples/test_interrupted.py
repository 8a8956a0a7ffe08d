"""Ctrl-C while an example is still being imported."""

import runpy
import sys
from types import ModuleType

import pytest


class Interrupting(ModuleType):
    """A module that takes so long to import that somebody loses patience."""

    def __getattr__(self, _: str) -> object:
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["examples.demo", "examples.online_retail"])
def test_ctrl_c_before_an_example_has_begun_shows_no_trace(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, f"{name}.cli", Interrupting("cli"))
    with pytest.raises(SystemExit) as raised:
        runpy.run_module(name, run_name="__main__")
    assert raised.value.code == 130
