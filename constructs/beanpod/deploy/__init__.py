"""The deployment: builds the image, pushes it, rolls it out, verifies it, and rolls it back where it fails.

`beanpod deploy` reads `beanpod.toml` and the outputs of the stage's stacks. It never imports aws_cdk, and it
touches no setting of the environment: infrastructure owns those, a release only names a version.
"""
