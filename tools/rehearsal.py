"""`make rehearse`: `beanpod rehearse` with the guestbook's story: its releases are pushes, under load.

GitHub is a repository on this machine whose pushes run `.github/workflows/deploy.yaml` with act.
"""

import os
import re
import shutil
import sys
import time
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path

from beanpod.cli.commands.context import Context
from beanpod.cli.commands.rehearse import Rehearsal, RehearsedRelease, rehearse
from beanpod.cli.main import main
from beanpod.cli.rehearsal.domain import opener
from beanpod.cli.rehearsal.processes import Interrupted
from beanpod.deploy.errors import DeployError
from beanpod.deploy.signals import Interruptions
from beanpod.manifest import Domain, HostedZone
from tools.github import Repository, git
from tools.load_generator import GuestbookClient, LoadGenerator

_WORDS = ("Leave a line for whoever comes after you.", "Rehearsed, and changed by a second push.")
_MESSAGE = "I was here before the second release."
# Every test passes, and the image lacks a file: what only shows where it runs.
_BREAK = ("service/.dockerignore", "!src\n", "!src\nsrc/tickets.js\n")
# The example's dev stage has one instance; a domain is one of a load balancer.
_DOMAIN = Domain(
    name="guestbook.example.com",
    aliases=("www.guestbook.example.com",),
    hosted_zone=HostedZone(name="example.com", id="Z0123456789ABC"),
)
_BALANCED = {"environment": {"type": "LoadBalanced"}}
_HTTPS = (
    "GET http://guestbook.example.com/ answered 308, to https://guestbook.example.com/",
    "GET https://www.guestbook.example.com/ answered 308, to https://guestbook.example.com/",
    "Strict-Transport-Security: max-age=31536000",
)


class Story(StrEnum):
    """The phases after the stacks, in order."""

    REPOSITORY = "GitHub"
    FIRST = "Push"
    SECOND = "Update"
    BROKEN = "Broken"
    REVERT = "Revert"


