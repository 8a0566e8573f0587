"""Images: built and pushed by Docker, and named by digest.

with connect(Docker(os.environ, report, clock), stage.service.image) as builder:
    images = build_and_push(specs, builder)
"""

from beanpod.deploy.images.build import Builder, build_and_push, connect
from beanpod.deploy.images.commands import BuildSpec, Image, Platform, platform_of, tag_of
from beanpod.deploy.images.docker import Docker
from beanpod.deploy.images.dockerfile import Dockerfile, Instruction, read_dockerfile
from beanpod.deploy.images.process import CommandResult, CommandRunner, TimedOutError
from beanpod.deploy.images.registry import Repository, given_credentials, is_public

__all__ = [
    "BuildSpec",
    "Builder",
    "CommandResult",
    "CommandRunner",
    "Docker",
    "Dockerfile",
    "Image",
    "Instruction",
    "Platform",
    "Repository",
    "TimedOutError",
    "build_and_push",
    "connect",
    "given_credentials",
    "is_public",
    "platform_of",
    "read_dockerfile",
    "tag_of",
]
