"""Images: built, pushed and known by digest.

with connect(stage.service.image, environment=os.environ, report=report) as (docker, registry):
    images = build_and_push(
        specs, platform=platform_of("x86_64"), docker=docker, registry=registry, report=report
    )
"""

from beanpod.deploy.images._build import build_and_push
from beanpod.deploy.images._buildkit import needs_buildkit, platform_arguments
from beanpod.deploy.images._connect import connect
from beanpod.deploy.images._credentials import given_credentials
from beanpod.deploy.images._docker import Builder, Docker
from beanpod.deploy.images._dockerfile import INSTRUCTIONS, BuildStage, Dockerfile, Instruction
from beanpod.deploy.images._process import Finished, ProcessRunner, Runner, TimedOutError
from beanpod.deploy.images._registry import Registry, is_public
from beanpod.deploy.images._repository import Repository
from beanpod.deploy.images._spec import BuildSpec, Image, LocalImage, Platform, platform_of, read_dockerfile, tag_of

__all__ = [
    "INSTRUCTIONS",
    "BuildSpec",
    "BuildStage",
    "Builder",
    "Docker",
    "Dockerfile",
    "Finished",
    "Image",
    "Instruction",
    "LocalImage",
    "Platform",
    "ProcessRunner",
    "Registry",
    "Repository",
    "Runner",
    "TimedOutError",
    "build_and_push",
    "connect",
    "given_credentials",
    "is_public",
    "needs_buildkit",
    "platform_arguments",
    "platform_of",
    "read_dockerfile",
    "tag_of",
]
