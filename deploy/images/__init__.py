"""Images: built, pushed and known by digest.

with connect(stage.service.image, environment=os.environ, report=report) as (docker, registry):
    images = build_and_push(
        specs, platform=platform_of("x86_64"), docker=docker, registry=registry, report=report
    )
"""

from deploy.images._build import build_and_push
from deploy.images._buildkit import needs_buildkit, platform_arguments
from deploy.images._connect import connect
from deploy.images._credentials import given_credentials
from deploy.images._docker import Builder, Docker
from deploy.images._dockerfile import INSTRUCTIONS, BuildStage, Dockerfile, Instruction
from deploy.images._process import Finished, ProcessRunner, Runner, TimedOutError
from deploy.images._registry import Registry, is_public
from deploy.images._repository import Repository
from deploy.images._spec import BuildSpec, Image, LocalImage, Platform, platform_of, read_dockerfile, tag_of

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
