"""The address of the documentation, for messages: a project that `beanpod init` wrote has no copy of it."""

DOCS = "https://github.com/beanpod/beanpod/blob/main/docs"
