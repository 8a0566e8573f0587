"""Commands that messages name, with the options of the command that prints them: they can be pasted."""

import os
import re
import shlex

from beanpod.cli.parser import Options

_COMMAND = re.compile(
    r"`beanpod (deploy|status|versions|rollback|logs|events|rehearse|secrets)"
    r"(?: --stage (?P<stage>[^ `]+))?(?P<rest>[^`]*)`"
)
_CDK = re.compile(r"`(beanpod cdk [^`]*)`")
_OF_ONE_STAGE = re.compile(r"`(beanpod cdk (?:deploy --all|rollback [^ `]+))`")
_STACKS = re.compile(r"run `beanpod cdk deploy[^`]*`(?: first| again)?")


def completed(text: str, options: Options) -> str:
    """Return a text in which each command between backticks has the stage, manifest and rehearsal of a command line."""

    def complete(found: re.Match[str]) -> str:
        return f"`{command_line(found[1], options, found['stage'])}{found['rest']}`"

    if options.rehearsal or options.command == "rehearse":
        # Else it would deploy to AWS itself.
        text = _STACKS.sub("start the rehearsal again", text)
    if options.stage:
        # Else the CDK app deploys the manifest's first stage.
        context = f"-c stage={shlex.quote(options.stage)}"
        text = _OF_ONE_STAGE.sub(lambda found: f"`{found[1]} {context}`", text)
    folder = str(options.manifest.parent)
    # Not Path.is_file, which raises an error where this user may not look.
    if folder != "." and os.path.isfile(options.manifest.parent / "cdk.json"):
        # The CDK CLI reads cdk.json in its working directory.
        text = _CDK.sub(lambda found: f"`(cd {shlex.quote(folder)} && {found[1]})`", text)
    return _COMMAND.sub(complete, text)


def command_line(name: str, options: Options, stage: str | None = None) -> str:
    """Return a command on the stage, manifest and rehearsal of a command line. stage: Where that names none."""
    words = ["beanpod", name]
    rehearsed = name != "rehearse" and (options.rehearsal or options.command == "rehearse")
    if rehearsed:
        words.append("--rehearsal")
    elif stage := options.stage or stage:
        # A rehearsal has one stage.
        words += ["--stage", stage]
    if options.manifest != Options.manifest:
        words += ["--manifest", str(options.manifest)]
    for flag, value in (("--repo", options.repository), ("--env", options.environment)) if name == "secrets" else ():
        words += [flag, value] if value else []
    return shlex.join(words)
