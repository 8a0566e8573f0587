"""The CDK app: the manifest's stage becomes stacks. Makes no network call.

`cdk deploy --all` takes the manifest's first stage, `cdk deploy --all -c stage=prod` another.
"""

import sys
from pathlib import Path

from manifest import Manifest, ManifestError


def main() -> int:
    """Synthesise the chosen stage; 2 after a bad manifest, before anything is written to cdk.out."""
    try:
        manifest = Manifest.read(Path(__file__).parent / "beanpod.toml")
    except ManifestError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    # After the manifest: a bad one is told at once, without waiting for Node.
    from aws_cdk import App
    from cdk_preflight import Preflight

    from stacks import add_stage

    app = App()
    try:
        stage = manifest.stage(app.node.try_get_context("stage"))
    except ManifestError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    Preflight.apply(app)
    add_stage(app, stage)
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
