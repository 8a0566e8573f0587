"""Bundles: what Elastic Beanstalk unpacks on the instances, made of the project's files and the pushed images.

    plan = plan_bundle(stage, root)
    bundle = plan.bundle(images, application="guestbook-dev", login_hooks=False)

A plan reads the project once. The same inputs give the same bytes on any machine.
"""

from beanpod.deploy.bundles.builder import plan_bundle
from beanpod.deploy.bundles.bundle import Bundle, BundleFile
from beanpod.deploy.bundles.files import check_folder, write_folder
from beanpod.deploy.bundles.plan import BundlePlan

__all__ = ["Bundle", "BundleFile", "BundlePlan", "check_folder", "plan_bundle", "write_folder"]
