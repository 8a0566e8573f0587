"""Cloud assemblies as the CDK writes them, without an app: only their templates matter here."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
ROLE = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cdk-hnb659fds-deploy-role-${AWS::AccountId}-${AWS::Region}"
TAGS = {"team": "books"}


def resource(path: str, kind: str, **properties: Any) -> dict[str, Any]:
    """Return a resource as the CDK writes that of a construct, whose path has the stack's name in front."""
    return {"Type": kind, "Properties": properties, "Metadata": {"aws:cdk:path": f"{path}/Resource"}}


def template(*resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Return a template with these resources, whose logical ids are the names of their constructs."""
    named = {it["Metadata"]["aws:cdk:path"].split("/")[1]: it for it in resources}
    return {"Resources": named, **sections} if named else sections


def write_assembly(folder: Path, *, needs: Mapping[str, str] | None = None, **templates: Mapping[str, Any]) -> Path:
    """Write an assembly with a stack for each template, and return its folder.

    Args:
        folder: A folder that does not exist yet.
        needs: The stack that a stack depends on.
        templates: The templates by the stacks' names, in the order of deployment.
    """
    folder.mkdir(parents=True)
    artifacts: dict[str, Any] = {}
    for name, body in templates.items():
        file = f"{name}.template.json"
        # The CDK's indentation.
        (folder / file).write_text(json.dumps(body, indent=1))
        place = {"current_account-current_region": {"bucketName": BUCKET, "objectKey": file, "assumeRoleArn": ROLE}}
        asset = {"source": {"path": file, "packaging": "file"}, "destinations": place}
        (folder / f"{name}.assets.json").write_text(json.dumps({"version": "36.0.0", "files": {name: asset}}))
        artifacts[f"{name}.assets"] = {"type": "cdk:asset-manifest", "properties": {"file": f"{name}.assets.json"}}
        needed = (needs or {}).get(name)
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "environment": "aws://unknown-account/unknown-region",
            "properties": {"templateFile": file, "tags": TAGS, "assumeRoleArn": ROLE},
            "dependencies": [*([needed] if needed else []), f"{name}.assets"],
        }
    (folder / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": artifacts}))
    return folder
