"""The CDK app: the manifest's stage becomes stacks. Makes no network call.

`cdk deploy --all` takes the manifest's first stage, `cdk deploy --all -c stage=prod` another.
"""

import gc
import sys
from importlib import import_module
from pathlib import Path
from threading import Thread

from beanpod.manifest import Manifest, ManifestError


def main() -> int:
    """Synthesise the chosen stage; 2 for a bad manifest, 1 for templates that AWS would refuse."""
    # jsii starts Node and loads the library there, a third of a second: meanwhile the manifest is read.
    Thread(target=import_module, args=("aws_cdk",)).start()
    try:
        manifest = Manifest.read(Path(__file__).parent / "beanpod.toml")
        return _synthesise(manifest)
    except ManifestError as error:
        return _refused(error, 2)


def _synthesise(manifest: Manifest) -> int:
    from aws_cdk import App
    from cdk_preflight import Preflight

    from stacks import add_stage

    app = App()
    stage = manifest.stage(app.node.try_get_context("stage"))
    Preflight.apply(app)
    try:
        add_stage(app, stage, warning=manifest.sharing(stage.name))
        app.synth()
    except ValueError as error:
        return _refused(error, 1)
    except RuntimeError as error:
        # The findings of template validation arrive as an error of Node; any other is a bug and keeps its trace.
        if "ValidationFailed" not in str(error):
            raise
        return _refused(error, 1)
    return 0


def _refused(error: Exception, code: int) -> int:
    print(error, file=sys.stderr)  # noqa: T201
    return code


if __name__ == "__main__":
    # A run of a few seconds has no garbage worth looking for, neither on the way nor at its end.
    gc.disable()
    code = main()
    gc.freeze()
    sys.exit(code)
