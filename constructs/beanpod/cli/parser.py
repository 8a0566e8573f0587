"""The command line of `beanpod`. Imports nothing that is slow to load, so that --help is quick."""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

OUTPUTS = ("auto", "terminal", "lines", "github")
SHELLS = ("bash", "zsh", "fish")
# Besides Ok and Info: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-status.html
HEALTHS = ("Warning", "Degraded", "Severe", "Pending", "NoData", "Unknown", "Suspended")
# Each with its help and an example.
COMMANDS = {
    "init": ("Create a Beanpod project for the app in this folder", "beanpod init --image me/shop"),
    "check": ("Check the manifest, the Dockerfile and the Compose file", "beanpod check --bundle /tmp/bundle"),
    "deploy": ("Build, push, deploy and verify a release", "beanpod deploy --stage prod"),
    "build": ("Build and push the images without deploying them", "beanpod build --stage prod --dry-run"),
    "status": ("Show the environment, its version and its instances", "beanpod status --stage prod --json"),
    "versions": ("List the versions of the application", "beanpod versions --stage prod"),
    "rollback": ("Deploy an earlier version", "beanpod rollback --stage prod shop-3f9a6c0de1b2a4f5"),
    "logs": ("Show the latest lines of the logs", "beanpod logs --stage prod"),
    "events": ("Show the events of the environment", "beanpod events --stage prod --follow"),
    "rehearse": ("Deploy the app to an emulated AWS on this machine", "beanpod rehearse --keep"),
    "demo": ("Deploy the stacks to an emulated AWS, without Docker", "beanpod demo"),
    "cdk": ("Run the CDK CLI that belongs to this version", "beanpod cdk deploy --all -c stage=prod"),
    "diff": ("Show what a deployment of the infrastructure would change", "beanpod diff --against ../main"),
    "completion": ("Print the completion script of a shell", "beanpod completion bash"),
    "secrets": ("Set the secrets that CI needs in a GitHub repository", "beanpod secrets --repo me/shop --env prod"),
}
# Options of init, named as in beanpod.project.choices.Choices.
_CHOICES = {
    "name": ("NAME", "name of the service (default: the repository's, or the folder's)"),
    "image": ("USER/NAME", "repository of the image (default: by Docker's login)"),
    "dockerfile": ("FILE", "Dockerfile to deploy, in place of a Compose file"),
    "compose": ("FILE", "Compose file to deploy"),
    "port": ("PORT", "port on which the container listens"),
    "health_check_path": ("PATH", "path that answers 200"),
    "engine": ("ENGINE", "database: mysql, mariadb, postgres or none"),
    "compose_service": ("SERVICE", "service of the Compose file that RDS replaces"),
}
_OPERANDS = {"rollback": " [LABEL]", "completion": " SHELL"}
_EPILOG = """\
exit codes:
  0  success, or nothing to do      5    failed; the previous version runs again
  1  unexpected error               6    failed; not rolled back
  2  usage, manifest, credentials   7    timed out; the state is unknown
  3  build, push or bundle failed   130  interrupted
  4  busy, locked or superseded

Docker's login: DOCKER_USERNAME and DOCKER_PASSWORD. AWS's: as for the AWS CLI."""


@dataclass(frozen=True)
class Options:
    """The command line. The others are options, as make_parser() describes them.

    Attributes:
        command: One of COMMANDS.
        stage: The stage of the manifest. Default: its first; for check: all.
        wait_timeout: Seconds for the rollout. Default: as its deployment policy takes.
        ready_timeout: Seconds until a busy environment must be Ready. Default: as a rollout of the stage takes.
        recovery: Seconds until its health must recover.
        accept_health: Health that is accepted besides Ok and Info.
        label: The label of the version to roll back to. Default: the previous one.
        given: What `init` is not to find out itself: values of `beanpod.project.choices.Choices`.
        arguments: The command line of the CDK CLI.
    """

    command: str
    stage: str | None = None
    manifest: Path = Path("beanpod.toml")
    json: bool = False
    verbose: bool = False
    output: str = "auto"
    dry_run: bool = False
    bundle: Path | None = None
    force: bool = False
    wait_timeout: float | None = None
    ready_timeout: float | None = None
    recovery: float = 120
    accept_health: tuple[str, ...] = ()
    roll_back: bool = True
    label: str | None = None
    follow: bool = False
    repository: str | None = None
    environment: str | None = None
    only_print: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    diff: bool = False
    against: Path | None = None
    shell: str = ""
    arguments: tuple[str, ...] = ()
    keep: bool = False
    rehearsal: bool = False


