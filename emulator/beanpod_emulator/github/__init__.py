"""GitHub as far as a push needs it: a repository, its secrets and variables, and a runner for its workflow."""
