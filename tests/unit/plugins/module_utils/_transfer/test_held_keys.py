# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of a user, read from a service that plays a script."""

from __future__ import annotations

from datetime import UTC, datetime

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_keys import held_keys
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

SERVER_ID = "s-01234567890abcdef"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx alice@laptop"


def test_what_is_no_key_is_held_too() -> None:
    service = StubbedService("transfer")
    imported = datetime(2017, 7, 14, 2, 40, tzinfo=UTC)
    keys = [
        {"SshPublicKeyId": f"key-0000000000000000{number}", "SshPublicKeyBody": body, "DateImported": imported}
        for number, body in enumerate([KEY, "garbage"])
    ]
    answer = {"ServerId": SERVER_ID, "User": {"Arn": "arn:aws:transfer:" + "0" * 20, "SshPublicKeys": keys}}
    service.stubber.add_response("describe_user", answer, {"ServerId": SERVER_ID, "UserName": "partner"})
    with service.playing():
        first, second = held_keys(service.client, SERVER_ID, "partner") or ()
    assert first.key
    assert first.key.line_with_comment == KEY
    assert first.result()["date_imported"] == "2017-07-14T02:40:00Z"
    assert (second.key, second.body) == (None, "garbage")


def test_a_user_that_does_not_exist_holds_none() -> None:
    service = StubbedService("transfer")
    service.stubber.add_client_error("describe_user", "ResourceNotFoundException", "Unknown user partner")
    with service.playing():
        assert held_keys(service.client, SERVER_ID, "partner") is None
