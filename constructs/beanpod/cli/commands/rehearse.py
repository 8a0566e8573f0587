"""rehearse: deploy the project to an AWS that is emulated on this machine, with real containers and a real database."""

import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.error import HTTPError

from beanpod.cli.commands.context import Context
from beanpod.cli.hints import command_line
from beanpod.cli.output.display import Failure
from beanpod.cli.output.text import Cell, Paint, duration
from beanpod.cli.rehearsal.domain import create_domain, create_records, opener, redirects
from beanpod.cli.rehearsal.kept import KeptRehearsal
from beanpod.cli.rehearsal.machine import check_machine, check_packages, images_to_pull, page_title
from beanpod.cli.rehearsal.processes import Interrupted, ProgramRunner, check_server, noted_interruptions
from beanpod.cli.rehearsal.workspace import Substitutes, Workspace
from beanpod.deploy.bundles import plan_bundle
from beanpod.deploy.errors import BuildError, DeployError, InterruptionError, RolledBackError
from beanpod.deploy.images import BuildSpec, Repository, connect
from beanpod.deploy.images.process import temporary_folder
from beanpod.deploy.images.registry import PASSWORD, USERNAME
from beanpod.deploy.recovery import advice
from beanpod.manifest import Domain, Manifest

_REGISTRY_USER = "rehearsal"
_PAGE_SECONDS = 20
_PAGE_BYTES = 100_000
_KEEP = "`beanpod rehearse --keep` leaves it running after a failure too, to look into it and to deploy again"


class RehearsalPhase(StrEnum):
    """The phases of a rehearsal, in order."""

    CHECK = "Check"
    START = "Start"
    STACKS = "Stacks"
    RELEASE = "Release"
    AGAIN = "Again"
    BROKEN = "Broken"
    END = "End"


def run(context: Context) -> None:
    """Rehearse a stage. Raises as rehearse() does."""
    rehearse(context, Rehearsal)


def rehearse(context: Context, steps: "type[Rehearsal]") -> None:
    """Rehearse a stage in some steps; with --keep, leave it running until Ctrl-C, also after a failed release.

    Raises:
        UsageError: The project cannot be deployed, or something is missing on this machine: nothing was started.
        DeployError: A step failed, or what is left running was killed.
    """
    began = context.clock.monotonic()
    check_packages(context.root)
    with noted_interruptions() as interrupted, ExitStack() as cleanup:
        rehearsal = steps(context, interrupted, cleanup)
        rehearsal.check()
        rehearsal.start()
        rehearsal.deploy_stacks()
        try:
            release = rehearsal.releases()
        except InterruptionError:
            raise
        except DeployError as error:
            if not context.options.keep or context.options.json:
                raise DeployError(str(error), causes=(*error.causes, _KEEP)) from error
            context.display.fail(Failure(str(error), error.exit_code, error.causes))
            exports = cleanup.enter_context(rehearsal.kept().announced(context.environ))
            context.results.emit({}, ("", *_left_running(rehearsal.uses(exports), context.results.paint)))
            rehearsal.wait()
            raise DeployError(f"the rehearsal failed: {error}") from error
        seconds = context.clock.monotonic() - began
        if context.options.keep:
            exports = cleanup.enter_context(rehearsal.kept().announced(context.environ))
            _emit(context, rehearsal, release, seconds, exports)
            rehearsal.wait()
        rehearsal.end()
    if not context.options.keep:
        _emit(context, rehearsal, release, seconds)


def _emit(
    context: Context, rehearsal: "Rehearsal", release: "RehearsedRelease", seconds: float, exports: Path | None = None
) -> None:
    """Write the result. exports: a file with the variables of the emulated AWS, where it is left running."""
    document = {
        "stage": context.stage.name,
        "stacks": rehearsal.stacks,
        "version_label": release.label,
        "url": release.url,
        "answer": release.answer,
        "seconds": round(seconds, 1),
        "phases": context.display.phases,
        "kept": exports is not None,
        "exports": exports and str(exports),
    }
    uses = rehearsal.uses(exports) if exports else []
    context.results.emit(document, _text(context.stage.name, release.url, seconds, uses, context.results.paint))


