"""What every test is run with."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from beanpod_emulator.environ import remove_aws_settings
from tests.deploy.bundles.compose_command import direct_compose
from tests.deploy.engine import docker_engine

__all__ = ["direct_compose", "docker_engine"]

# How long an example takes says how busy the machine is.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# A shell ignores SIGINT for what it starts in the background, nohup SIGHUP: processes of the tests would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Tests ask the emulated AWS, from this process too, whatever account the shell is set up for.
remove_aws_settings()

# AWS's rules for templates take seconds to load in each process. tests/stacks applies them, and a user's own commands.
os.environ["CDK_VALIDATION"] = "false"

# Hundreds of processes load the same modules, and dozens the CDK CLI: compiled once, whatever the shell says.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("NODE_COMPILE_CACHE", str(Path(__file__).parent / "build/node-cache"))

# A file goes to one worker whole. Those that take minutes go first, so that none is left for one worker at the end.
_SLOW = (
    "test_own_apps.py",
    "test_walkthrough.py",
    "test_changes.py",
    "test_verify_hook.py",
    "test_release_verdict.py",
    "test_instances.py",
    "test_whole_flow.py",
    "test_development_page.py",
    "test_policies.py",
    "test_browser.py",
    "test_cases.py",
    "test_command_lines.py",
    "test_cdk.py",
    "test_installed.py",
    "test_release_commands.py",
    "test_every_key.py",
    "test_own_app.py",
    "test_environ.py",
    "test_types.py",
    "test_web_pages.py",
)


# Unit tests start nothing but Node, on which the CDK's library runs; end-to-end tests start containers or a browser,
# which these fixtures stand for; integration tests start programs of this machine and the emulator of AWS.
_END_TO_END = {"docker_engine", "browser"}
_UNIT = (
    "tests/benchmarks/test_figures.py",
    "tests/benchmarks/test_waiting.py",
    "tests/cli/output",
    "tests/cli/test_preview.py",
    "tests/constructs",
    "tests/deploy/aws/test_errors.py",
    "tests/manifest",
    "tests/stacks/test_stacks.py",
    "tests/test_rules.py",
    "tests/test_stacks.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers `-n auto` starts: two more than cores, since many tests wait for containers."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its kind, and put the slowest files first."""
    for item in items:
        item.add_marker(_kind(item))
    order = {name: place for place, name in enumerate(_SLOW)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def _kind(item: pytest.Item) -> str:
    if _END_TO_END.intersection(getattr(item, "fixturenames", ())):
        return "e2e"
    return "unit" if item.nodeid.startswith(_UNIT) else "integration"
