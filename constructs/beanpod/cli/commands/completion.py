"""completion: the script by which a shell completes commands and options.

bash, in ~/.bashrc:                        source <(beanpod completion bash)
zsh, in ~/.zshrc after compinit:           eval "$(beanpod completion zsh)"
fish, in ~/.config/fish/config.fish:       beanpod completion fish | source
"""

import shtab

from beanpod.cli.commands.context import Context
from beanpod.cli.parser import make_parser


def run(context: Context) -> None:
    """Print the script, which names the commands and options of this version."""
    script = shtab.complete(make_parser(), shell=context.options.shell)
    context.results.emit({"shell": context.options.shell, "script": script}, script.splitlines())
