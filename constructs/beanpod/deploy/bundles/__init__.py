"""Bundles: what Beanstalk unpacks on the instances, made of the user's own files and the pushed images.

    specs = build_specs(stage, root)
    bundle = make_bundle(stage, root, images, application="guestbook-dev", login_hooks=False)

Nothing here asks the network or Docker, and the same inputs give the same bytes on any machine.
"""

from beanpod.deploy.bundles.archive import BundleFile
from beanpod.deploy.bundles.bundle import Bundle
from beanpod.deploy.bundles.folder import check_folder, write_folder
from beanpod.deploy.bundles.making import (
    build_inputs,
    build_specs,
    check_login,
    check_pulls,
    make_bundle,
    preview_bundle,
)

__all__ = [
    "Bundle",
    "BundleFile",
    "build_inputs",
    "build_specs",
    "check_folder",
    "check_login",
    "check_pulls",
    "make_bundle",
    "preview_bundle",
    "write_folder",
]
