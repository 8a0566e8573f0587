"""app.py with several stages in one app: `python -m benchmarks.synth 20`."""

import sys

from aws_cdk import App
from cdk_preflight import Preflight

from benchmarks.stages import stages
from stacks import add_stage


def main(count: int) -> None:
    """Synthesise `count` stages into `CDK_OUTDIR`."""
    app = App()
    Preflight.apply(app)
    for stage in stages(count):
        add_stage(app, stage)
    app.synth()


if __name__ == "__main__":
    main(int(sys.argv[1]))
