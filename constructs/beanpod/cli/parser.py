"""The command line of `beanpod`: what may be asked, and nothing that takes long to load."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from beanpod.cli.output.choice import OUTPUTS

_PROGRAM = "beanpod"
DEFAULT_COMMAND = "deploy"
COMMANDS = {
    "deploy": "build, push, roll out and verify (done where no command is named)",
    "build": "build and push the image and make the bundle; the environment is left alone",
    "status": "what runs where, and how each instance is",
    "versions": "the versions that can be rolled out, newest first",
    "rollback": "roll out an earlier version: the previous one, or the one named",
    "logs": "the latest lines that the service and its instances logged",
    "events": "what the environment said; with --follow, until Ctrl-C",
    "secrets": "put the deployer's key and the Docker login into a GitHub repository's secrets",
}
# Those of beanpod.deploy.rollout.settings which a release is not content with by itself.
HEALTHS = ("Warning", "Degraded", "Severe", "Pending", "NoData", "Unknown", "Suspended")
_EPILOG = """\
exit codes:
  0  deployed, or nothing to do      5    failed, and the previous version serves
  1  unexpected                      6    failed, and not rolled back
  2  usage, manifest, credentials    7    the time ran out: the state is unknown
  3  build, push or bundle           130  interrupted
  4  busy, locked or superseded

DOCKER_USERNAME and DOCKER_PASSWORD log Docker in. AWS credentials come from where the AWS CLI takes them."""


@dataclass(frozen=True)
class Options:
    """What was asked.

    wait_timeout, ready_timeout, recovery: seconds; for the rollout, until a busy environment is Ready, and for its
    health to come back. accept_health: what passes besides Ok and Info. label: the version to go back to. Default:
    the previous one. repository: OWNER/NAME on GitHub. Default: the manifest's, or the checkout's. environment: one
    of that repository's. bundle: the folder that gets the bundle's files. Default: none is written.
    """

    command: str = DEFAULT_COMMAND
    stage: str | None = None
    manifest: Path = Path("beanpod.toml")
    json: bool = False
    verbose: bool = False
    output: str = "auto"
    dry_run: bool = False
    bundle: Path | None = None
    force: bool = False
    wait_timeout: float = 1800
    ready_timeout: float = 900
    recovery: float = 120
    accept_health: tuple[str, ...] = ()
    roll_back: bool = True
    label: str | None = None
    follow: bool = False
    repository: str | None = None
    environment: str | None = None
    only_print: bool = False


class _Parser(argparse.ArgumentParser):
    """Tells a slip in one line, as every other error is told."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"deploy: {message}: see {self.prog} --help\n")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (0 <= seconds < math.inf):
        raise argparse.ArgumentTypeError(f"must be a number of seconds, got {text!r}")
    return seconds


@dataclass(frozen=True)
class _Option:
    flag: str
    destination: str
    help: str
    commands: tuple[str, ...] = tuple(COMMANDS)
    more: tuple[tuple[str, Any], ...] = ()

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        arguments = dict(self.more)
        if self.flag.startswith("-"):
            arguments["dest"] = self.destination
        parser.add_argument(self.flag, help=self.help, **arguments)


_SWITCH = (("action", "store_true"),)
_SECONDS = (("type", _seconds), ("metavar", "SECONDS"))
_ROLLING = ("deploy", "rollback")
_OPTIONS = (
    _Option("--stage", "stage", "stage of the manifest. Default: its first", more=(("metavar", "NAME"),)),
    _Option(
        "--manifest",
        "manifest",
        "the manifest. Default: beanpod.toml",
        more=(("type", Path), ("metavar", "FILE")),
    ),
    _Option("--json", "json", "the result as JSON on standard output; progress on standard error", more=_SWITCH),
    _Option("--verbose", "verbose", "all that Docker prints, and Python's trace of an error", more=_SWITCH),
    _Option(
        "--output",
        "output",
        f"how progress is shown: {', '.join(OUTPUTS)}. Default: auto, which takes what suits",
        more=(("choices", OUTPUTS), ("metavar", "HOW")),
    ),
    _Option("--dry-run", "dry_run", "show what would be done, and touch nothing", ("deploy", "build"), _SWITCH),
    _Option(
        "--bundle",
        "bundle",
        "write the bundle's files into this folder, new or empty; with --dry-run before anything exists",
        ("build",),
        (("type", Path), ("metavar", "FOLDER")),
    ),
    _Option("--force", "force", "roll out even what runs already, or is older than what runs", ("deploy",), _SWITCH),
    _Option("--wait-timeout", "wait_timeout", "how long a rollout may take. Default: 1800", _ROLLING, _SECONDS),
    _Option(
        "--ready-timeout", "ready_timeout", "how long to wait for a busy environment. Default: 900", _ROLLING, _SECONDS
    ),
    _Option("--recovery", "recovery", "how long health may take to come back. Default: 120", _ROLLING, _SECONDS),
    _Option(
        "--accept-health",
        "accept_health",
        f"also accept this health: {', '.join(HEALTHS)}; may be repeated. Default: only Ok and Info",
        _ROLLING,
        (("action", "append"), ("choices", HEALTHS), ("metavar", "HEALTH")),
    ),
    _Option(
        "--no-rollback",
        "roll_back",
        "leave a failed release as it is, to look into it",
        ("deploy",),
        (("action", "store_false"),),
    ),
    _Option(
        "label",
        "label",
        "label of the version. Default: the one before the current",
        ("rollback",),
        (("nargs", "?"), ("metavar", "LABEL")),
    ),
    _Option("--follow", "follow", "go on until Ctrl-C", ("events",), _SWITCH),
    _Option(
        "--repo",
        "repository",
        "the GitHub repository. Default: the manifest's delivery.github, or this checkout's",
        ("secrets",),
        (("metavar", "OWNER/NAME"),),
    ),
    _Option(
        "--env",
        "environment",
        "set them in this environment of the repository. Default: in the repository itself",
        ("secrets",),
        (("metavar", "NAME"),),
    ),
    _Option("--print", "only_print", "print the commands, without any value, and set nothing", ("secrets",), _SWITCH),
)


def parse(arguments: Sequence[str]) -> Options:
    """Options from the command line; options may stand before or after the command.

    Exits with 2 for what cannot be understood, and with 0 after --help, as argparse does.
    """
    parser = _parser()
    known, unknown = parser.parse_known_args(arguments)
    given, flags = vars(known), {text.partition("=")[0] for text in unknown}
    command = given["command"] = given.get("command") or DEFAULT_COMMAND
    foreign = [
        option.flag
        for option in _OPTIONS
        if (option.destination in given or option.flag in flags) and command not in option.commands
    ]
    if foreign:
        parser.error(f"{foreign[0]} does not go with {command}")
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    given["accept_health"] = tuple(given.get("accept_health", ()))
    return Options(**given)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=_PROGRAM,
        usage=f"{_PROGRAM} [COMMAND] [OPTIONS]",
        description="Build the service's image, push it, roll it out on Elastic Beanstalk, verify it, and roll it "
        "back where it fails.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    _add_options(parser, DEFAULT_COMMAND)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", prog=_PROGRAM)
    for name, text in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=text,
            usage=f"{_PROGRAM} {name}{' [LABEL]' if name == 'rollback' else ''} [OPTIONS]",
            description=f"{text[0].upper()}{text[1:]}.",
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
        _add_options(command, name)
    return parser


def _add_options(parser: argparse.ArgumentParser, command: str) -> None:
    for option in _OPTIONS:
        if command in option.commands:
            option.add_to(parser)
