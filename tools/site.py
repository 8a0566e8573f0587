"""Build the documentation site: `python -m tools.site`, into build/site.

The pages of docs/ are copied to build/docs. There the generated reference is added. Links to the sources of the
reference lead to its pages, and links to other files outside docs/ lead to the repository, as they do on GitHub. MkDocs
then builds build/docs strictly; see mkdocs.yml.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from posixpath import normpath, relpath

from tools import reference

ROOT = Path(__file__).parents[1]
# In the workflow, GitHub's name of the repository.
REPOSITORY = f"https://github.com/{os.environ.get('GITHUB_REPOSITORY', 'OWNER/beanpod')}/blob/main"

_REFERENCE = {
    "reference/command.md": reference.command,
    "reference/manifest.md": reference.manifest,
    "reference/constructs.md": reference.constructs,
}
# What a page of the reference is made of, to which the pages link on GitHub.
_SOURCES = {
    "constructs/beanpod/cli/parser.py": "docs/reference/command.md",
    "beanpod.schema.json": "docs/reference/manifest.md",
    "constructs/beanpod/__init__.py": "docs/reference/constructs.md",
}
_LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?\)")


def build(site: Path, *, docs: Path = ROOT / "docs") -> int:
    """Build the site strictly: a warning, such as a link to a heading that does not exist, is an error.

    Args:
        site: Folder of the site, which is emptied first.
        docs: Folder of the pages.

    Returns:
        The exit code of MkDocs, whose messages go to standard error.

    Raises:
        FileNotFoundError: A link leads to a file that does not exist.
    """
    pages = ROOT / "build/docs"
    _prepare(docs, pages)
    # Material announces its successor, to which the site moves before Material's end of life in May 2027.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603


def _prepare(docs: Path, pages: Path) -> None:
    """Write the sources of the site to a folder, which is emptied first."""
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(docs, pages)
    for page in pages.rglob("*.md"):
        source = f"docs/{page.relative_to(pages).as_posix()}"
        page.write_text(with_links_of_the_site(page.read_text("utf-8"), source), "utf-8")
    for name, write in _REFERENCE.items():
        page = pages / name
        page.parent.mkdir(exist_ok=True)
        page.write_text(write(), "utf-8")


def with_links_of_the_site(text: str, page: str) -> str:
    """Return the text of a page, with links to files outside docs/ as links to the reference or to GitHub.

    Args:
        text: The page in Markdown.
        page: Its path in the repository, such as "docs/your-app.md".

    Raises:
        FileNotFoundError: A link leads to a file that does not exist.
    """

    def target(link: re.Match[str]) -> str:
        path = normpath(f"{page}/../{link[2]}")
        if path.startswith("docs/"):
            return link[0]
        if path in _SOURCES:
            return f"{link[1]}{relpath(_SOURCES[path], f'{page}/..')}{link[3] or ''})"
        if not (ROOT / path).exists():
            raise FileNotFoundError(f"{page}: {link[2]}")
        return f"{link[1]}{REPOSITORY}/{path}{link[3] or ''})"

    return _LINK.sub(target, text)


if __name__ == "__main__":
    sys.exit(build(ROOT / "build/site"))
