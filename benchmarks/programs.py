"""The two programs that are compared, as processes."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.stages import ROOT, plan

VIRTUAL_ENVIRONMENT = Path(sys.executable).parent
BASELINE = Path(__file__).parent / "baseline" / "index.js"


@dataclass(frozen=True)
class Program:
    """A program that synthesises.

    Attributes:
        command: The command line.
        assembly: Folder that it writes the cloud assembly to.
    """

    command: tuple[str, ...]
    assembly: Path

    def run(self) -> float:
        """Run the program and return the seconds of wall-clock time.

        Raises:
            subprocess.CalledProcessError: The program failed; `stderr` says why.
        """
        environment = _environment(self.assembly)
        start = time.perf_counter()
        subprocess.run(self.command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
        return time.perf_counter() - start


def programs(stage_count: int, scratch: Path) -> tuple[Program, Program]:
    """Return Python's program and the baseline for an app with that number of stages."""
    settings = scratch / f"{stage_count}.json"
    settings.write_text(json.dumps(plan(stage_count)), encoding="utf-8")
    app = ("app.py",) if stage_count == 1 else ("-m", "benchmarks.synth", str(stage_count))
    return (
        Program((sys.executable, *app), scratch / f"python-{stage_count}"),
        Program((str(VIRTUAL_ENVIRONMENT / "node"), str(BASELINE), str(settings)), scratch / f"baseline-{stage_count}"),
    )


def _environment(assembly: Path) -> dict[str, str]:
    """Return what the CDK CLI would set, with the same Node for both and bytecode kept as on a user's machine."""
    cdk_json = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {
        "CDK_OUTDIR": str(assembly),
        "CDK_CONTEXT_JSON": json.dumps(cdk_json["context"]),
        "JSII_RUNTIME_PACKAGE_CACHE": "enabled",
        "PATH": f"{VIRTUAL_ENVIRONMENT}{os.pathsep}{os.environ['PATH']}",
    }
