# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to Transfer Family, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

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
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService


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
    user = transfer.describe_user(made, SERVER_ID, "partner")
    assert user
    first, second = user.keys
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
        assert transfer.describe_user(made, SERVER_ID, "partner") is None
    else:
        with pytest.raises(ServiceError, match="Unknown server"):
            transfer.describe_user(made, SERVER_ID, "partner")


# -- The calls that change something ----------------------------------------------------------------------------------

USER = {"ServerId": SERVER_ID, "UserName": "partner"}
KEY_ID = "key-00000000000000001"
TOLD = {"ResponseMetadata": {"RequestId": "request-1"}}


@pytest.fixture
def stubbed() -> StubbedService:
    """Return the service without a script."""
    return StubbedService("transfer")


def test_a_key_is_imported_for_its_user(stubbed: StubbedService) -> None:
    stubbed.stubber.add_response(
        "import_ssh_public_key", {**USER, "SshPublicKeyId": KEY_ID}, {**USER, "SshPublicKeyBody": KEY.line}
    )
    with stubbed.playing():
        assert transfer.import_key(stubbed.client, SERVER_ID, "partner", KEY.line) == KEY_ID


def test_a_key_is_deleted_from_its_user(stubbed: StubbedService) -> None:
    stubbed.stubber.add_response("delete_ssh_public_key", TOLD, {**USER, "SshPublicKeyId": KEY_ID})
    with stubbed.playing():
        transfer.delete_key(stubbed.client, SERVER_ID, "partner", KEY_ID)


MEMBERS = {
    "Role": "arn:aws:iam::123456789012:role/transfer",
    "HomeDirectory": "/bucket",
    "HomeDirectoryType": "LOGICAL",
    "HomeDirectoryMappings": [
        {"Entry": "/", "Target": "/bucket"},
        {"Entry": "/a", "Target": "/bucket/a", "Type": "FILE"},
    ],
    "Policy": "{}",
    "PosixProfile": {"Uid": 0, "Gid": 1, "SecondaryGids": [2]},
}
ARN = "arn:aws:transfer:us-east-1:123456789012:user/s-01234567890abcdef/partner"


def test_a_user_is_created_with_all_of_it(stubbed: StubbedService) -> None:
    expected = {**USER, **MEMBERS, "Tags": [{"Key": "a", "Value": "1"}], "SshPublicKeyBody": KEY.line}
    stubbed.stubber.add_response("create_user", USER, expected)
    stubbed.stubber.add_response("create_user", USER, {**USER, "Role": MEMBERS["Role"]})
    with stubbed.playing():
        transfer.create_user(stubbed.client, SERVER_ID, "partner", MEMBERS, tags={"a": "1"}, key_body=KEY.line)
        role = {"Role": MEMBERS["Role"]}
        transfer.create_user(stubbed.client, SERVER_ID, "partner", role, tags={}, key_body=None)


def test_a_user_is_changed_in_what_is_given(stubbed: StubbedService) -> None:
    stubbed.stubber.add_response("update_user", USER, {**USER, **MEMBERS})
    stubbed.stubber.add_response("update_user", USER, {**USER, "Policy": "", "PosixProfile": {"Uid": 1, "Gid": 0}})
    with stubbed.playing():
        transfer.update_user(stubbed.client, SERVER_ID, "partner", MEMBERS)
        members = {"Policy": "", "PosixProfile": {"Uid": 1, "Gid": 0}}
        transfer.update_user(stubbed.client, SERVER_ID, "partner", members)


def test_what_an_old_sdk_does_not_know_is_not_sent_if_aws_does_it_anyway() -> None:
    sent: list[dict[str, Any]] = []

    class Old:
        """A client whose model has no Type for a mapping, such as that of botocore 1.31.0."""

        class meta:  # noqa: N801 - as botocore names it
            """Its model."""

            class service_model:  # noqa: N801 - as botocore names it
                """Its shapes."""

                @staticmethod
                def shape_for(name: str) -> Any:
                    """Return the shape of a mapping."""
                    assert name == "HomeDirectoryMapEntry"
                    return SimpleNamespace(members={"Entry": None, "Target": None})

        def update_user(self, **members: Any) -> dict[str, Any]:
            """Note what is sent."""
            sent.append(members)
            return {"UserName": "partner"}

    def mapping(**kind: str) -> dict[str, Any]:
        return {"HomeDirectoryMappings": [{"Entry": "/", "Target": "/b", **kind}]}

    old: Any = Old()
    for kind in ("DIRECTORY", "FILE"):
        transfer.update_user(old, SERVER_ID, "partner", mapping(Type=kind))
    plain, typed = ({name: value for name, value in members.items() if name not in USER} for members in sent)
    assert (plain, typed) == (mapping(), mapping(Type="FILE"))


