"""A sample state of an emulator, and the check that it is unchanged."""

import json

from emulator.tests.clients import Clients


def fill(clients: Clients) -> None:
    """Make a role, an object in a bucket where everybody may read and write, an application and a version."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    clients("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=trust)
    clients("s3").create_bucket(Bucket="public", ACL="public-read-write")
    clients("s3").put_object(Bucket="public", Key="page.html", Body=b"<h1>", ContentType="text/html", ACL="public-read")
    clients("elasticbeanstalk").create_application(ApplicationName="guestbook")
    clients.version("v1")


def expect_unchanged(clients: Clients) -> None:
    """That it is as it was made: nothing gone, nothing new, and the limits allow another version."""
    assert clients("cloudformation").describe_stacks()["Stacks"] == []
    buckets = {it["Name"] for it in clients("s3").list_buckets()["Buckets"]}
    assert buckets == {"elasticbeanstalk-us-east-1-123456789012", "public"}
    assert [it["Key"] for it in clients("s3").list_objects_v2(Bucket="public")["Contents"]] == ["page.html"]
    assert [it["RoleName"] for it in clients("iam").list_roles()["Roles"]] == ["deployer"]
    assert clients("iam").list_users()["Users"] == []
    beanstalk = clients("elasticbeanstalk")
    assert [it["VersionLabel"] for it in beanstalk.describe_application_versions()["ApplicationVersions"]] == ["v1"]
    clients.version("v2")
    beanstalk.delete_application_version(ApplicationName="guestbook", VersionLabel="v2")
