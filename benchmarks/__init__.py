"""What the figures of this project are measured with: `python -m benchmarks`, or with a name, only that one.

`synthesis`: Python beside its JavaScript baseline: what jsii costs, and how that grows with the app.

Measured is the wall-clock time of whole processes, from the interpreter's start to the written assembly: that is what
the CDK CLI waits for, and start-up is much of it. The baseline (`baseline/`) makes the same constructs with the very
library files that the Python packages carry, on the same Node, with the flags of `cdk.json`; a run counts only if both
wrote the same templates. The baseline gets the manifest and the deployer's statements as data, which makes it faster.

Both run in turn, and a round holds every number of stages, so that whatever else the machine does falls on all of
them. Medians, because such noise only ever adds; a ratio is the median of each round's own ratio, printed with the
lowest and the highest of them. It fails if the templates differ or a limit is passed.

`demo`: how long `make demo` takes once everything is installed.

`waiting`: what it costs to wait for Elastic Beanstalk, in AWS calls and in delay, beside how others wait.

`help`: how long `beanpod --help` takes.

`rehearsal`: the time from `pip install` to the page of an app of one's own on the emulated AWS.
"""