def test_a_user_is_deleted_and_tagged(stubbed: StubbedService) -> None:
    stubbed.stubber.add_response("delete_user", TOLD, USER)
    stubbed.stubber.add_response("tag_resource", TOLD, {"Arn": ARN, "Tags": [{"Key": "a", "Value": ""}]})
    stubbed.stubber.add_response("untag_resource", TOLD, {"Arn": ARN, "TagKeys": ["a", "b"]})
    with stubbed.playing():
        transfer.delete_user(stubbed.client, SERVER_ID, "partner")
        transfer.tag_resource(stubbed.client, ARN, {"a": ""})
        transfer.untag_resource(stubbed.client, ARN, ("a", "b"))


def test_every_member_of_a_user_is_read(stubbed: StubbedService) -> None:
    described = {"Arn": ARN, **MEMBERS, "Tags": [{"Key": "a", "Value": "1"}], "UserName": "partner"}
    stubbed.stubber.add_response("describe_user", {"ServerId": SERVER_ID, "User": described}, USER)
    with stubbed.playing():
        read = transfer.describe_user(stubbed.client, SERVER_ID, "partner")
    assert read == transfer.StoredUser(
        ARN,
        "arn:aws:iam::123456789012:role/transfer",
        "/bucket",
        "LOGICAL",
        (("/", "/bucket", None), ("/a", "/bucket/a", "FILE")),
        "{}",
        (0, 1, (2,)),
        {"a": "1"},
        (),
    )


@pytest.mark.parametrize(
    "described",
    [
        {},
        {"PosixProfile": {}, "HomeDirectoryMappings": [], "Tags": [], "SshPublicKeys": []},
        {"HomeDirectory": "", "Policy": "", "HomeDirectoryType": ""},
    ],
)
def test_what_a_user_does_not_have_is_none(service: ScriptedService, described: dict[str, Any]) -> None:
    service.script = [(200, {"ServerId": SERVER_ID, "User": {"Arn": ARN, "Role": "role", **described}})]
    read = transfer.describe_user(client(service, TRANSFER), SERVER_ID, "partner")
    assert read == transfer.StoredUser(ARN, "role", "", "", (), "", None, {}, ())


def test_an_answer_of_something_else_leaves_a_change_in_doubt_and_a_read_not(service: ScriptedService) -> None:
    """A proxy answers with a page that says nothing of what the service did."""
    made = client(service, TRANSFER)
    service.script = [(200, {})]
    changes = (
        (transfer.import_key, KEY.line, "The answer has no SshPublicKeyId"),
        (transfer.delete_key, KEY_ID, "The answer has no request id"),
    )
    for change, argument, message in changes:
        with pytest.raises(ServiceError, match=message) as failure:
            change(made, SERVER_ID, "partner", argument)
        assert failure.value.in_doubt
    whole_users: list[tuple[Callable[[], None], str]] = [
        (lambda: transfer.create_user(made, SERVER_ID, "partner", MEMBERS, tags={}, key_body=None), "UserName"),
        (lambda: transfer.update_user(made, SERVER_ID, "partner", MEMBERS), "UserName"),
        (lambda: transfer.delete_user(made, SERVER_ID, "partner"), "request id"),
        (lambda: transfer.tag_resource(made, ARN, {"a": "1"}), "request id"),
        (lambda: transfer.untag_resource(made, ARN, ["a"]), "request id"),
    ]
    for act, missing in whole_users:
        with pytest.raises(ServiceError, match=f"The answer has no {missing}") as failure:
            act()
        assert failure.value.in_doubt
    for read, arguments in ((transfer.describe_user, (SERVER_ID, "partner")), (transfer.user_names, (SERVER_ID,))):
        with pytest.raises(ServiceError, match="The answer has no User") as failure:
            read(made, *arguments)
        assert not failure.value.in_doubt


def test_a_user_is_read_by_its_server_and_name(stubbed: StubbedService) -> None:
    stubbed.stubber.add_response("describe_user", {"ServerId": SERVER_ID, "User": {"Arn": "a" * 20}}, USER)
    stubbed.stubber.add_response("list_users", {"ServerId": SERVER_ID, "Users": []}, {"ServerId": SERVER_ID})
    with stubbed.playing():
        assert transfer.describe_user(stubbed.client, SERVER_ID, "partner")
        assert transfer.user_names(stubbed.client, SERVER_ID) == []
