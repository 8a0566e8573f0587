"""Run a command and end with one line and its exit code."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import NoReturn, TextIO

from beanpod.cli.commands.connection import Connection, DefaultConnection
from beanpod.cli.commands.context import Context
from beanpod.cli.hidden import hidden_values
from beanpod.cli.output import Display, Failure, Masks, Writer, choose
from beanpod.cli.output.answers import Answers, FailureAnswer, JsonAnswers, ReaderGoneError, TextAnswers, printer
from beanpod.cli.output.choice import suitable
from beanpod.cli.output.display import PREFIX
from beanpod.cli.output.table import Paint
from beanpod.cli.parser import Options, parse
from beanpod.deploy.clock import Clock, SystemClock
from beanpod.deploy.errors import DeployError, InterruptionError, UsageError
from beanpod.manifest import ManifestError

_REQUIREMENTS = ("boto3", "pydantic", "rich", "yaml")
# As a shell counts a process that SIGPIPE ended.
_READER_GONE = 141


def main(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str] = os.environ,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    clock: Clock | None = None,
    connection: Connection | None = None,
) -> int:
    """Runs one command and returns its exit code; see `beanpod.deploy.errors`.

    Default: this process's variables, streams and clock, and AWS as boto3 finds it.
    """
    stdout, stderr, clock = stdout or sys.stdout, stderr or sys.stderr, clock or SystemClock()
    options = parse(arguments)
    masks = Masks()
    if missing := [name for name in _REQUIREMENTS if find_spec(name) is None]:
        Writer(stderr, masks).line(f"{PREFIX}{_missing(missing)}")
        return UsageError.exit_code
    display = choose(
        options.output,
        stream=stderr if options.json else stdout,
        errors=stderr,
        environ=environ,
        masks=masks,
        clock=clock,
        verbose=options.verbose,
    )
    with display:
        for value in hidden_values(environ):
            display.mask(value)
        answers = _answers(options, stdout, masks, environ, display)
        return _run(Context(options, environ, clock, display, answers, connection or DefaultConnection()))


def _missing(names: Sequence[str]) -> str:
    return f"{', '.join(names)} not installed: run {sys.executable} -m pip install -r requirements-deploy.txt"


def _answers(options: Options, stdout: TextIO, masks: Masks, environ: Mapping[str, str], display: Display) -> Answers:
    if options.json:
        return JsonAnswers(printer(stdout), masks)
    kind = suitable(stdout, environ) if options.output == "auto" else options.output
    # In a workflow only the display knows how to write what GitHub takes for no command.
    write = display.say if kind == "github" else printer(stdout)
    return TextAnswers(write, masks, Paint.suiting(stdout, environ))


def _run(context: Context) -> int:
    try:
        import_module(f"beanpod.cli.commands.{context.options.command}").run(context)
    except ReaderGoneError:
        return _READER_GONE
    except (Exception, KeyboardInterrupt) as error:
        return _failed(context, _failure(error, context))
    return 0


def _failure(error: BaseException, context: Context) -> Failure:
    outcome = context.known.outcome()
    return replace(
        _told(error, verbose=context.options.verbose),
        outcome=outcome and replace(outcome, phases=context.display.phases),
        trace=_trace(error) if context.options.verbose else (),
    )


def _told(error: BaseException, *, verbose: bool) -> Failure:
    if isinstance(error, DeployError):
        return Failure.of(error)
    if isinstance(error, ManifestError):
        return Failure(str(error), UsageError.exit_code)
    if isinstance(error, KeyboardInterrupt):
        return Failure("interrupted", InterruptionError.exit_code)
    remedy = "" if verbose else "; run again with --verbose for the trace"
    return Failure(f"unexpected {type(error).__name__}: {error}{remedy}", DeployError.exit_code)


def _trace(error: BaseException) -> tuple[str, ...]:
    from traceback import format_exception

    return tuple("".join(format_exception(error)).splitlines())


def _failed(context: Context, failure: Failure) -> int:
    context.display.fail(failure)
    if context.options.json:
        with suppress(ReaderGoneError):
            context.answers.give(FailureAnswer(failure))
    return failure.exit_code


def _leave(code: int) -> NoReturn:
    """Exit; a reader that is gone must not turn the code into Python's own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)


def run() -> NoReturn:
    """Run the command of this process, as the console command `beanpod` and `python -m beanpod` do."""
    from beanpod.cli.signals import Interruptions

    Interruptions().install()
    try:
        _leave(main(sys.argv[1:]))
    except KeyboardInterrupt:
        _leave(InterruptionError.exit_code)
