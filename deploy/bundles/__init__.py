"""Bundles: what Beanstalk unpacks on the instances, made of the user's own files and the pushed images.

    specs = build_specs(stage, root)
    bundle = make_bundle(stage, root, images, application="guestbook-dev", login_hooks=False)

Nothing here asks the network or Docker, and the same inputs give the same bytes on any machine.
"""

from deploy.bundles.archive import BundleFile
from deploy.bundles.bundle import Bundle
from deploy.bundles.making import build_specs, check_login, make_bundle

__all__ = ["Bundle", "BundleFile", "build_specs", "check_login", "make_bundle"]
