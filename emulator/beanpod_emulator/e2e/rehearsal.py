"""The rehearsal: from git push to a page in the browser, on this machine.

`make rehearse`. The CDK CLI, git, the workflow's steps, the deploy script, Docker, the registry, the database and the
proxy are real; AWS is the embedded one, and GitHub a folder. Ends 0 only if every step did what it should.
"""

import argparse
import sys
import time

from beanpod_emulator.docker_runtime.docker import NoEngineError
from beanpod_emulator.e2e.fixture import E2EFixture, e2e_fixture
from beanpod_emulator.e2e.load_generator import GuestbookClient, LoadGenerator
from beanpod_emulator.e2e.registry import NoRegistryError
from beanpod_emulator.e2e.steps import StepFailedError, console, interrupted, note_interruptions, step
from beanpod_emulator.embedded_aws import EmbeddedAwsError
from beanpod_emulator.environ import remove_aws_settings

_WORDS = ("Leave a line for whoever comes after you.", "Rehearsed, and changed by a second push.")
_MESSAGE = "I was here before the second release."
_NEEDED = (NoEngineError, NoRegistryError, EmbeddedAwsError)


def main(arguments: list[str] | None = None) -> int:
    """Rehearse. Exit code 0, 1 if a step failed, 2 without Docker or a registry, 130 when interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m beanpod_emulator.e2e.rehearsal", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--keep", action="store_true", help="leave it all running until Ctrl-C")
    options = parser.parse_args(arguments)
    note_interruptions()
    remove_aws_settings()
    try:
        _rehearse(keep=options.keep)
    except (StepFailedError, *_NEEDED) as error:
        if interrupted.is_set():
            console.print("interrupted: nothing is left running")
            return 130
        console.print(f"[bold red]failed[/] {error}", soft_wrap=True)
        return 2 if isinstance(error, _NEEDED) else 1
    console.print("Nothing is left running.")
    return 0


def _rehearse(*, keep: bool) -> None:
    began = time.monotonic()
    with e2e_fixture() as stage:
        stage.build_infrastructure()
        url = stage.release("git push: the first release", None)
        guest = GuestbookClient(url)
        with step("A guest signs the book"):
            _sign(guest)
        _release_under_load(stage, url)
        _break(stage, guest)
        seconds = time.monotonic() - began
        console.print(f"\n[bold green]All of it worked[/], in {seconds:.0f} s.")
        console.print(f"The service {'answers' if keep else 'answered'} at\n  [bold]{url}[/]\n", soft_wrap=True)
        if keep:
            stage.repair()
            stage.show()
            interrupted.wait()


def _sign(guest: GuestbookClient) -> None:
    try:
        guest.sign("A guest", _MESSAGE)
        _expect_entry(guest)
    except OSError as error:
        raise StepFailedError(f"the book at {guest.url} cannot be signed: {error}") from error


def _expect_entry(guest: GuestbookClient) -> None:
    if _MESSAGE not in guest.messages():
        raise StepFailedError("the entry that was signed before is not on the page any more")


def _release_under_load(stage: E2EFixture, url: str) -> None:
    old, new = _WORDS
    with LoadGenerator(url, _WORDS) as crowd:
        stage.release("git push: the page changes, while guests keep asking for it", ("service/src/pages.js", old, new))
        time.sleep(1)
    if crowd.failed or not crowd.answers[old] or not crowd.answers[new]:
        raise StepFailedError(f"of {crowd.asked} requests, {crowd.failed or 'none'} failed: {dict(crowd.answers)}")
    answers = crowd.answers
    console.print(
        f"   {crowd.asked} requests, none failed: {answers[old]} saw the old page, {answers[new]} the new one"
    )
    _expect_entry(GuestbookClient(url))


def _break(stage: E2EFixture, guest: GuestbookClient) -> None:
    before, new = stage.label(), _WORDS[1]
    # Every test passes, and the image lacks a file: what only shows where it runs.
    change = ("service/.dockerignore", "!src\n", "!src\nsrc/tickets.js\n")
    with LoadGenerator(guest.url, _WORDS) as crowd:
        stage.release("git push: a broken release is rolled back", change, expected="failure")
    if stage.label() != before or crowd.failed or new not in guest.read():
        raise StepFailedError(f"the environment runs {stage.label()}, not {before}: {dict(crowd.answers)}")
    console.print(f"   {before} serves again; {crowd.asked} requests meanwhile, none failed")
    _expect_entry(guest)


if __name__ == "__main__":
    sys.exit(main())
