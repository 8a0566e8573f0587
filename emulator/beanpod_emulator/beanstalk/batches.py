"""The batches of one deployment: what happens on the instances, and which events tell it.

The events and their order are those of real deployments, as users of `eb deploy` and of other tools show them.
"""

from collections.abc import Iterable, Mapping

from beanpod_emulator.beanstalk.instances import plan
from beanpod_emulator.beanstalk.narrator import Narrator
from beanpod_emulator.beanstalk.state import Deployment, Environment, Health, Instance
from beanpod_emulator.clock import CLOCK
from beanpod_emulator.faults import Fault

OK = Health("Ok")
_FAILING = ("error-event", "with-errors-silently")
_ENGINE = "Engine execution has encountered an error."


class Batches:
    """What a version's deployment does to the instances. fault: what goes wrong in it. Default: nothing.

    plan: which instances are told to deploy, and when.
    """

    def __init__(self, narrator: Narrator, environment: Environment, fault: Fault | None) -> None:
        self._narrator = narrator
        self._environment = environment
        self._kind = fault.kind if fault else ""
        self.plan = plan(environment, narrator.region, self._deployment("In Progress"))
        self._finished = 0

    @property
    def count(self) -> int:
        """How many there will be: one that fails ends the deployment, the others keep what they run."""
        return 1 if self._kind in _FAILING else len(self.plan.batches)

    def prepare(self) -> None:
        """Say what is going to happen, and launch what it needs."""
        self._environment.instances = self._environment.instances + self.plan.fresh
        for instance in self.plan.fresh:
            instance.health = Health("Pending")
        self._narrator.tell(self._environment, self.plan.announced)
        self._narrator.turn(self._environment, self._progress())

    def begin(self, number: int) -> None:
        """Batch `number`, from 0, is told to deploy."""
        batch = self.plan.batches[number]
        if self.plan.numbered:
            ids = ", ".join(instance.instance_id for instance in batch)
            self._tell(f"Batch {number + 1}: Starting application deployment on instance(s) [{ids}].")
        for instance in batch:
            self._set(instance, "In Progress", Health("Info", ("Application deployment in progress.",)))

    def end(self, number: int) -> None:
        """Batch `number` has deployed, or failed to."""
        batch = self.plan.batches[number]
        if self._kind in _FAILING:
            self._fail(batch, {}, silently=self._kind == "with-errors-silently")
            return
        for instance in batch:
            if not self._stays_behind(instance):
                self._set(instance, "Deployed", OK)
        self._finished += len(batch)
        self._environment.health = self._progress()
        done = "Completed application deployment" if self.plan.numbered else "Instance deployment completed"
        self._tell(f"Batch {number + 1}: {done}." if self.plan.numbered else f"{done} successfully.")

    def fail(self, number: int, causes: Mapping[str, str], events: Iterable[str]) -> None:
        """Batch `number` has failed. causes: why, by the ids of instances that did; events: what they say first."""
        failed = [instance for instance in self.plan.batches[number] if instance.instance_id in causes]
        for instance in self.plan.batches[number]:
            self._set(instance, "Deployed", OK)
        for event in events:
            self._tell(event, "ERROR")
        self._fail(failed, causes, silently=False)

    def succeed(self) -> None:
        """Take away the instances that the new ones replace."""
        self._remove(self.plan.leaving)

    def give_up(self) -> None:
        """Take away the instances that were launched for the deployment."""
        self._remove(self.plan.fresh)

    def restore(self) -> None:
        """Have everything as it was before."""
        self.give_up()
        for instance in self._environment.instances:
            instance.deployment, instance.health = self._environment.running, OK

    def incorrect(self) -> tuple[str, ...]:
        """What the health monitor says of instances that do not run the version it expects; nothing if all do."""
        expected, instances = self._environment.running, self._environment.instances
        behind = sum(instance.deployment.version_label != expected.version_label for instance in instances)
        if not behind:
            return ()
        found = f"Incorrect application version found on {behind} out of {len(instances)} instances."
        return (f'{found} Expected version "{expected.version_label}" (deployment {expected.deployment_id}).',)

    def _remove(self, instances: list[Instance]) -> None:
        self._environment.instances = [item for item in self._environment.instances if item not in instances]

    def _progress(self) -> Health:
        total = sum(len(batch) for batch in self.plan.batches)
        many = "instance" if total == 1 else "instances"
        text = f"Application update in progress on {total} {many}. {self._finished} out of {total} {many} completed."
        return Health("Info", (text,))

    def _stays_behind(self, instance: Instance) -> bool:
        if self._kind != "instance-behind" or instance is not self.plan.batches[-1][-1]:
            return False
        expected = f'Expected version "{self._environment.version_label}" (deployment {self._environment.deployments}).'
        instance.deployment = running = self._environment.running
        text = f'Incorrect application version "{running.version_label}" (deployment {running.deployment_id}).'
        instance.health = Health("Degraded", (f"{text} {expected}",))
        return True

    def _fail(self, batch: list[Instance], causes: Mapping[str, str], *, silently: bool) -> None:
        when = CLOCK.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        failed = f"Application deployment failed at {when} with exit status 1 and error:"
        for instance in batch:
            cause = f"{failed} {causes.get(instance.instance_id, _ENGINE)}"
            self._set(instance, "Failed", Health("Degraded", (cause,)))
        if not silently:
            self._tell_failure(batch)
            many = "all instances" if len(batch) == len(self._environment.instances) else f"{len(batch)} instance(s)"
            self._narrator.turn(self._environment, Health("Degraded", (f"Command failed on {many}.",)))

    def _tell_failure(self, batch: list[Instance]) -> None:
        self._tell("Instance deployment failed. For details, see 'eb-engine.log'.", "ERROR")
        for instance in batch:
            failed = f"[Instance: {instance.instance_id}] Command failed on instance. Return code: 1 Output: {_ENGINE}."
            self._tell(failed, "ERROR")
        everywhere = f"Summary: [Successful: 0, Failed: {len(batch)}]."
        self._tell(f"Command execution completed on all instances. {everywhere}")
        ids = ", ".join(f"'{instance.instance_id}'" for instance in batch)
        self._tell(f"Unsuccessful command execution on instance id(s) {ids}. Aborting the operation.", "ERROR")

    def _tell(self, message: str, severity: str = "INFO") -> None:
        self._narrator.tell(self._environment, message, severity)

    def _set(self, instance: Instance, status: str, health: Health) -> None:
        instance.deployment, instance.health = self._deployment(status), health

    def _deployment(self, status: str) -> Deployment:
        environment = self._environment
        return Deployment(environment.version_label, environment.deployments, CLOCK.now(), status)
