# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What transfer_user_info reads and tells. botocore's Stubber is the service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ansible_collections.sshkeys.aws.plugins.modules import transfer_user_info
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

SERVER_ID = "s-01234567890abcdef"
ARN = "arn:aws:transfer:us-east-1:123456789012:user/s-01234567890abcdef/partner"
ALICE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx alice@laptop"


def test_a_user_is_told_as_it_is_declared() -> None:
    service = StubbedService("transfer")
    imported = datetime.now(tz=UTC) - timedelta(days=3, minutes=1)
    user = {
        "Arn": ARN,
        "Role": "arn:aws:iam::123456789012:role/transfer",
        "HomeDirectoryType": "LOGICAL",
        "HomeDirectoryMappings": [{"Entry": "/", "Target": "/bucket"}],
        "Policy": '{"Version": "2012-10-17"}',
        "SshPublicKeys": [
            {"SshPublicKeyId": "key-01234567890abcdef", "SshPublicKeyBody": ALICE, "DateImported": imported}
        ],
        "Tags": [{"Key": "team", "Value": "finance"}],
        "UserName": "partner",
    }
    asked = {"ServerId": SERVER_ID, "UserName": "partner"}
    service.stubber.add_response("describe_user", {"ServerId": SERVER_ID, "User": user}, asked)
    report = service.run_module(
        transfer_user_info, {"server_id": SERVER_ID, "user_name": "partner"}, check_mode=False, region="us-east-1"
    )
    assert report.failure is None
    (told,) = report.result["users"]
    keys = told.pop("ssh_public_keys")
    assert told == {
        "user_name": "partner",
        "arn": ARN,
        "role_arn": "arn:aws:iam::123456789012:role/transfer",
        "home_directory": "",
        "home_directory_type": "LOGICAL",
        "home_directory_mappings": [{"entry": "/", "target": "/bucket", "type": "DIRECTORY"}],
        "policy": {"Version": "2012-10-17"},
        "posix_profile": None,
        "tags": {"team": "finance"},
        "public_keys": [ALICE],
        "allow_empty": False,
    }
    assert [(key["id"], key["age_days"]) for key in keys] == [("key-01234567890abcdef", 3)]
