"""From the project of a stage to the plan of its bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from beanpod._docs import DOCS
from beanpod.deploy.bundles import dockerfiles, hooks
from beanpod.deploy.bundles.bundle import BundleFile
from beanpod.deploy.bundles.files import too_large
from beanpod.deploy.bundles.nginx import compose_note, domain_files, timeout_files
from beanpod.deploy.bundles.plan import BundlePlan, is_ecr, refuse
from beanpod.deploy.bundles.platform_files import extra_files, extra_notes

if TYPE_CHECKING:
    from beanpod.manifest import StageConfig

_ECR_ROLE = (
    "Elastic Beanstalk can pull it if the role of the instances has AmazonEC2ContainerRegistryReadOnly; see "
    f"{DOCS}/variables.md#a-private-image"
)


def plan_bundle(stage: StageConfig, root: Path) -> BundlePlan:
    """Read the project and plan its bundle, which then lacks only the images.

    Args:
        stage: Of the manifest.
        root: The manifest's folder.

    Raises:
        BuildError: With every problem that the bundle would have, so that none shows only after minutes of building.
    """
    problems: list[str] = []
    elsewhere: list[str] = []
    extras = extra_files(root, elsewhere)
    if stage.service.compose:
        # A project with a Dockerfile does not load the package.
        from beanpod.deploy.bundles import compose

        plan = compose.plan(stage, root, problems)
    else:
        plan = dockerfiles.plan(stage, root, problems)
    files = {**extras, **plan.files}
    of_domain: list[str] = []
    nginx: dict[str, BundleFile] = {}
    if stage.domain and stage.service.compose:
        of_domain.append(compose_note(stage.domain))
    elif stage.domain:
        nginx |= domain_files(stage.domain, extras, elsewhere, of_domain)
    if not stage.service.compose:
        nginx |= timeout_files(stage.environment.load_balancer.idle_timeout_seconds, extras)
    reserved = "Beanpod writes a file of this name: rename it"
    problems += (f"{name}: {reserved}" for name in sorted(hooks.OWN_FILES & files.keys()))
    elsewhere += (f"{name}: {reserved}" for name in sorted(nginx.keys() & files.keys()))
    files |= nginx
    size = too_large({name: len(file.data) for name, file in files.items()})
    refuse(plan.subject, problems, elsewhere=[*elsewhere, *([size] if size else [])])
    images = {"service.image": stage.service.image} if plan.specs else {}
    images |= {f"service {name}": image for name, image in plan.pulled.items()}
    ecr = (f"{user}: {image} is in Amazon ECR: {_ECR_ROLE}" for user, image in images.items() if is_ecr(image))
    notes = (*plan.notes, *of_domain, *ecr, *extra_notes(root, extras, compose=bool(stage.service.compose)))
    return replace(plan, files=files, notes=notes)
