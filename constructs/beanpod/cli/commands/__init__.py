"""The commands of `beanpod`, a module each, loaded when it is asked for: `run(context)`."""
