"""For those who work on Beanpod: the picture of the architecture, and the difference on pull requests."""
