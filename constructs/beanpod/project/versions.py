"""The version of Beanpod that a project's files name, for its stacks and for its deployments."""

import re
from importlib.metadata import version
from pathlib import Path

from beanpod.deploy.bundles.files import text_of

_REQUIREMENTS = ("requirements.txt", "requirements-cdk.txt")
_REQUIREMENT = re.compile(r"^beanpod *(?:\[[^\]]*\])? *== *([\w.!+-]+)", re.MULTILINE | re.IGNORECASE)
# By a tag, or by a commit with the version in a comment, as Dependabot writes it.
_ACTION = re.compile(r"^[ -]*uses: *[\w.-]+/beanpod@(?:v|[0-9a-f]{40} +# *v)([\w.+-]+)", re.MULTILINE)


def other_version(root: Path) -> str | None:
    """Return what to change where a file names another version than this one; None where all agree.

    The packages of `requirements.txt` make the stacks, the action deploys to them: both are one version.

    Args:
        root: The project's folder.
    """
    this = version("beanpod")
    texts = {name: (_REQUIREMENT, root / name) for name in _REQUIREMENTS}
    texts |= {path.relative_to(root).as_posix(): (_ACTION, path) for path in _workflows(root)}
    texts |= {str(path): (_ACTION, path) for path in workflows_above(root.resolve())}
    named = {name: match for name, (form, path) in texts.items() if (match := form.search(text_of(path)))}
    others = [f"{name} names {match[1]}" for name, match in named.items() if match[1] != this]
    if not others:
        return None
    return (
        f"this is Beanpod {this}, but {' and '.join(others)}: name one version in {' and '.join(named)}, and install it"
    )


def _workflows(folder: Path) -> list[Path]:
    return sorted((folder / ".github/workflows").glob("*.y*ml"))


def workflows_above(root: Path) -> list[Path]:
    """Return the workflows of the repository that a project's folder is in, as far as they name its manifest."""
    repository = next((folder for folder in root.parents if (folder / ".git").exists()), None)
    if repository is None or (root / ".git").exists():
        return []
    manifest = re.escape((root.relative_to(repository) / "beanpod.toml").as_posix())
    return [path for path in _workflows(repository) if re.search(rf"[\s\"']{manifest}\b", text_of(path))]
