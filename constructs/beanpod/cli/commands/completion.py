"""completion: the script by which a shell completes commands and options.

beanpod completion bash > ~/.local/share/bash-completion/completions/beanpod
beanpod completion zsh > "${fpath[1]}/_beanpod"
beanpod completion fish > ~/.config/fish/completions/beanpod.fish
"""

import shtab

from beanpod.cli.commands.context import Context
from beanpod.cli.parser import make_parser


def run(context: Context) -> None:
    """Print the script, which names the commands and options of this version."""
    script = shtab.complete(make_parser(), shell=context.options.shell)
    context.results.emit({"shell": context.options.shell, "script": script}, script.splitlines())
