# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to Transfer Family, over real HTTP."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import transfer
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import TRANSFER
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import (
    KEY,
    SERVER_ID,
    ScriptedService,
    client,
    error,
)


def test_every_page_of_users_is_followed(service: ScriptedService) -> None:
    """ListUsers is called until there is no NextToken."""
    pages = [["anna", "bert"], ["carl"], []]
    service.script = [
        (200, {"ServerId": SERVER_ID, "Users": [{"Arn": "arn", "UserName": name} for name in names], **token})
        for names, token in zip(pages, [{"NextToken": "2"}, {"NextToken": "3"}, {}], strict=True)
    ]
    made = client(service, TRANSFER)
    assert transfer.user_names(made, SERVER_ID) == ["anna", "bert", "carl"]
    assert [body.get("NextToken") for _operation, body, _time in service.requests] == [None, "2", "3"]


def test_stored_keys_are_read(service: ScriptedService) -> None:
    """DescribeUser gives each key with id, body and date; what is no key is kept too."""
    held = [
        {"SshPublicKeyId": "key-00000000000000001", "SshPublicKeyBody": KEY.line_with_comment, "DateImported": 1.5e9},
        {"SshPublicKeyId": "key-00000000000000002", "SshPublicKeyBody": "garbage", "DateImported": 1.6e9},
    ]
    service.script = [(200, {"ServerId": SERVER_ID, "User": {"Arn": "arn", "SshPublicKeys": held}})]
    made = client(service, TRANSFER)
    first, second = transfer.stored_keys(made, SERVER_ID, "partner") or ()
    assert (first.id, first.body) == ("key-00000000000000001", KEY.line_with_comment)
    assert first.date_imported.timestamp() == 1.5e9
    assert second.body == "garbage"


@pytest.mark.parametrize(
    ("members", "is_missing"),
    [
        ({"ResourceType": "User", "Resource": "partner", "Message": "Unknown user"}, True),
        ({"ResourceType": "Server", "Resource": SERVER_ID, "Message": "Unknown server"}, False),
    ],
)
def test_a_missing_user_is_no_missing_server(
    service: ScriptedService, members: dict[str, str], is_missing: bool
) -> None:
    """A user that does not exist is None; a server that does not exist is an error."""
    service.script = [error("ResourceNotFoundException", 400, **members)]
    made = client(service, TRANSFER)
    if is_missing:
        assert transfer.stored_keys(made, SERVER_ID, "partner") is None
    else:
        with pytest.raises(ServiceError, match="Unknown server"):
            transfer.stored_keys(made, SERVER_ID, "partner")
