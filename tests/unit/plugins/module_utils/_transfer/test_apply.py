# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applying what is declared, by calls of modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.ages import Rules
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.apply import Applied, apply

SERVER = {
    "name": "s-1",
    "server_id": "s-1",
    "region": "us-east-1",
    "profile": "",
    "aws": {"region": "us-east-1"},
    "user_names": ["partner"],
    "declared": [{"user_name": "partner", "state": "present", "public_keys": []}],
    "declared_users": [],
}
OLD = {"id": "key-1", "body": "damaged", "fingerprint": "SHA256:1", "comment": "c", "age_days": 100}
YOUNG = {**OLD, "id": "key-2", "age_days": 1}

NO_LIMIT = Rules(0)


class Modules:
    """Modules that answer as they are told, and what they were called with."""

    def __init__(self, **answers: dict[str, Any]) -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._answers = answers

    def __call__(self, module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append((module, arguments))
        name = "removing" if arguments.get("state") == "absent" else module
        return self._answers.get(name, {"users": []})


def run(modules: Modules, *servers: Mapping[str, Any], rules: Rules = NO_LIMIT) -> Applied:
    return apply(servers, modules, rules, unsupported_keys="skip", wait_timeout=7, concurrency=3, pretends=False)


def test_what_is_declared_is_handed_to_the_module() -> None:
    modules = Modules()
    assert run(modules, SERVER).failures == []
    assert modules.calls == [
        (
            "transfer_ssh_key",
            {
                "region": "us-east-1",
                "server_id": "s-1",
                "users": SERVER["declared"],
                "unsupported_keys": "skip",
                "wait_timeout": 7,
                "concurrency": 3,
            },
        )
    ]


def test_users_themselves_are_made_first_by_a_module_of_their_own() -> None:
    modules = Modules()
    users = [{"user_name": "auditor", "role_arn": "arn:aws:iam::123456789012:role/sftp"}]
    run(modules, {**SERVER, "user_names": ["partner", "auditor"], "declared_users": users})
    assert [module for module, _arguments in modules.calls] == ["transfer_user", "transfer_ssh_key"]
    assert modules.calls[0][1] == {
        "region": "us-east-1",
        "server_id": "s-1",
        "users": users,
        "unsupported_keys": "skip",
        "concurrency": 3,
    }


def test_old_keys_of_users_that_were_made_are_judged_by_their_declaration() -> None:
    """A declared key stays, and so does every key where the declaration failed."""
    declared = {"user_name": "partner", "role_arn": "x"}
    server = {**SERVER, "declared": [], "declared_users": [declared]}
    read = {"users": [{"user_name": "partner", "ssh_public_keys": [OLD, YOUNG]}]}
    made: dict[str, Any] = {"user_name": "partner", "imported": [], "deleted": []}
    for error, fate in (({}, "kept, because the removal failed"), ({"error": {"code": "E"}}, "kept, because the decl")):
        modules = Modules(transfer_user={"users": [{**made, **error}]}, transfer_ssh_key_info=read)
        ((old,),) = (each["old_keys"] for each in run(modules, server, rules=Rules(90, True)).servers)
        assert old["fate"].startswith(fate)


def test_a_server_without_declarations_is_looked_at_only() -> None:
    modules = Modules()
    run(modules, {**SERVER, "declared": [], "user_names": []}, rules=Rules(90))
    of_server = {"region": "us-east-1", "server_id": "s-1", "concurrency": 3}
    assert modules.calls == [("transfer_ssh_key_info", of_server)]


def test_old_keys_are_removed_after_the_declaration() -> None:
    read = {"users": [{"user_name": "partner", "ssh_public_keys": [OLD, YOUNG]}]}
    done = {"users": [{"user_name": "partner", "imported": [], "deleted": []}]}
    removed = {"users": [{"user_name": "partner", "imported": [], "deleted": [OLD]}]}
    modules = Modules(transfer_ssh_key=done, transfer_ssh_key_info=read, removing=removed)
    applied = run(modules, SERVER, rules=Rules(90, True))
    assert [module for module, _arguments in modules.calls] == [
        "transfer_ssh_key",
        "transfer_ssh_key_info",
        "transfer_ssh_key",
    ]
    assert modules.calls[1][1]["user_names"] == ["partner"]
    assert modules.calls[2][1]["users"] == [{"user_name": "partner", "ssh_public_key_ids": ["key-1"]}]
    assert applied.says == [
        "1 user of 1 server declared: 1 old key removed.",
        "s-1 partner - SHA256:1 c (100 days old, removed)",
    ]


def test_every_server_is_tried() -> None:
    modules = Modules(transfer_ssh_key={"failed": True, "msg": "No."})
    applied = run(modules, SERVER, {**SERVER, "name": "s-2", "server_id": "s-2"})
    assert applied.failures == ["s-1: No.", "s-2: No."]
    assert [server["server_id"] for server in applied.servers] == ["s-1", "s-2"]
