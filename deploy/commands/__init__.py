"""The commands of `python -m deploy`, a module each, loaded when it is asked for: `run(context)`."""
