"""The files of a project: what `beanpod init` writes, and how they differ from those that are there."""

import difflib
import json
import os
import posixpath
import re
import shlex
from dataclasses import dataclass
from enum import Enum
from importlib import resources
from importlib.metadata import version
from pathlib import Path

from beanpod.deploy.bundles.compose.reading import production_files
from beanpod.deploy.bundles.files import text_of
from beanpod.project.choices import Choices, chosen_dockerfile
from beanpod.project.discovery import Discovery
from beanpod.project.manifest_text import manifest_text, production_compose
from beanpod.project.versions import workflows_above

_ACTION = "beanpod/beanpod"
_IGNORED = ("__pycache__/", ".venv/", "cdk.out/", "cdk.context.json")
_PRODUCTION = "compose.prod.yaml"
_TEMPLATES = ("stacks/__init__.py", "tests/test_stacks.py")


class FileChange(Enum):
    """What becomes of a file."""

    CREATED = "created"
    APPENDED = "appended to"
    UNCHANGED = "unchanged"
    KEPT = "kept"


@dataclass(frozen=True)
class ProjectFile:
    """A file of a project.

    Attributes:
        path: Relative to the project's folder.
        text: What Beanpod writes.
        present: What is there; None where there is no such file.
        change: What `beanpod init` does with it.
    """

    path: str
    text: str
    present: str | None
    change: FileChange

    def diff(self) -> str:
        """Return a unified diff from the present file to what this version of Beanpod writes; "" without one."""
        before = (self.present or "").splitlines(keepends=True)
        after = self.text.splitlines(keepends=True)
        name = self.path if self.present is not None else "/dev/null"
        return "".join(difflib.unified_diff(before, after, name, self.path))


def project_files(found: Discovery, choices: Choices) -> tuple[ProjectFile, ...]:
    """Return the files of the project, in the order in which an owner reads them."""
    texts = {"beanpod.toml": manifest_text(found, choices)}
    place = production_file(choices)
    production = production_compose(found, choices)
    # Nothing is written outside of the folder.
    if production and not place.startswith("..") and not own_production_file(found, choices):
        texts[place] = production
    app = _free_name(found.root, "app.py", "cdk_app.py")
    # Python would import app.py in the place of a folder `app` without __init__.py, in the app's image as well.
    if not (found.root / app).exists() and any((found.root / "app").glob("**/*.py")):
        app = "cdk_app.py"
    texts[app] = template("app.py")
    texts["cdk.json"] = template("cdk.json").replace("app.py", app)
    texts |= {name: template(name) for name in _TEMPLATES}
    requirements = requirements_file(found.root)
    texts[requirements] = f"beanpod[cdk]=={version('beanpod')}\npytest\n"
    if found.other_host is None and not workflows_above(found.root.resolve()):
        texts[".github/workflows/deploy.yaml"] = workflow(found, choices)
        texts[".github/workflows/check.yaml"] = _check_workflow(found, choices, requirements)
        folder = _quoted(f"/{found.prefix}".rstrip("/") or "/")
        texts[".github/dependabot.yml"] = template("dependabot.yml").replace(
            "pip\n    directory: /\n", f"pip\n    directory: {folder}\n"
        )
    return (*(_file(found.root, path, text) for path, text in texts.items()), _gitignore(found.root))


def production_file(choices: Choices) -> str:
    """Return the path of the compose file for production, relative to the project's folder."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(choices.compose or ""), _PRODUCTION))


def own_production_file(found: Discovery, choices: Choices) -> str | None:
    """Return the name of the owner's compose file for production, such as `docker-compose.prod.yml`; None without one.

    There may be no other beside it, so that `beanpod init` writes none.
    """
    present = production_files(found.root / choices.compose) if choices.compose else []
    return next((file.name for file in present if file.name != _PRODUCTION), None)


def write(root: Path, files: tuple[ProjectFile, ...]) -> None:
    """Write the files that are new, and append to .gitignore. Nothing that exists is overwritten.

    Raises:
        OSError: A file could not be written; those before it were.
    """
    for file in files:
        path = root / file.path
        if file.change is FileChange.CREATED:
            path.parent.mkdir(parents=True, exist_ok=True)
            # "x": a file that another program made in the meantime is not overwritten.
            with path.open("xb") as stream:
                stream.write(file.text.encode())
        elif file.change is FileChange.APPENDED:
            # Only what is new: the rest stays as it is, in whatever encoding.
            with path.open("ab") as stream:
                stream.write(file.text[len(file.present or "") :].encode())


def template(name: str) -> str:
    """Return a file that is the same in every project."""
    return resources.files("beanpod.project").joinpath("templates", name).read_text(encoding="utf-8")


def requirements_file(root: Path) -> str:
    """Return the name of the project's requirements.txt: another one where the app has its own."""
    return _free_name(root, "requirements.txt", "requirements-cdk.txt")


