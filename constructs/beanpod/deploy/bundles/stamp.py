"""What a release tells its containers of itself: a file, in a folder of the instance that they see as their own.

The folder is named after the bundle's hash, so that no release shows another's. A bundle cannot contain its own hash:
its files are written with BLANK in the hash's place, which `Bundle.of` fills.
"""

BLANK = "__BEANPOD_HASH__"
# In the container; /run is for what is laid there while it runs, so no image has anything of its own in it.
MOUNT = "/run/beanpod"
_STATE = "/var/lib/beanpod"


def folder(service: str | None) -> str:
    """The folder on the instance. service: of a compose file, as each has an image of its own; None without one."""
    return "/".join(filter(None, (_STATE, BLANK, service)))
