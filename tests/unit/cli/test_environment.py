"""A misspelt setting is told with the nearest name; what Kubernetes adds is neither told nor a setting."""

from collections.abc import Iterator

import pytest
import typer
from typer.main import get_command

import foldlog_server.cli.main  # noqa: F401  (for the commands that it adds)
from foldlog_server.cli import apps
from foldlog_server.cli.environment import SETTINGS, is_service_link, misspelt


def variables(command: object) -> Iterator[str]:
    """Of the options of a command and of those below it."""
    for option in getattr(command, "params", []):
        if option.envvar:
            yield option.envvar
    for inner in getattr(command, "commands", {}).values():
        yield from variables(inner)


def test_the_settings_are_those_of_the_command_line() -> None:
    assert isinstance(apps.app, typer.Typer)
    assert set(SETTINGS) == set(variables(get_command(apps.app)))


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("FOLDLOG_LISTN", "FOLDLOG_LISTEN"),
        ("FOLDLOG_DATA_DIR", "FOLDLOG_DATA"),
        ("FOLDLOG_GRACE", "FOLDLOG_GRACE_SECONDS"),
        ("FOLDLOG_LOGLEVEL", "FOLDLOG_LOG_LEVEL"),
        ("FOLDLOG_REQUEST_WINDOW", "FOLDLOG_REQUEST_WINDOW_HOURS"),
        ("FOLDLOGDATA", "FOLDLOG_DATA"),
    ],
)
def test_a_misspelt_setting_is_told_with_the_nearest(name: str, nearest: str) -> None:
    [line] = misspelt([name, "PATH", "FOLDLOG_DATA"])
    assert line == f"{name} is not a setting and is ignored. Did you mean {nearest}?"


def test_where_nothing_is_near_all_are_told() -> None:
    [line] = misspelt(["FOLDLOG_X"])
    assert all(name in line for name in SETTINGS)


def test_each_is_told() -> None:
    assert len(misspelt(["FOLDLOG_B", "FOLDLOG_A"])) == 2


@pytest.mark.parametrize(
    "name",
    [
        "FOLDLOG_SERVICE_HOST",
        "FOLDLOG_SERVICE_PORT",
        "FOLDLOG_SERVICE_PORT_GRPC",
        "FOLDLOG_PORT",
        "FOLDLOG_PORT_50051_TCP",
        "FOLDLOG_PORT_50051_TCP_PROTO",
        "FOLDLOG_PORT_50051_TCP_PORT",
        "FOLDLOG_PORT_50051_TCP_ADDR",
        "FOLDLOG_PORT_53_UDP",
        "FOLDLOG_DATA_PORT",
        "FOLDLOG_LISTEN_SERVICE_HOST",
        "FOLDLOG_EU_1_PORT_50051_TCP_ADDR",
    ],
)
def test_what_kubernetes_adds_is_passed_over(name: str) -> None:
    assert misspelt([name]) == []


def test_no_setting_has_a_name_that_kubernetes_gives() -> None:
    assert not any(is_service_link(name) for name in SETTINGS)
