"""app.py with several stages in one app: `python -m benchmarks.synth 20`."""

import gc
import sys
from importlib import import_module
from threading import Thread

from benchmarks.stages import stages


def main(count: int) -> None:
    """Synthesise `count` stages into `CDK_OUTDIR`."""
    Thread(target=import_module, args=("aws_cdk",)).start()
    wanted = stages(count)

    from aws_cdk import App
    from cdk_preflight import Preflight

    from stacks import add_stage

    app = App()
    Preflight.apply(app)
    for stage in wanted:
        add_stage(app, stage)
    app.synth()


if __name__ == "__main__":
    gc.disable()
    main(int(sys.argv[1]))
    gc.freeze()
