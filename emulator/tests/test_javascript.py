"""AWS's SDK for JavaScript, with the printed variables only."""

import json

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import ROOT, run


def test_the_sdk_for_javascript_signs_uploads_and_presigns(aws: EmbeddedAws) -> None:
    done = run(aws, "node", str(ROOT / "emulator/tests/javascript.mjs"))
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "identity": "arn:aws:sts::123456789012:user/moto",
        "text": "text",
        "stream": "a stream",
        "keys": ["a b+(ü).txt"],
        "presigned": "a stream",
        "uploaded": [200, "presigned"],
        "altered": 403,
        "wrong": "SignatureDoesNotMatch",
    }