@dataclass(frozen=True)
class RehearsedRelease:
    """A release of the rehearsal. answer: of the page."""

    label: str
    url: str
    answer: str


class Rehearsal:
    """The steps of a rehearsal.

    Attributes:
        display: Shows the steps.
        runner: Runs commands.
        stage: The stage; from start() on as the copy of the project describes it.
        workspace: The copy of the project, from start() on.
        project: The project on the emulated AWS, from start() on.
        login: Variables with the login at the registry, from start() on.
        tables: Tables of the stage in the copy, in the place of its own.
        deployer: Environment variables with the deploy user's AWS keys, from deploy_stacks() on.
        stacks: The names of the stacks, from deploy_stacks() on.
    """

    tables: Mapping[str, Mapping[str, Any]] = MappingProxyType({})

    def __init__(self, context: Context, interrupted: Interrupted, cleanup: ExitStack) -> None:
        self._context, self.display = context, context.display
        self._interrupted, self._cleanup = interrupted, cleanup
        self.runner = ProgramRunner(context.display, interrupted, verbose=context.options.verbose)
        self.stage = context.stage
        self.stacks: list[str] = []

    @property
    def credentials(self) -> dict[str, str]:
        """Environment variables with the deploy user's AWS keys and the registry login, as a release takes them."""
        return {**self.deployer, **self.login}

    @property
    def domain(self) -> Domain | None:
        """The domain that the stage is rehearsed with."""
        return self.stage.domain

    def check(self) -> None:
        """Check the project, and that everything is on this machine."""
        with self.step(RehearsalPhase.CHECK):
            Manifest.read(self._context.options.manifest, build_files=True)
            machine = check_machine(self.stage)
            plan = plan_bundle(self.stage, self._context.root)
            bundle = plan.preview()
            self.display.say(str(machine))
            for note in bundle.notes:
                self.display.say(note)
            self._check_builder(plan.specs)
        self._machine = machine

    def _check_builder(self, specs: Sequence[BuildSpec]) -> None:
        """Raise BuildError for a Dockerfile that this Docker cannot build, before the stacks are deployed."""
        # The rehearsal logs in at its own registry only.
        environ = {name: value for name, value in self._context.environ.items() if name not in (USERNAME, PASSWORD)}
        with connect(replace(self._context.docker, environment=environ), self.stage.service.image) as builder:
            for spec in specs:
                builder.check(spec)

    def start(self) -> None:
        """Copy the project, and start the emulated AWS and the registry."""
        from beanpod.cli.rehearsal.emulated import EmulatedProject, emulated_aws
        from beanpod_emulator.registry import local_registry

        with self.step(RehearsalPhase.START):
            scratch = self._cleanup.enter_context(temporary_folder("beanpod-rehearsal-"))
            self._get_images(scratch)
            password = secrets.token_urlsafe(16)
            self.display.mask(password)
            self.login = {USERNAME: _REGISTRY_USER, PASSWORD: password}
            registry = local_registry(scratch / "registry", username=_REGISTRY_USER, password=password)
            host = self._cleanup.enter_context(registry).host
            aws = self._cleanup.enter_context(emulated_aws(self.stage, docker=True, log=scratch / "aws.log"))
            tables: dict[str, Any] = dict(self.tables)
            if domain := self.domain:
                tables["domain"] = create_domain(aws, domain)
            other = self._machine.architecture not in (None, self.stage.environment.architecture)
            architecture = self._machine.architecture if other else None
            image = _repository(self.stage.service.image, host)
            substitutes = Substitutes(image, _REGISTRY_USER, architecture, tables)
            manifest = self._context.options.manifest.name
            self.workspace = Workspace(self._context.root, manifest, self.stage.name, scratch / "copy", substitutes)
            filled, folder = self.workspace.fill(), self.workspace.folder
            self.stage = Manifest.read(folder / "beanpod.toml").stage(self.stage.name)
            self.project = EmulatedProject(
                folder, filled.parameters, self.stage, aws, self.runner, self._context.environ
            )
            self.display.say(f"emulated AWS: account {aws.account}, region {aws.region}")
            self.display.say(f"image: {self.stage.service.image}, at a registry with a password")
            if domain:
                self.display.say(f"domain: {domain.url}, with a certificate and DNS of the emulated AWS")
            for note in filled.notes:
                self.display.say(note)

    def _get_images(self, folder: Path) -> None:
        """Pull the database's image, and build that of the instances, where they are not on this machine."""
        from beanpod_emulator.docker_runtime.docker import Docker, DockerError, instance_image

        for image in images_to_pull(self.stage):
            command = ("docker", "pull", image)
            done = self.runner.run(command, environ=self._context.environ, folder=folder)
            if done.code:
                raise self.runner.failed(" ".join(command), done)
            self.display.say(f"pulled {image}")
        if self.display.live:
            self.display.output("the image of the instances is built where there is none, which takes a minute or two")
        try:
            instance_image(Docker())
        except DockerError as error:
            raise DeployError(str(error)) from error
        self._interrupted.check()

    def deploy_stacks(self) -> None:
        """Deploy the stacks with the CDK CLI."""
        with self.step(RehearsalPhase.STACKS):
            project = self.project
            unknown = project.put_parameters(self.login)
            project.bootstrap()
            project.deploy_stacks()
            stacks = project.stacks()
            self.stacks = [stack.name for stack in stacks]
            for stack in stacks:
                self.display.say(stack.name)
                if records := stack.outputs.get("DnsRecord", ""):
                    create_records(project.aws, records)
                    self.display.say(f"created the DNS records {records}")
            for name in unknown:
                self.display.say(f"{name} has a random value: set a variable of that name to give yours")
            self.deployer = project.deployer()

    def releases(self) -> RehearsedRelease:
        """Deploy the app, the same again, and a broken one; return the first of them."""
        first = self.release()
        self.release_again(first)
        self.release_broken(first)
        return first

    def uses(self, exports: Path) -> list[tuple[str, str]]:
        """Return what can be done with a rehearsal that is left running, as pairs of a name and a command.

        Args:
            exports: File with the variables of the emulated AWS.
        """
        uses = [
            ("deploy", command_line("deploy", self._context.options)),
            ("look", f"{command_line('status', self._context.options)}    or logs, events, versions, rollback"),
        ]
        if domain := self.stage.domain:
            profile = self.workspace.top.parent / "chromium"
            arguments = shlex.join([f"--user-data-dir={profile}", *self.project.aws.chromium_arguments()])
            uses.append(("browser", f"chromium {arguments} {domain.url}"))
        tools = f"aws, eb, boto3, cdk{', curl' if domain else ''}"
        return [*uses, ("other tools", f". {shlex.quote(str(exports))}    for {tools}")]

    def release(self) -> RehearsedRelease:
        """Build, push and deploy the app, and request its page."""
        with self.step(RehearsalPhase.RELEASE):
            result = self._deploy()
            release = RehearsedRelease(result["version_label"], result["url"], self._page(result["url"]))
            self.display.say(f"{release.label} at {release.url}")
            if result.get("health_path"):
                self.display.say(result["health_path"])
            self.display.say(release.answer)
            for line in self.redirects():
                self.display.say(line)
        return release

    def redirects(self) -> tuple[str, ...]:
        """Return how the domain answers over HTTP and on its aliases; nothing without a domain."""
        domain = self.stage.domain
        try:
            return tuple(redirects(domain, self.project.domain_variables)) if domain else ()
        except (OSError, HTTPException) as error:
            raise DeployError(f"{domain.url if domain else ''} does not answer: {error}") from error

    def release_again(self, first: RehearsedRelease) -> None:
        """Deploy the same app again: there must be nothing to do."""
        with self.step(RehearsalPhase.AGAIN):
            result = self._deploy()
            if result["changed"] or result["version_label"] != first.label:
                raise DeployError(
                    f"the same app became another release, {result['version_label']}",
                    causes=("its image differs with each build: a file in the build context changes, for instance",),
                )
            self.display.say(f"nothing to do: {first.label} is deployed already")

    def release_broken(self, first: RehearsedRelease) -> None:
        """Deploy a broken release: it must be rolled back, and the page must answer."""
        with self.step(RehearsalPhase.BROKEN):
            how = self.workspace.break_release()
            try:
                done, _ = self.project.release(self.credentials)
                if done.code == 0:
                    # A compose file may start another program than the image.
                    how = self.workspace.break_release(by_hook=True)
                    done, _ = self.project.release(self.credentials)
                self._interrupted.check()
                if done.code != RolledBackError.exit_code:
                    raise self.runner.failed("a broken release was not rolled back: beanpod deploy", done)
                answer = self._answer(first.url)
            finally:
                self.workspace.fill()
            self.display.say(f"{how}: rolled back to {first.label}")
            self.display.say(answer)

    def kept(self) -> KeptRehearsal:
        """Return what other commands need to use this rehearsal."""
        names = [name for name in self.project.variables if name.startswith("AWS_") or name.lower() == "no_proxy"]
        names.append("BEANPOD_EMULATOR_TOKEN")
        aws = {name: self.project.variables[name] for name in names} | self.project.domain_variables
        return KeptRehearsal(self.workspace, aws, self.credentials)

    def wait(self) -> None:
        """Wait for Ctrl-C. Raises DeployError if the emulated AWS ends before it."""
        while not self._interrupted.wait(1):
            check_server(self.project.aws.runs)

    def end(self) -> None:
        """Stop everything, and remove it."""
        with self.display.phase(RehearsalPhase.END):
            self._cleanup.close()

    def _deploy(self) -> dict[str, Any]:
        done, result = self.project.release(self.credentials)
        self._interrupted.check()
        if done.code:
            if "error" not in result:
                raise self.runner.failed("beanpod deploy", done)
            causes = tuple(map(str, result.get("causes", ())))
            if done.code == BuildError.exit_code:
                self.runner.show_tail(done)
            else:
                causes += tuple(text for text in advice(self._show_logs()) if text not in causes)
            raise DeployError(f"beanpod deploy: {result['error']}", causes=causes)
        return result

    def _page(self, url: str) -> str:
        """Return what the page answers, after showing the logs if it fails."""
        try:
            return self._answer(url)
        except DeployError:
            self._show_logs()
            raise

    def _answer(self, url: str) -> str:
        """Request the page, and return what it answers; DeployError if it cannot be reached or fails."""
        try:
            with opener(self.project.domain_variables).open(url, timeout=_PAGE_SECONDS) as response:
                title = page_title(response.read(_PAGE_BYTES).decode(errors="replace"))
                return f"GET {url} answered {response.status}{f': {title}' if title else ''}"
        except HTTPError as error:
            with error:
                if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise DeployError(f"GET {url} answered {error.code}") from error
                return f"GET {url} answered {error.code}"
        except (OSError, HTTPException) as error:
            raise DeployError(f"{url} does not answer: {error}") from error

    def _show_logs(self) -> list[str]:
        if logs := self.project.logs():
            self.display.say("the last lines of its logs:")
            for line in logs:
                self.display.say(f"  {line}")
        return logs

    @contextmanager
    def step(self, step: StrEnum) -> Iterator[None]:
        """Show a step; InterruptionError before or after it if the command was interrupted."""
        with self.display.phase(step):
            self._interrupted.check()
            try:
                yield
            finally:
                # Ctrl-C reaches the commands of a step too: that one of them failed then is no news.
                self._interrupted.check()


def _repository(image: str, host: str) -> str:
    """Return a repository of the same name at another registry."""
    return f"{host}/{image.removeprefix(f'{Repository(image).host}/')}"


def _text(stage: str, url: str, seconds: float, uses: Sequence[tuple[str, str]], paint: Paint) -> Iterator[str]:
    yield ""
    yield paint(f"Rehearsed stage {stage} in {duration(seconds)}: deployed, redeployed and rolled back.", "bold")
    if not uses:
        yield paint("Nothing is left running. `beanpod rehearse --keep` leaves it running until Ctrl-C.")
        return
    yield from _left_running([("page", Cell(url, "bold")), *uses], paint)


def _left_running(uses: Sequence[tuple[str, str | Cell]], paint: Paint) -> Iterator[str]:
    yield paint("It is left running until Ctrl-C. In another terminal, in this folder:")
    yield ""
    yield from paint.facts([*uses, ("end", "Ctrl-C")])
