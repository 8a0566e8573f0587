"""The files of a Beanpod project: what `beanpod init` finds in an app's folder, and what it writes there."""
