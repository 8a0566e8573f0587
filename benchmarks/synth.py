"""app.py with several stages in one app: `python -m benchmarks.synth 20`."""

import sys

from aws_cdk import App
from cdk_preflight import Preflight

from benchmarks.stages import manifest
from stacks import add_stage


def main(count: int) -> None:
    """Synthesise `count` stages into `CDK_OUTDIR`."""
    stages = manifest(count)
    app = App()
    Preflight.apply(app)
    for name in stages.stages:
        add_stage(app, stages, name)
    app.synth()


if __name__ == "__main__":
    main(int(sys.argv[1]))
