"""The deploy script as a process whose time is the embedded AWS's virtual clock.

`EMULATOR_URL=http://localhost:5000 python -m tests.deploy.virtual_run ARGUMENTS`: what AWS takes minutes for passes at
once, and the process can be killed like any other. The script's own AWS calls go to AWS_ENDPOINT_URL. With REAL_CLOCK
set it waits as long as a person would.
"""

import os
import sys

from beanpod.cli.main import main
from beanpod.cli.signals import Interruptions
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
    clock = None if os.environ.get("REAL_CLOCK") else VirtualClock(_Emulator())
    sys.exit(main(sys.argv[1:], clock=clock))