def workflow(found: Discovery, choices: Choices) -> str:
    """Return the workflow that deploys every push to the branch, by the action of this version of Beanpod."""
    text = re.sub(r"\bmain\b", choices.branch, template("deploy.yaml"))
    text = text.replace(f"[{choices.branch}]", f"[{_quoted(choices.branch)}]")
    # Beanpod's own repository uses the action beside it.
    text = re.sub(r"uses: \./.*", f"uses: {_ACTION}@v{version('beanpod')}", text)
    if found.prefix:
        manifest = _quoted(f"{found.prefix}beanpod.toml")
        text = text.replace("          stage: ${{", f"          manifest: {manifest}\n          stage: ${{{{")
        text = _named(text, choices)
    facts = chosen_dockerfile(found, choices) if choices.dockerfile else None
    folder = (facts.context if facts else "") or "."
    if _has_npm_tests(found.root / folder):
        place = posixpath.normpath(f"{found.prefix}{folder}")
        return text.replace("working-directory: service", f"working-directory: {_quoted(place)}")
    text = re.sub(r"^  test:\n.*?(?=^  dev:)", "", text, flags=re.MULTILINE | re.DOTALL)
    text = text.replace("    needs: test\n", "").replace("needs: [test, dev]", "needs: dev")
    return text.replace("needs.test.result == 'success' && ", "")


def _check_workflow(found: Discovery, choices: Choices, requirements: str) -> str:
    """Return the workflow that tests a pull request; that of a folder in a repository runs in it."""
    text = template("check.yaml").replace("requirements.txt", requirements)
    if not found.prefix:
        return text
    folder = posixpath.normpath(found.prefix)
    up = posixpath.relpath(".", folder)
    # All jobs but the last one, which has no checkout.
    place = f"    defaults:\n      run:\n        working-directory: {_quoted(folder)}\n    steps:\n"
    text = text.replace("    steps:\n", place, text.count("    steps:\n") - 1)
    base = shlex.quote(f"{up}/build/base/{folder}")
    text = re.sub(r"(for side in \. |--against )build/base", lambda match: match[1] + base, text)
    return _named(text.replace(" build/difference.md", f" {up}/build/difference.md"), choices)


def _named(text: str, choices: Choices) -> str:
    """Return a workflow with the service in its names.

    Two of a repository must not wait in one group, share the secrets of an environment, or edit one comment.
    """
    text = re.sub(r"^name: (\w+)$", rf"name: \1 {choices.name}", text, flags=re.MULTILINE)
    text = re.sub(r"group: (check|deploy)-", rf"group: \1-{choices.name}-", text)
    text = re.sub(r"(environment:\n +name: |`)(dev|prod)\b", rf"\1{choices.name}-\2", text)
    return text.replace("<!-- beanpod -->", f"<!-- beanpod {choices.name} -->")


def _quoted(text: str) -> str:
    # YAML takes 1.0 for a number.
    return text if re.fullmatch(r"\.|[A-Za-z/][\w./-]*", text) else json.dumps(text)


def _has_npm_tests(folder: Path) -> bool:
    """Return whether `npm ci && npm test` works there."""
    try:
        package = json.loads(text_of(folder / "package.json"))
        # What `npm init` writes only fails.
        test = "no test specified" not in package.get("scripts", {}).get("test", "no test specified")
        return test and (folder / "package-lock.json").is_file()
    except (ValueError, AttributeError, TypeError):
        return False


def _free_name(root: Path, name: str, other: str) -> str:
    """Return `name`, or `other` where the app has a file of that name: a Flask app's own app.py, for instance."""
    present = _present(root / name)
    return name if present is None or "beanpod" in present else other


def _file(root: Path, path: str, text: str) -> ProjectFile:
    present = _present(root / path)
    if present is None:
        return ProjectFile(path, text, None, FileChange.CREATED)
    return ProjectFile(path, text, present, FileChange.UNCHANGED if present == text else FileChange.KEPT)


def _gitignore(root: Path) -> ProjectFile:
    present = _present(root / ".gitignore")
    if present is not None and not (root / ".gitignore").is_file():
        return ProjectFile(".gitignore", "\n".join((*_IGNORED, "")), present, FileChange.KEPT)
    known = {line.strip().strip("/") for line in (present or "").splitlines()}
    absent = "".join(f"{line}\n" for line in _IGNORED if line.strip("/") not in known)
    if not absent:
        return ProjectFile(".gitignore", present or "", present, FileChange.UNCHANGED)
    end = "\n" if present and not present.endswith("\n") else ""
    change = FileChange.CREATED if present is None else FileChange.APPENDED
    return ProjectFile(".gitignore", f"{present or ''}{end}{absent}", present, change)


def _present(path: Path) -> str | None:
    """Return a file's text; None where nothing has its name. A folder, a pipe or a broken link is kept as it is."""
    try:
        return "" if path.is_fifo() else path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "" if os.path.lexists(path) else None
    except IsADirectoryError:
        return ""
