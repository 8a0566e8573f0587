"""The deploy script as a process whose time is the embedded AWS's virtual clock.

`EMULATOR_URL=http://localhost:5000 python -m tests.deploy.virtual_run ARGUMENTS`: what AWS takes minutes for passes at
once. The script's own AWS calls go to AWS_ENDPOINT_URL.
"""

import os
import sys

from beanpod.cli.main import main
from beanpod.deploy.signals import Interruptions
from beanpod_emulator.embedded_aws import ControlClient
from tests.deploy.clocks import VirtualClock


class _Emulator(ControlClient):
    @property
    def endpoint_url(self) -> str:
        return os.environ["EMULATOR_URL"]

    @property
    def token(self) -> str:
        return os.environ["BEANPOD_EMULATOR_TOKEN"]


if __name__ == "__main__":
    Interruptions().install()
    sys.exit(main(sys.argv[1:], clock=VirtualClock(_Emulator())))
