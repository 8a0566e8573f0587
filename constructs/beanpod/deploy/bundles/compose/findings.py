"""What is found on the way from the user's compose file to the one for Beanstalk."""

from dataclasses import dataclass, field

from beanpod.deploy.bundles.problems import printable


@dataclass
class Findings:
    """problems: what cannot run on Beanstalk, with its remedy. notes: what is left out or put in its place."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def problem(self, where: str, text: str) -> None:
        """Something to be mended."""
        self.problems.append(printable(f"{where}: {text}"))

    def note(self, where: str, text: str) -> None:
        """Something to know."""
        self.notes.append(printable(f"{where}: {text}"))


def at(service: str, *keys: str) -> str:
    """A place in a service, as messages name it."""
    return f"service {service}, {'.'.join(keys)}" if keys else f"service {service}"


def place(path: tuple[str, ...]) -> str:
    """A place in the file, as messages name it."""
    keys = [part for part in path if part != "[]"]
    return at(*keys[1:]) if keys[0] == "services" and len(keys) > 1 else ".".join(keys)
