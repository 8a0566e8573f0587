"""Run a command and exit with its code; a failure is one line on standard error."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from traceback import format_exception
from typing import NoReturn, TextIO

from beanpod.cli.commands.context import Connection, Context
from beanpod.cli.hints import completed
from beanpod.cli.output import make_renderer, output_for
from beanpod.cli.output.display import PREFIX, Display, Failure
from beanpod.cli.output.results import ReaderGoneError, Results, failure_document, line_writer
from beanpod.cli.output.text import Masks, Paint, SafeStream
from beanpod.cli.parser import parse
from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import DeployError, InterruptionError, RolledBackError, UsageError, unwritable

_REQUIREMENTS = ("boto3", "pydantic", "rich", "yaml")
# 128 + SIGPIPE, as a shell reports it.
_READER_GONE = 141


def main(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str] = os.environ,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    clock: Clock | None = None,
    connection: Connection | None = None,
    run: Callable[[Context], None] | None = None,
) -> int:
    """Run a command.

    Args:
        arguments: The command line without the program's name.
        environ: Variables. Default: this process's.
        stdout: Standard output. Default: this process's.
        stderr: Standard error. Default: this process's.
        clock: The clock. Default: the system's.
        connection: Makes AWS clients. Default: boto3 with its default credentials.
        run: What the command does. Default: what its module in `beanpod.cli.commands` does.

    Returns:
        The exit code; see `beanpod.deploy.errors`.
    """
    stdout, stderr, clock = stdout or sys.stdout, stderr or sys.stderr, clock or Clock()
    options = parse(arguments)
    if missing := [name for name in _REQUIREMENTS if find_spec(name) is None]:
        install = f"{sys.executable} -m pip install beanpod"
        SafeStream(stderr).line(f"{PREFIX}{', '.join(missing)} not installed: run {install}")
        return UsageError.exit_code
    # Imported here and below, since beanpod.manifest imports pydantic: --help is quick.
    from beanpod.cli.environment_secrets import secret_values

    masks = Masks()
    stream = stderr if options.json else stdout
    kind = output_for(stream, environ) if options.output == "auto" else options.output
    renderer = make_renderer(kind, stream=stream, errors=stderr, environ=environ, clock=clock, verbose=options.verbose)

    def complete(text: str) -> str:
        return completed(text, options)

    with Display(renderer, masks=masks, clock=clock, complete=complete) as display:
        for value in secret_values(environ):
            display.mask(value)
        # In a workflow the display prevents that the runner obeys a line of the result.
        write = display.say if kind == "github" and not options.json else line_writer(stdout)
        results = Results(write, masks, Paint.for_stream(stdout, environ), options.json, complete)
        return _run(Context(options, environ, clock, display, results, connection or Connection()), run)


def _run(context: Context, run: Callable[[Context], None] | None) -> int:
    try:
        if context.options.rehearsal:
            from beanpod.cli.rehearsal.kept import rehearsed

            options, environ = rehearsed(context.options, context.environ)
            context = replace(context, options=options, environ=environ)
        (run or import_module(f"beanpod.cli.commands.{context.options.command}").run)(context)
    except ReaderGoneError:
        return _READER_GONE
    except (Exception, KeyboardInterrupt) as error:
        failure = _failure(error, context)
        context.display.fail(failure)
        if context.options.json:
            with suppress(ReaderGoneError, DeployError):
                # Of events that are followed, each document is a line.
                context.results.emit(failure_document(failure), indent=None if context.options.follow else 2)
        return failure.exit_code
    return 0


def _failure(error: BaseException, context: Context) -> Failure:
    from beanpod.manifest import ManifestError

    verbose, outcome = context.options.verbose, context.outcome()
    match error:
        case DeployError():
            failure = Failure(str(error), error.exit_code, error.causes, isinstance(error, RolledBackError))
        case ManifestError():
            failure = Failure(str(error), UsageError.exit_code)
        case KeyboardInterrupt():
            failure = Failure("interrupted", InterruptionError.exit_code)
        case OSError() if problem := unwritable(error):
            failure = Failure(problem, UsageError.exit_code)
        case _:
            advice = "" if verbose else "; run again with --verbose for the trace"
            failure = Failure(f"unexpected {type(error).__name__}: {error}{advice}", DeployError.exit_code)
    return replace(
        failure,
        outcome=outcome and replace(outcome, phases=context.display.phases),
        trace=tuple("".join(format_exception(error)).splitlines()) if verbose else (),
    )


def run() -> NoReturn:
    """Run the command of this process, as the console command `beanpod` and `python -m beanpod` do."""
    from beanpod.deploy.signals import Interruptions

    Interruptions().install()
    # Python has no stream where the file descriptor was closed, as by `>&-`.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    try:
        code = main(sys.argv[1:])
    except SystemExit as end:
        # After --help, --version, or a mistake in the command line.
        code = int(end.code or 0)
    except KeyboardInterrupt:
        code = InterruptionError.exit_code
    _exit(code)


def _exit(code: int) -> NoReturn:
    """Exit with `code`, also if a stream is closed or its disk is full, where Python would exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if code == InterruptionError.exit_code:
        # Wherever it was interrupted, a library's lock may be left taken; what it does at Python's exit would wait.
        os._exit(code)
    sys.exit(code)
