"""The bundle of a Dockerfile alone: `Dockerrun.aws.json` v1, which Beanstalk's nginx serves."""

import json

from beanpod.deploy.bundles import stamp


def dockerrun(image: str, port: int) -> bytes:
    """The file for an image by digest whose container listens on `port`.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/single-container-docker-configuration.html: `Update` is the
    page's own example and its default; a digest never has an update, so it costs one question to the registry.
    `Volumes` are folders of the instance, mounted as `docker run --volume` does: here the stamp of the release.
    Without `Logging`, because a mount over a folder of logs hides what the image keeps there: Beanstalk collects
    what the container writes to its standard output and error.
    """
    content = {
        "AWSEBDockerrunVersion": "1",
        "Image": {"Name": image, "Update": "true"},
        "Ports": [{"ContainerPort": port}],
        "Volumes": [{"HostDirectory": stamp.folder(None), "ContainerDirectory": stamp.MOUNT}],
    }
    return (json.dumps(content, indent=2) + "\n").encode()