def parse(arguments: Sequence[str]) -> Options:
    """Parse the command line; the common options may precede the command.

    Exits with 2 and one line for a mistake, with 2 and the help without a command; with 0 after --help and --version.
    """
    parser = make_parser()
    if not arguments:
        parser.print_help(sys.stderr)
        parser.exit(2)
    if arguments[0] == "cdk":
        # All options are the CDK CLI's, --help too.
        return Options("cdk", arguments=tuple(arguments[1:]))
    given = vars(parser.parse_args(arguments))
    if given.pop("version", False):
        # Imported here: it takes longer than the rest of --help.
        from importlib.metadata import version

        # Like the help, it may go to a full disk.
        with suppress(OSError):
            print(f"beanpod {version('beanpod')}")  # noqa: T201
        parser.exit()
    if not given.get("command"):
        parser.error("no command given")
    given["accept_health"] = tuple(given.get("accept_health", ()))
    given["given"] = {name: given.pop(name) for name in _CHOICES if name in given}
    return Options(**given)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26)

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        # Without the line "COMMAND" above the commands.
        return text.partition("\n")[2] if action.nargs == argparse.PARSER else text


class _Parser(argparse.ArgumentParser):
    """A parser that reports a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"beanpod: {message}: see {self.prog} --help\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # By the parser of the command, whose help lists its options.
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unknown option or argument: {' '.join(unknown)}")
        return known, unknown


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = _Parser(
        prog="beanpod",
        usage="beanpod COMMAND [OPTIONS]",
        description="Deploy a Dockerised web app to AWS Elastic Beanstalk.",
        epilog=_EPILOG,
        formatter_class=_Formatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        add_help=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", prog="beanpod")
    for name, (text, example) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=text,
            usage=f"beanpod {name} [OPTIONS]{_OPERANDS.get(name, '')}",
            description=f"{text}.",
            epilog=f"example: {example}",
            formatter_class=_Formatter,
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
            add_help=False,
        )
        _add_options(command, name)
        _add_common(command)
    _add_common(parser).add_argument("--version", action="store_true", help="show the version of Beanpod")
    return parser


def _add_common(parser: argparse.ArgumentParser) -> Any:
    """Add the options of all commands. Returns their group."""
    group = parser.add_argument_group("common options")
    add = group.add_argument
    add("--stage", metavar="NAME", help="stage of the manifest (default: its first; check: all)")
    add("--manifest", type=Path, metavar="FILE", help="manifest (default: beanpod.toml)")
    add("--json", action="store_true", help="write the result as JSON, progress to stderr")
    add("--output", choices=OUTPUTS, metavar="KIND", help="auto, terminal, lines or github (default: auto)")
    add("--verbose", action="store_true", help="show all output of Docker, and Python's traces")
    add("-h", "--help", action="help", help="show this help")
    return group


def _add_options(parser: argparse.ArgumentParser, command: str) -> None:
    add = parser.add_argument
    if command == "init":
        for name, (metavar, text) in _CHOICES.items():
            flag = "--database" if name == "engine" else f"--{name.replace('_', '-')}"
            choices = ("mysql", "mariadb", "postgres", "none") if name == "engine" else None
            add(flag, dest=name, metavar=metavar, type=int if name == "port" else str, choices=choices, help=text)
        add("--diff", action="store_true", help="show how the files differ from what this version writes")
    if command in ("init", "deploy", "build"):
        add("--dry-run", action="store_true", help="show what would be done, and change nothing")
    if command in ("build", "check"):
        add("--bundle", type=Path, metavar="FOLDER", help="write the bundle's files to this new or empty folder")
    if command == "deploy":
        add("--force", action="store_true", help="deploy even if the version runs already, or a newer one")
        add("--no-rollback", dest="roll_back", action="store_false", help="do not roll back a failed release")
    if command in ("deploy", "rollback"):
        _add_seconds(parser, "--wait-timeout", "how long the rollout may take", "1800, or as its policy takes")
        _add_seconds(parser, "--ready-timeout", "how long to wait until the environment is Ready", "as a rollout")
        _add_seconds(parser, "--recovery", "how long to wait until it is healthy", "120")
        text = f"also accept this health; may be repeated: {', '.join(HEALTHS)}"
        add("--accept-health", action="append", choices=HEALTHS, metavar="HEALTH", help=text)
    if command == "rollback":
        add("label", nargs="?", metavar="LABEL", help="label of the version (default: the previous one)")
    if command == "events":
        add("--follow", action="store_true", help="show new events until Ctrl-C")
    if command == "diff":
        text = "compare all stages with the project in this folder, as Markdown (default: with the stage on AWS)"
        add("--against", type=Path, metavar="FOLDER", help=text)
    if command in ("deploy", "status", "versions", "rollback", "logs", "events"):
        add("--rehearsal", action="store_true", help="use the rehearsal that `beanpod rehearse --keep` runs")
    if command == "rehearse":
        add("--keep", action="store_true", help="leave everything running until Ctrl-C")
    if command == "completion":
        add("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")
    if command == "secrets":
        text = "GitHub repository (default: the manifest's, or the checkout's)"
        add("--repo", dest="repository", metavar="OWNER/NAME", help=text)
        add("--env", dest="environment", metavar="NAME", help="environment of the repository (default: none)")
        text = "print the commands without values, and set nothing"
        add("--print", dest="only_print", action="store_true", help=text)


def _add_seconds(parser: argparse.ArgumentParser, flag: str, text: str, default: str) -> None:
    parser.add_argument(flag, type=_seconds, metavar="SECONDS", help=f"{text} (default: {default})")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, got {text!r}")
    return seconds
