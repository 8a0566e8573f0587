"""The end-to-end rehearsal: from git push to a page in the browser, on this machine.

`make rehearse`. The CDK CLI, git, the workflow's steps, the deploy command, Docker, the registry, the database and the
load balancer are real; AWS is the embedded one, and GitHub a folder. Exits with 0 if every step succeeds.
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
    with e2e_fixture() as fixture:
        fixture.build_infrastructure()
        url = fixture.release("git push: the first release", None)
        client = GuestbookClient(url)
        with step("Posting an entry"):
            _sign(client)
        _release_under_load(fixture, url)
        _break(fixture, client)
        seconds = time.monotonic() - began
        console.print(f"\n[bold green]All of it worked[/], in {seconds:.0f} s.")
        console.print(f"The service {'answers' if keep else 'answered'} at\n  [bold]{url}[/]\n", soft_wrap=True)
        if keep:
            fixture.revert()
            fixture.show()
            interrupted.wait()


def _sign(client: GuestbookClient) -> None:
    try:
        client.sign("A guest", _MESSAGE)
        _expect_entry(client)
    except OSError as error:
        raise StepFailedError(f"the book at {client.url} cannot be signed: {error}") from error


def _expect_entry(client: GuestbookClient) -> None:
    if _MESSAGE not in client.messages():
        raise StepFailedError("the entry that was signed before is not on the page any more")


def _release_under_load(fixture: E2EFixture, url: str) -> None:
    old, new = _WORDS
    with LoadGenerator(url, _WORDS) as load:
        fixture.release("git push: the page changes, under load", ("service/src/pages.js", old, new))
        time.sleep(1)
    if load.failed or not load.responses[old] or not load.responses[new]:
        raise StepFailedError(f"of {load.requests} requests, {load.failed or 'none'} failed: {dict(load.responses)}")
    responses = load.responses
    console.print(
        f"   {load.requests} requests, none failed: {responses[old]} got the old page, {responses[new]} the new one"
    )
    _expect_entry(GuestbookClient(url))


def _break(fixture: E2EFixture, client: GuestbookClient) -> None:
    before, new = fixture.label(), _WORDS[1]
    # Every test passes, and the image lacks a file: what only shows where it runs.
    change = ("service/.dockerignore", "!src\n", "!src\nsrc/tickets.js\n")
    with LoadGenerator(client.url, _WORDS) as load:
        fixture.release("git push: a broken release is rolled back", change, expected="failure")
    if fixture.label() != before or load.failed or new not in client.read():
        raise StepFailedError(f"the environment runs {fixture.label()}, not {before}: {dict(load.responses)}")
    console.print(f"   {before} serves again; {load.requests} requests meanwhile, none failed")
    _expect_entry(client)


if __name__ == "__main__":
    sys.exit(main())
