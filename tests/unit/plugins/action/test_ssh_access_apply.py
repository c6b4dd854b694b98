# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second task of the role: the calls of modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible_collections.sshkeys.aws.plugins.action.ssh_access_apply import ActionModule, _Calls, _open
from ansible_collections.sshkeys.aws.plugins.module_utils._push.hosts import Call, Host
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.tests.unit.tasks import ModuleCalls, Task, action_of

IDS = ("i-0123456789abcdef0", "i-0fedcba9876543210")
CALL = Call("ssh-ed25519 AAAA", {"region": "us-east-1"}, "ssh_access_region", 15, 16, False, True)


class Module:
    """The module that pushes, which takes every target."""

    def __init__(self, **told: Any) -> None:
        self.calls: list[tuple[str, Mapping[str, Any], bool]] = []
        self._told = told

    def __call__(self, module: str, arguments: Mapping[str, Any], pretends: bool) -> dict[str, Any]:
        self.calls.append((module, arguments, pretends))
        targets = [{**target, "success": True, "pushed_at": None} for target in arguments["targets"]]
        return {"changed": True, "targets": targets, **self._told}


def hosts(call: Call = CALL) -> list[Host]:
    return [
        Host(f"web{number}", Target(instance_id, "ec2-user"), call, "/k") for number, instance_id in enumerate(IDS, 1)
    ]


def test_hosts_that_share_a_call_are_opened_by_one() -> None:
    module = Module()
    calls = _Calls(module)
    openings = _open(hosts(), calls)
    ((name, arguments, pretends),) = module.calls
    assert (name, pretends) == ("ec2_instance_connect_key", True)
    assert arguments["region"] == "us-east-1"
    assert (arguments["public_key"], arguments["min_validity"], arguments["concurrency"]) == (
        "ssh-ed25519 AAAA",
        15,
        16,
    )
    assert [target["instance_id"] for target in arguments["targets"]] == [*IDS]
    assert {host: opening["instance_id"] for host, opening in openings.items()} == {"web1": IDS[0], "web2": IDS[1]}
    assert calls.told() == {"changed": True}


def test_what_does_not_outlive_the_run_is_no_change() -> None:
    calls = _Calls(Module())
    _open(hosts(CALL._replace(is_pair_of_the_run=True)), calls)
    assert calls.told() == {"changed": False}


def test_a_change_counts_whatever_comes_after_it() -> None:
    calls = _Calls(Module())
    _open([*hosts(), *hosts(CALL._replace(is_pair_of_the_run=True))], calls)
    assert calls.told() == {"changed": True}


def test_what_modules_tell_is_told() -> None:
    calls = _Calls(Module(warnings=["One."], diff={"before": "", "after": "x"}))
    _open([*hosts(), *hosts(CALL._replace(min_validity=30))], calls)
    assert calls.told() == {"changed": True, "warnings": ["One."], "diff": [{"before": "", "after": "x"}] * 2}


# -- The whole task ---------------------------------------------------------------------------------------------------