class GuestbookRehearsal(Rehearsal):
    """A rehearsal whose releases are pushes of the guestbook, on a domain."""

    tables = _BALANCED

    def __init__(self, context: Context, interrupted: Interrupted, cleanup: ExitStack) -> None:
        super().__init__(context, interrupted, cleanup)
        self._keep = context.options.keep

    def releases(self) -> RehearsedRelease:
        """Push a first release, a second under load, and a broken one."""
        with self.step(Story.REPOSITORY):
            self._make_repository()
        with self.step(Story.FIRST):
            url = self._push("The guestbook")
            client = GuestbookClient(url, opener(self.project.domain_variables))
            try:
                client.sign("A guest", _MESSAGE)
            except OSError as error:
                raise DeployError(f"the book at {url} cannot be signed: {error}") from error
            first = RehearsedRelease(self._label(), url, "")
            self.display.say(f"git push: {first.label} at {url}")
            self._expect_entry(client)
            self._expect_https()
        with self.step(Story.SECOND):
            self._update(client)
        with self.step(Story.BROKEN):
            self._break(client)
        if self._keep:
            with self.step(Story.REVERT):
                # Without it, the next push would release the broken file again.
                git(self._clone, "revert", "--no-edit", "HEAD")
                self._push(None)
        return first

    @property
    def domain(self) -> Domain:
        return _DOMAIN

    def uses(self, exports: Path) -> list[tuple[str, str]]:
        return [("push", f"git clone {self._github.origin} guestbook"), *super().uses(exports)]

    def _make_repository(self) -> None:
        project = self.project
        scratch = self.workspace.top.parent
        places = {"AWS_ENDPOINT_URL": project.aws.endpoint_url, "AWS_EC2_METADATA_DISABLED": "true"}
        files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        runner = {
            **files,
            **places,
            **project.domain_variables,
            "PATH": project.variables["PATH"],
            "GITHUB_ACTOR": self.login["DOCKER_USERNAME"],
        }
        self._github = Repository.make(scratch / "github", environment=runner)
        self._github.set_secret("AWS_ACCESS_KEY", self.deployer["AWS_ACCESS_KEY_ID"])
        self._github.set_secret("AWS_SECRET_KEY", self.deployer["AWS_SECRET_ACCESS_KEY"])
        for name, value in self.login.items():
            self._github.set_secret(name, value)
        self._github.set_variable("AWS_REGION", project.aws.region)
        self._clone = scratch / "guestbook"
        git(scratch, "clone", "--quiet", str(self._github.origin), self._clone.name)
        git(self._clone, "checkout", "--quiet", "-b", "main")
        ignored = shutil.ignore_patterns("cdk.out", "cdk.context.json")
        shutil.copytree(project.folder, self._clone, symlinks=True, ignore=ignored, dirs_exist_ok=True)
        git(self._clone, "add", "--all")
        self.display.say("a repository with the deployer's key and the registry's login as secrets")

    def _push(self, message: str | None, *, expected: str = "success") -> str:
        """Commit everything and push; return the URL that the workflow outputs.

        Args:
            message: Of the commit. None: it is made already.
            expected: Result of the workflow's job.
        """
        if message:
            git(self._clone, "commit", "--quiet", "--all", "--message", message)
        command = ("git", "push", "--quiet", "origin", "main")
        done = self.runner.run(command, environ=self.project.variables, folder=self._clone)
        run = self._github.runs()[-1]
        result = run.jobs.get("dev", "skipped")
        if done.code or result != expected:
            self.runner.failed("git push", done)
            raise DeployError(f"git push: the workflow's job dev ended with {result}, expected {expected}")
        for line in done.output.splitlines():
            if found := re.match(r"remote: {2,}([✓✗] .*?)\s*$", line):
                self.display.say(found[1])
        return run.outputs.get("dev.deploy", {}).get("url", "")

    def _update(self, client: GuestbookClient) -> None:
        old, new = _WORDS
        with LoadGenerator(client, _WORDS) as load:
            self._edit("service/src/pages.js", old, new)
            self._push("Change the page")
            time.sleep(1)
        if load.failed or not load.responses[old] or not load.responses[new]:
            raise DeployError(f"of {load.requests} requests, {load.failed or 'none'} failed: {dict(load.responses)}")
        counts = f"{load.responses[old]} got the old page, {load.responses[new]} the new one"
        self.display.say(f"{load.requests} requests, none failed: {counts}")
        self._expect_entry(client)

    def _break(self, client: GuestbookClient) -> None:
        before = self._label()
        with LoadGenerator(client, _WORDS) as load:
            self._edit(*_BREAK)
            self._push("A broken release", expected="failure")
        if self._label() != before or load.failed or _WORDS[1] not in client.read():
            raise DeployError(f"the environment runs {self._label()}, not {before}: {dict(load.responses)}")
        self.display.say(f"rolled back to {before}; {load.requests} requests meanwhile, none failed")
        self._expect_entry(client)

    def _edit(self, file: str, old: str, new: str) -> None:
        path = self._clone / file
        path.write_text(path.read_text().replace(old, new))

    def _expect_entry(self, client: GuestbookClient) -> None:
        if _MESSAGE not in client.messages():
            raise DeployError("the entry that was signed before is not on the page any more")

    def _expect_https(self) -> None:
        """Check that HTTP and the alias lead to the page over HTTPS, and that browsers will ask for it so."""
        lines = self.redirects()
        for line in lines:
            self.display.say(line)
        if lines != _HTTPS:
            raise DeployError(f"expected {'; '.join(_HTTPS)}")

    def _label(self) -> str:
        found = self.project.client("elasticbeanstalk").describe_environments(IncludeDeleted=False)["Environments"]
        return str(found[0]["VersionLabel"])


if __name__ == "__main__":
    Interruptions().install()
    sys.exit(main(["rehearse", *sys.argv[1:]], run=lambda context: rehearse(context, GuestbookRehearsal)))