SERVER_ID = "s-01234567890abcdef"
DECLARED = {"user_name": "anna", "state": "present", "exclusive": True, "public_keys": ["ssh-ed25519 AAAA"]}
SERVER = {
    "name": SERVER_ID,
    "server_id": SERVER_ID,
    "region": "eu-central-1",
    "profile": "",
    "aws": {"region": "eu-central-1", "profile": "of_the_server"},
    "user_names": ["anna"],
    "declared": [DECLARED],
    "declared_users": [],
}
OLD_KEY = {
    "id": "key-00000000000000001",
    "body": "ssh-ed25519 BBBB",
    "fingerprint": "SHA256:old",
    "comment": "old",
    "age_days": 91,
    "date_imported": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def modules() -> ModuleCalls:
    """Return modules that succeed: one key of anna is old, and another one is not."""
    modules = ModuleCalls()
    young = {**OLD_KEY, "id": "key-00000000000000002", "age_days": 1}
    keys = {"user_name": "anna", "ssh_public_keys": [OLD_KEY, young]}
    done = {"user_name": "anna", "changed": True, "imported": [], "deleted": [], **keys}
    modules.answers["transfer_ssh_key"] = {"changed": True, "users": [done]}
    modules.answers["transfer_ssh_key_info"] = {"changed": False, "users": [keys]}
    target = {"instance_id": IDS[0], "os_user": "ec2-user", "success": True, "pushed_at": None}
    modules.answers["ec2_instance_connect_key"] = {"changed": True, "targets": [target]}
    return modules


def run(
    modules: ModuleCalls, asked: list[dict[str, Any]], *, task: Mapping[str, Any] | None = None, **more: Any
) -> Any:
    action = action_of(ActionModule, "ssh_access_apply", {"asked": asked, **more}, modules, **(task or {}))
    return action.run(None, {"inventory_hostname": "web1"})


def asked_server(*faults: str, **more: Any) -> dict[str, Any]:
    return {"declared": {"servers": [{**SERVER, **more}], "faults": list(faults)}}


def asked_host(**of_call: Any) -> dict[str, Any]:
    return {"host": Host("web1", Target(IDS[0], "ec2-user"), CALL._replace(**of_call), "/k").as_dict()}


def called(modules: ModuleCalls, name: str) -> list[Task]:
    return [task for task in modules.calls if task.action == f"sshkeys.aws.{name}"]


def test_what_a_host_says_of_its_push_is_passed_on(modules: ModuleCalls) -> None:
    result = run(modules, [asked_host(pretends=False, min_validity=44, concurrency=7)])
    (task,) = modules.calls
    assert (task.action, task.check_mode) == ("sshkeys.aws.ec2_instance_connect_key", False)
    assert task.args == {
        "region": "us-east-1",
        "targets": [{"instance_id": IDS[0], "os_user": "ec2-user"}],
        "public_key": "ssh-ed25519 AAAA",
        "min_validity": 44,
        "concurrency": 7,
    }
    assert set(result["hosts"]) == {"web1"}
    assert "transfer" not in result


@pytest.mark.parametrize("pretends", [False, True])
def test_a_host_may_be_opened_in_check_mode_and_a_server_is_not_changed(modules: ModuleCalls, pretends: bool) -> None:
    """The calls of a host say for themselves whether they pretend."""
    run(modules, [asked_host(pretends=pretends), asked_server()], task={"check_mode": True})
    assert [task.check_mode for task in called(modules, "ec2_instance_connect_key")] == [pretends]
    assert [task.check_mode for task in called(modules, "transfer_ssh_key")] == [True]


def test_options_of_the_role_are_those_of_the_modules(modules: ModuleCalls) -> None:
    options: dict[str, Any] = {"unsupported_keys": "skip", "wait_timeout": 77, "concurrency": 5}
    run(modules, [asked_server()], **options)
    (task,) = modules.calls
    assert not task.check_mode
    of_server = {"server_id": SERVER_ID, "region": "eu-central-1", "profile": "of_the_server"}
    assert task.args == {**options, **of_server, "users": [DECLARED]}


@pytest.mark.parametrize("is_checked", [False, True])
def test_users_themselves_are_made_by_their_module(modules: ModuleCalls, is_checked: bool) -> None:
    user = {"user_name": "bert", "role_arn": "arn:aws:iam::123456789012:role/sftp", "public_keys": ["ssh-ed25519 AAAA"]}
    made = {"user_name": "bert", "created": True, "imported": [], "deleted": []}
    diff = {"before": "", "after": "role_arn: x\n"}
    modules.answers["transfer_user"] = {"changed": True, "users": [made], "diff": [diff]}
    server = asked_server(user_names=["anna", "bert"], declared_users=[user])
    result = run(modules, [server], task={"check_mode": is_checked})
    (task,) = called(modules, "transfer_user")
    of_server = {"server_id": SERVER_ID, "region": "eu-central-1", "profile": "of_the_server"}
    assert task.args == {**of_server, "users": [user], "unsupported_keys": "fail", "concurrency": 16}
    assert task.check_mode is is_checked
    assert (result["changed"], result["diff"]) == (True, [diff])
    (told,) = result["transfer"]["servers"]
    assert [each["user_name"] for each in told["users"]] == ["anna", "bert"]


def test_what_the_role_does_not_set_has_its_default(modules: ModuleCalls) -> None:
    """Nothing is skipped, waited for or looked for."""
    run(modules, [asked_server()])
    (task,) = modules.calls
    told = {name: task.args[name] for name in ("unsupported_keys", "wait_timeout", "concurrency")}
    assert told == {"unsupported_keys": "fail", "wait_timeout": 0, "concurrency": 16}


@pytest.mark.parametrize(
    ("rules", "removed"),
    [
        ({"max_key_age_days": 0, "remove_old_keys": True}, []),
        ({"max_key_age_days": 91, "remove_old_keys": True}, []),
        ({"max_key_age_days": 90}, []),
        ({"max_key_age_days": 90, "remove_last_key": True}, []),
        ({"max_key_age_days": 90, "remove_old_keys": True}, [OLD_KEY["id"]]),
    ],
)
def test_old_keys_are_removed_where_the_user_asks_for_it(
    modules: ModuleCalls, rules: dict[str, Any], removed: list[str]
) -> None:
    run(modules, [asked_server(declared=[])], **rules)
    removals = [
        user["ssh_public_key_ids"] for task in called(modules, "transfer_ssh_key") for user in task.args["users"]
    ]
    assert removals == [removed] * bool(removed)
    assert len(called(modules, "transfer_ssh_key_info")) == (rules["max_key_age_days"] > 0)


@pytest.mark.parametrize(("removes_last", "removals"), [(False, 0), (True, 1)])
def test_the_last_key_goes_only_where_the_user_asks_for_that_too(
    modules: ModuleCalls, removes_last: bool, removals: int
) -> None:
    only = {"user_name": "anna", "ssh_public_keys": [OLD_KEY]}
    modules.answers["transfer_ssh_key_info"] = {"changed": False, "users": [only]}
    rules: dict[str, Any] = {"max_key_age_days": 90, "remove_old_keys": True, "remove_last_key": removes_last}
    run(modules, [asked_server(declared=[])], **rules)
    assert len(called(modules, "transfer_ssh_key")) == removals


def test_no_host_is_opened_where_a_declaration_failed(modules: ModuleCalls) -> None:
    modules.answers["transfer_ssh_key"] = {"failed": True, "msg": "No."}
    result = run(modules, [asked_server(), asked_host()])
    assert result["hosts"] == {}
    assert called(modules, "ec2_instance_connect_key") == []
    assert len(result["transfer"]["failures"]) == 1


def test_nothing_is_called_where_a_declaration_has_a_fault(modules: ModuleCalls) -> None:
    result = run(modules, [asked_server("One is wrong."), asked_server("And two.", region="us-east-1"), asked_host()])
    assert result["failed"] is True
    assert result["msg"].startswith(f"ssh_access_transfer_servers: Server {SERVER_ID} has 2 different declarations.")
    assert result["msg"].endswith("One is wrong. And two.")
    assert modules.calls == []


def test_a_module_that_fails_by_an_exception_has_failed(modules: ModuleCalls) -> None:
    modules.answers["ec2_instance_connect_key"] = AnsibleError("No module.")
    opening = run(modules, [asked_host()])["hosts"]["web1"]
    assert (opening["is_open"], opening["result"]["msg"]) == (False, "No module.")


def test_defaults_of_the_play_count_less_than_what_a_host_says(modules: ModuleCalls) -> None:
    """module_defaults of the group come as arguments of the task; those of a module are looked up for it."""
    defaults = [
        {"sshkeys.aws.ec2_instance_connect_key": {"profile": "old", "min_validity": 1}},
        {"sshkeys.aws.ec2_instance_connect_key": {"profile": "of_the_module"}},
        {"sshkeys.aws.transfer_ssh_key": {"profile": "of_another"}},
    ]
    group = {"region": "eu-west-1", "profile": "of_the_group", "access_key": "AKIA"}
    run(modules, [asked_host()], task={"module_defaults": defaults}, **group)
    (task,) = modules.calls
    told = {name: task.args[name] for name in ("region", "profile", "access_key", "min_validity")}
    assert told == {"region": "us-east-1", "profile": "of_the_module", "access_key": "AKIA", "min_validity": 15}


def test_the_host_that_tells_of_the_servers_is_named(modules: ModuleCalls) -> None:
    assert run(modules, [])["said_by"] == "web1"
