# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The door of the modules: what is refused there, where a module runs, and that it returns the same in both places."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants as C  # noqa: N812 - as ansible-core names it
from ansible.playbook.play_context import PlayContext
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleBotocoreError
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import (
    ec2_instance_connect_key,
    ec2_serial_console_key,
    transfer_ssh_key,
    transfer_ssh_key_info,
    transfer_user,
    transfer_user_info,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils import _action, _refusal
from ansible_collections.sshkeys.aws.tests.ansible_core import ANSIBLE_CORE
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own
from ansible_collections.sshkeys.aws.tests.unit import keys, module_process
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import ScriptedService
from ansible_collections.sshkeys.aws.tests.unit.tasks import action_of

MODULES = {
    "push": ec2_instance_connect_key,
    "console": ec2_serial_console_key,
    "declare": transfer_ssh_key,
    "read": transfer_ssh_key_info,
    "make": transfer_user,
    "read users": transfer_user_info,
}
SERVER_ID, INSTANCE_ID = "s-01234567890abcdef", "i-0123456789abcdef0"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx alice@laptop"
WEAK = keys.key_pair("rsa-1024").line
PRIVATE = keys.key_pair("ed25519").private
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
BLOTTED = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
IN_A_PROCESS = {"in": "a process"}
IS_TOLD_TO_SHOW_INVOCATIONS = ANSIBLE_CORE >= (2, 21)


def action(module: str, arguments: dict[str, Any], **task: Any) -> Any:
    """Return the action of a task on this host."""
    door = type("Door", (_action.ModuleAction,), {"module": MODULES[module]})
    return action_of(door, MODULES[module].__name__.rpartition(".")[2], arguments, **task)


def variables(**more: Any) -> dict[str, Any]:
    """Return the variables of a task whose modules run with this interpreter."""
    return {"ansible_python_interpreter": sys.executable, "ansible_inject_invocation": True, **more}


def run(module: str, arguments: dict[str, Any], *, task_vars: dict[str, Any] | None = None, **task: Any) -> Any:
    """Run a task, and return its result."""
    return action(module, arguments, **task).run(None, variables() if task_vars is None else task_vars)


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what the user who runs the tests has configured out of them."""
    for name in [name for name in os.environ if re.match(r"AWS_|EC2_|BOTO", name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the tasks that had their module in a process from now on; none is started."""
    asked: list[Any] = []

    def run(self: Any, *_arguments: Any) -> Any:
        asked.append(self._task)
        return IN_A_PROCESS

    monkeypatch.setattr(NormalAction, "run", run)
    return asked


# -- Private keys -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("task", [{}, {"async_val": 60}, {"check_mode": True}, {"delegate_to": "elsewhere"}])
def test_a_private_key_is_refused_before_anything_else(module: str, task: Any, processes: list[Any]) -> None:
    result = run(module, {"no_such_option": [{"deep": PRIVATE}]}, task_vars={"ansible_python_interpreter": "x"}, **task)
    assert set(result) == {"failed", "msg"}
    assert result["failed"] is True
    assert result["msg"].startswith("no_such_option[0].deep: It is a private key.")
    assert processes == []


@pytest.mark.parametrize("value", [5, True, [5]])
def test_a_number_in_place_of_a_dict_is_refused_before_ansible_core_fails_on_it(
    value: Any, processes: list[Any]
) -> None:
    result = run("make", {"server_id": SERVER_ID, "user_name": "partner", "home_directory_mappings": value})
    assert result["failed"]
    assert "must be a dict, and is of type" in result["msg"]
    assert not processes


def test_ansible_core_masks_what_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []
    monkeypatch.setattr(_refusal, "register_secrets", masked.extend)
    run("declare", {"public_keys": [KEY, *PRIVATE.splitlines()], "user_name": "partneruploadservice"})
    for line in PRIVATE.splitlines()[1:-2]:
        assert any(part in line for part in masked)
    assert not any(part in text for part in masked for text in (KEY, "partneruploadservice"))


def test_ansible_core_that_cannot_mask_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_refusal, "register_secrets", None)
    assert run("declare", {"public_keys": PRIVATE})["failed"] is True


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION"])
def test_a_private_key_of_the_environment_has_no_invocation(name: str) -> None:
    result = run("read", {"server_id": SERVER_ID, "user_names": ["anna"]}, environment=[{name: PRIVATE}])
    assert "It is a private key" in result["msg"]
    assert result["invocation"] == {}
    assert not keys.runs(json.dumps(result), 16) & keys.runs(PRIVATE.splitlines()[2], 16)


# -- Where a module runs ----------------------------------------------------------------------------------------------

READ = {"server_id": SERVER_ID, "user_names": []}


def is_here(arguments: dict[str, Any] | None = None, **task: Any) -> bool:
    """Return whether the module of a task runs in its worker."""
    task_vars = task.pop("task_vars", variables())
    made = action("read", READ if arguments is None else arguments, **task)
    return bool(made._can_run_here(task_vars) and made._environment_here() is not None)


def test_on_this_host_with_this_interpreter_a_module_runs_here(processes: list[Any]) -> None:
    assert is_here()
    assert run("read", {**READ, "region": "us-east-1", "access_key": "a", "secret_key": "b"})["users"] == []
    assert processes == []


@pytest.mark.parametrize(
    "task",
    [
        {"async_val": 60},
        {"timeout": 60},
        {"task_vars": variables(sshkeys_aws_fast_path=False)},
        {"task_vars": variables(sshkeys_aws_fast_path="no")},
        {"task_vars": variables(sshkeys_aws_fast_path="{{ 1 == 2 }}")},
        {"task_vars": variables(ansible_python_interpreter="/usr/bin/python3")},
        {"task_vars": variables(ansible_python_interpreter="auto_silent")},
        {"task_vars": {}},
        # The variables of the host that a task is delegated to count, not those of the task's.
        {"delegate_to": "localhost"},
        {"environment": [{"PYTHONPATH": "/somewhere"}]},
        {"environment": [{"AWS_REGION": "us-east-1"}, {"LD_LIBRARY_PATH": "/somewhere"}]},
        # The SDK looks for a user's own descriptions of services in the home folder that it was imported with.
        {"environment": [{"HOME": "/home/alice"}]},
        {"arguments": {**READ, "debug_botocore_endpoint_logs": True}},
        {"arguments": {**READ, "debug_botocore_endpoint_logs": "yes"}},
        {"arguments": {**READ, "concurrency": date(2026, 11, 25)}},
        {"arguments": {**READ, "region": b"us-east-1"}},
        # ansible-core warns of these.
        {"arguments": {**READ, "user_name": "anna"}},
        {"arguments": {**READ, "region": "us-east-1", "aws_region": "us-east-1"}},
    ],
    ids=repr,
)
def test_where_it_makes_a_difference_a_module_has_a_process(task: dict[str, Any], processes: list[Any]) -> None:
    keywords = {name: value for name, value in task.items() if name != "arguments"}
    arguments = task.get("arguments", READ)
    assert not is_here(arguments, **keywords)
    assert run("read", arguments, **keywords) == IN_A_PROCESS
    assert len(processes) == 1


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": 3},
        {"BOTO_CONFIG": "/somewhere"},
        {"https_proxy": "http://proxy", "NO_PROXY": "127.0.0.1", "all_proxy": ""},
        {"XDG_CACHE_HOME": "/home/alice/.cache", "SSL_CERT_FILE": "/somewhere"},
        {},
    ],
)
def test_variables_that_are_read_in_time_make_no_difference(environment: dict[str, Any]) -> None:
    assert is_here(environment=[environment])


def test_delegated_to_this_host_a_module_runs_here() -> None:
    delegated = {"localhost": {"ansible_python_interpreter": sys.executable}}
    assert is_here(delegate_to="localhost", task_vars={"ansible_delegated_vars": delegated})


@pytest.mark.parametrize("name", ["become", "another connection"])
def test_another_user_or_host_has_a_process(name: str, processes: list[Any]) -> None:
    made = action("read", READ)
    if name == "become":
        made._connection.become = object()
    else:
        made._connection = type("Connection", (type(made._connection),), {})(PlayContext(), None)
    assert made.run(None, variables()) == IN_A_PROCESS
    assert len(processes) == 1


def test_where_files_are_kept_a_module_has_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(C, "DEFAULT_KEEP_REMOTE_FILES", True)
    assert not is_here()


def test_where_the_sdk_logs_a_module_has_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_DEBUG_BOTOCORE_LOGS", "1")
    assert not is_here()


def test_where_this_process_cannot_a_module_has_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a system that is not Linux, without the SDK, or with one that amazon.aws warns of."""
    monkeypatch.setattr(_action, "_CAN_RUN_HERE", False)
    assert not is_here()


def test_on_any_other_system_a_module_has_a_process() -> None:
    # What is read when the file is imported, in a Python that says that it is on a Mac.
    program = (
        "import importlib, sys\n"
        "import ansible.plugins.action.normal, ansible.plugins.connection.local\n"
        "import ansible_collections.amazon.aws.plugins.module_utils.modules\n"
        "sys.platform = 'darwin'\n"
        "from ansible_collections.sshkeys.aws.plugins.plugin_utils import _action\n"
        "print(_action._CAN_RUN_HERE)\n"
        "sys.platform = 'linux'\n"
        "print(importlib.reload(_action)._CAN_RUN_HERE)\n"
    )
    assert module_process.python(program) == "False\nTrue\n"


@pytest.mark.parametrize(
    ("check", "is_supported"),
    [(lambda **_warn: True, True), (lambda **_warn: False, False), (lambda warn: warn("too old") or True, False)],
    ids=["supported", "not supported", "warned of"],
)
def test_a_version_of_the_sdk(check: Callable[..., bool], is_supported: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_action, "check_sdk_version_supported", check)
    assert _action._is_sdk_supported() is is_supported


def test_no_sdk_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(**_warn: object) -> bool:
        raise AnsibleBotocoreError(message="Failed to import the required Python library (botocore and boto3)")

    monkeypatch.setattr(_action, "check_sdk_version_supported", check)
    assert _action._is_sdk_supported() is False


@pytest.mark.parametrize(
    ("about", "arguments", "warns"),
    [
        ({"aliases": ["b"]}, {"a": 1}, False),
        ({"aliases": ["b"]}, {"b": 1}, False),
        ({"aliases": ["b"]}, {"a": 1, "b": 1}, True),
        ({"aliases": ["b", "c"]}, {"b": 1, "c": 1}, True),
        ({"removed_in_version": "2.0.0"}, {"a": 1}, True),
        ({"removed_at_date": "2027-01-01"}, {"a": None}, True),
        ({"removed_in_version": "2.0.0"}, {"b": 1}, False),
        ({"aliases": ["b"], "deprecated_aliases": [{"name": "b"}]}, {"b": 1}, True),
        ({"aliases": ["b"], "deprecated_aliases": [{"name": "b"}]}, {"a": 1}, False),
    ],
)
def test_what_ansible_core_warns_of(about: dict[str, Any], arguments: dict[str, Any], warns: bool) -> None:
    assert _action._warns_of(arguments, {"a": about, "z": {}}) is warns


# -- What is shown ----------------------------------------------------------------------------------------------------


def test_secrets_are_blotted_out_wherever_they_stand() -> None:
    value = {"a": ["sec", {"b": "the sec is out"}, ("sec",)], "sec": 1, "n": None, "t": True, "i": 5, "f": 0.5}
    assert _action._blot_out(value, ["sec"]) == {
        "a": [BLOTTED, {"b": "the ******** is out"}, [BLOTTED]],
        "sec": 1,
        "n": None,
        "t": True,
        "i": 5,
        "f": 0.5,
    }


@pytest.mark.parametrize("core_masks", [True, False])
@pytest.mark.parametrize("name", ["secret_key", "aws_secret_access_key", "session_token", "aws_session_token"])
def test_a_credential_is_blotted_out_under_each_of_its_names(
    name: str, monkeypatch: pytest.MonkeyPatch, *, core_masks: bool
) -> None:
    monkeypatch.setattr(_action, "CORE_MASKS", core_masks)
    secret = {} if "secret" in name else {"secret_key": "another"}
    arguments = {**READ, "region": "us-east-1", "access_key": "a", **secret, name: "the sec"}
    shown = run("read", arguments)["invocation"]["module_args"]
    assert "the sec" not in json.dumps(shown)
    assert shown[name] == BLOTTED


def test_without_secrets_nothing_is() -> None:
    assert _action._blot_out({"a": ["********", ""]}, []) == {"a": ["********", ""]}


def test_invocations_are_shown_where_ansible_core_shows_them() -> None:
    assert _action._shows_invocation({"ansible_inject_invocation": True}) is True
    assert _action._shows_invocation({}) is not IS_TOLD_TO_SHOW_INVOCATIONS
    result = run("read", READ, task_vars={"ansible_python_interpreter": sys.executable})
    assert ("invocation" in result) is not IS_TOLD_TO_SHOW_INVOCATIONS


# A task with a deprecated name has a process, which warns of it.
CREDENTIALS = [
    name
    for option, about in aws_argument_spec().items()
    if about.get("no_log")
    for name in (option, *about.get("aliases", ()))
    if name not in {deprecated["name"] for deprecated in about.get("deprecated_aliases", ())}
]


@pytest.mark.parametrize("core_masks", [False, True])
@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_is_not_shown_under_any_of_its_names(
    name: str, core_masks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether ansible-core masks it wherever else it stands, as since 2.22, or not."""
    monkeypatch.setattr(_action, "CORE_MASKS", core_masks)
    needed = {"access_key": "a"} | ({} if "token" not in name else {"secret_key": "b"})
    result = run("read", {**READ, "region": "us-east-1", **needed, name: SECRET_KEY})
    assert result["invocation"]["module_args"][name] == BLOTTED
    assert SECRET_KEY not in json.dumps(result)


def test_a_warning_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ansible-core does with those of a module's process."""
    report = Report({"changed": False}, warnings=["One.", "Two.", "One."])
    monkeypatch.setattr(transfer_ssh_key_info, "run", lambda *_params, **_options: report)
    assert run("read", READ)["warnings"] == ["One.", "Two."]


@pytest.mark.parametrize("is_shown", [True, False])
def test_an_invocation_that_nobody_asks_for_is_not_in_the_result(
    is_shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As since ansible-core 2.21."""
    monkeypatch.setattr(_action, "_shows_invocation", lambda _variables: is_shown)
    result = run("read", {**READ, "region": "us-east-1", "access_key": "a", "secret_key": "b"})
    assert ("invocation" in result) is is_shown


# -- Progress ---------------------------------------------------------------------------------------------------------


class Silences:
    """Stands in for threading: silences end at once, and after some of them the work has ended."""

    def __init__(self, number: int) -> None:
        """Take the number of silences."""
        self._number = number
        self.seconds: list[float] = []
        self.calls: list[str] = []

    def Event(self) -> Silences:  # noqa: N802 - as threading has it
        """Return what is set at the end of the work."""
        return self

    def wait(self, seconds: float) -> bool:
        """Note how long it would have been silent."""
        self.seconds.append(seconds)
        return len(self.seconds) > self._number

    def set(self) -> None:
        """Note it."""
        self.calls.append("set")

    def Thread(self, target: Callable[[], None], *, daemon: bool) -> Silences:  # noqa: N802
        """Return a thread that runs when it is waited for. A worker that is killed does not wait for a daemon."""
        assert daemon
        self._run = target
        return self

    def start(self) -> None:
        """Note it."""
        self.calls.append("start")

    def join(self) -> None:
        """Run the thread."""
        self.calls.append("join")
        self._run()


def test_progress_is_told_ever_less_often_and_on_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    silences, shown = Silences(6), []

    def display(text: str, *, stderr: bool) -> None:
        shown.append((text, stderr))

    monkeypatch.setattr(_action, "threading", silences)
    monkeypatch.setattr(_action, "Display", lambda: SimpleNamespace(display=display))
    monkeypatch.setattr(_action, "time", SimpleNamespace(monotonic=lambda: sum(silences.seconds)))
    with _action._telling("module", 3) as end_of_a_call:
        end_of_a_call()
        end_of_a_call()
    assert silences.calls == ["start", "set", "join"]
    assert silences.seconds == [5, 10, 20, 30, 30, 30, 30]
    seconds = [5, 15, 35, 65, 95, 125]
    assert shown == [(f"module: 2 of 3 done after {each} seconds.", True) for each in seconds]


def test_a_module_here_tells_its_progress(service: ScriptedService, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    @contextmanager
    def telling(name: str, total: int) -> Iterator[Callable[[], None]]:
        told.append((name, total))
        yield lambda: told.append("end of a call")

    monkeypatch.setattr(_action, "_telling", telling)
    run("read", with_service(service, {"server_id": SERVER_ID, "user_names": ["anna", "bert"]}))
    assert told == [("sshkeys.aws.transfer_ssh_key_info", 2), "end of a call", "end of a call"]


# -- The same in both places ------------------------------------------------------------------------------------------


class Case:
    """Arguments of a module, and whether in check mode."""

    def __init__(self, module: str, *, check_mode: bool = False, **arguments: Any) -> None:
        """Take them."""
        self.module, self.check_mode = module, check_mode
        self.arguments = arguments

    def __repr__(self) -> str:
        return f"{self.module}{' (check)' if self.check_mode else ''} {self.arguments}"[:90]


PUSH: dict[str, Any] = {"instance_id": INSTANCE_ID, "os_user": "ec2-user", "public_key": KEY}
DECLARE: dict[str, Any] = {"server_id": SERVER_ID, "user_name": "anna", "public_keys": [KEY]}
CASES = [
    # Good ones
    Case("push", **PUSH),
    Case("push", check_mode=True, **PUSH),
    Case("push", check_mode=True, instance_id=INSTANCE_ID, instance_os_user="ubuntu", ssh_public_key=KEY),
    Case("push", check_mode=True, targets=[INSTANCE_ID, {"instance_id": "i-0123456789abcdef1", "os_user": "ubuntu"}],
         os_user="ec2-user", public_key=KEY),
    Case("push", targets=[], os_user="ec2-user", public_key=KEY),
    Case("push", check_mode=True, **{**PUSH, "public_key": WEAK}),
    Case("console", check_mode=True, instance_id=INSTANCE_ID, public_key=KEY, serial_port="0"),
    Case("declare", check_mode=True, **DECLARE),
    Case("declare", check_mode=True, **{**DECLARE, "public_keys": f"{KEY}\n{WEAK}"}),
    Case("declare", users=[], public_keys=KEY, server_id=SERVER_ID),
    Case("read", server_id=SERVER_ID, user_names=["anna"]),
    Case("read", server_id=SERVER_ID, user_name="anna"),
    Case("read", server_id=SERVER_ID, user_names=[]),
    # Conversions
    Case("push", check_mode=True, **{**PUSH, "force": "yes", "min_validity": "20", "concurrency": 4.0}),
    Case("read", server_id=SERVER_ID, user_names="anna,bert"),
    Case("read", server_id=SERVER_ID, user_names=[], aws_config={"retries": {"max_attempts": 2}, 5: "a number"}),
    Case("read", server_id=SERVER_ID, user_names=[], aws_config={True: "a boolean", None: "nothing"}),
    Case("declare", check_mode=True, **{**DECLARE, "exclusive": 1, "allow_empty": "off"}),
    # Texts that are not ASCII
    Case("declare", check_mode=True, **{**DECLARE, "public_keys": f"{KEY} Zoë ☃ 𝄞"}),
    Case("declare", **{**DECLARE, "user_name": "Zoë"}),
    Case("read", server_id="☃"),
    # What the validator refuses
    Case("push"),
    Case("push", os_user="ec2-user", public_key=KEY),
    Case("push", targets=[INSTANCE_ID], **PUSH),
    Case("push", no_such_option=1, **PUSH),
    Case("push", no_such_option=1, another={"a": 1}),
    Case("push", **{**PUSH, "concurrency": "many"}),
    Case("push", **{**PUSH, "concurrency": [1]}),
    Case("push", **{**PUSH, "force": "perhaps"}),
    Case("push", **{**PUSH, "public_key": None}),
    Case("push", **{**PUSH, "instance_id": ["a", "list"]}),
    Case("declare", **{**DECLARE, "state": "gone"}),
    Case("declare", **{**DECLARE, "users": ["bert"]}),
    Case("declare", public_keys=KEY),
    Case("declare", **{**DECLARE, "ssh_public_key_ids": {"a": 1}}),
    Case("declare", **{**DECLARE, "aws_config": "no dict"}),
    Case("read", server_id=None),
    Case("read", user_names=5, server_id=SERVER_ID),
    # What the module refuses
    Case("push", **{**PUSH, "instance_id": "web1"}),
    Case("push", **{**PUSH, "public_key": "no key at all"}),
    Case("push", **{**PUSH, "min_validity": 61}),
    Case("push", targets=[{"instance_id": INSTANCE_ID, "no_such_name": 1}], public_key=KEY),
    Case("push", targets=[5, None, {5: "five"}], os_user="ec2-user", public_key=KEY),
    Case("declare", **{**DECLARE, "public_keys": []}),
    Case("declare", **{**DECLARE, "public_keys": {"a": "dict"}}),
    Case("declare", **{**DECLARE, "public_keys": 5}),
    Case("declare", users=[{"user_name": "anna", "state": "gone"}], server_id=SERVER_ID, public_keys=KEY),
    Case("declare", **{**DECLARE, "wait_timeout": -1}),
    # A failure that has a result, since nobody listens at this port
    Case("read", server_id=SERVER_ID, user_names=["anna"], endpoint_url="http://127.0.0.1:9",
         aws_config={"retries": {"max_attempts": 0}}),
    # Credentials and regions
    Case("read", server_id=SERVER_ID, user_names=["anna"], secret_key="anna"),
    Case("read", server_id=SERVER_ID, user_names=["anna"], secret_key="us-east"),
    Case("read", server_id=SERVER_ID, user_names=["anna"], session_token="token-of-mine"),
    Case("read", server_id=SERVER_ID, user_names=["token-of-mine"], session_token="token-of-mine\n"),
    Case("read", server_id=SERVER_ID, user_names=["anna"], access_key=None),
    Case("read", server_id=SERVER_ID, user_names=["anna"], region=None),
    Case("read", server_id=SERVER_ID, user_names=["anna"], region="no region at all"),
    Case("read", server_id=SERVER_ID, user_names=["anna"], profile="nobody", access_key=None, secret_key=None),
    Case("read", server_id=SERVER_ID, user_names=["anna"], endpoint_url="no address"),
    Case("read", server_id=SERVER_ID, user_names=["anna"], aws_ca_bundle="/no/such/file"),
    Case("read", server_id=SERVER_ID, user_names=["anna"], validate_certs="no"),
]  # fmt: skip
# Without access_key, secret_key and region, which come from here then.
ENVIRONMENTS: list[dict[str, str]] = [
    {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "eu-central-1"},
    {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "anna", "AWS_DEFAULT_REGION": "eu-west-1"},
    {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET_KEY},
    {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SESSION_TOKEN": "anna", "AWS_REGION": " us-east-1"},
    {"AWS_PROFILE": "nobody", "XDG_CACHE_HOME": "/nonexistent"},
    {},
]


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    """Return a service that takes every push, and knows one user without keys."""
    service = ScriptedService()
    user = {"Arn": f"arn:aws:transfer:us-east-1:123456789012:user/{SERVER_ID}/anna", "UserName": "anna"}
    service.script = [(200, {"RequestId": "request-1", "Success": True, "ServerId": SERVER_ID, "User": user})]
    yield service
    service.server.shutdown()
    service.server.server_close()


def with_service(service: ScriptedService, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments with those that a call needs."""
    told = {
        name: value
        for name, value in service.params().items()
        if name in ("endpoint_url", "region", "access_key", "secret_key")
    }
    return {**told, **arguments}


@pytest.fixture(scope="module")
def in_a_process() -> Iterator[Callable[..., dict[str, Any]]]:
    """Return the results of a module's own main, which AnsibleModule parses the arguments of and exits for."""
    with module_process.module_processes([module.__name__ for module in MODULES.values()]) as processes:

        def result(module: str, arguments: dict[str, Any], *, check_mode: bool = False) -> dict[str, Any]:
            name = MODULES[module].__name__
            internal = {
                "_ansible_module_name": f"sshkeys.aws.{name.rpartition('.')[2]}",
                "_ansible_verbosity": 5,
                "_ansible_check_mode": check_mode,
            }
            if IS_TOLD_TO_SHOW_INVOCATIONS:
                internal["_ansible_inject_invocation"] = True
            return processes.result(name, {**arguments, **internal})

        yield result


def comparable(result: dict[str, Any], *secrets: str) -> dict[str, Any]:
    """Return a result without its times, without what an import of amazon.aws warns of, and with warnings as texts."""
    result.pop("deprecations", None)
    if "warnings" in result:
        # Since 2.19 a module returns them as messages of a type of ansible-core.
        result["warnings"] = [told if isinstance(told, str) else told["event"]["msg"] for told in result["warnings"]]
    # Since 2.22 a module's process returns credentials, and tells ansible-core to mask them where it shows them.
    if result.pop("_ansible_new_secrets", None) or _refusal.CORE_MASKS:
        result["invocation"] = _action._blot_out(result["invocation"], secrets)
    # They are of a set.
    text = re.sub(r"Valid booleans include: [^\"]*", "", json.dumps(result))
    found: dict[str, Any] = json.loads(re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text))
    return found


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_a_module_returns_the_same_here_as_in_a_process(
    case: Case,
    processes: list[Any],
    in_a_process: Callable[..., dict[str, Any]],
    service: ScriptedService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = with_service(service, case.arguments)
    cache = os.environ["XDG_CACHE_HOME"]
    monkeypatch.setenv("XDG_CACHE_HOME", f"{cache} of processes")
    theirs = in_a_process(case.module, arguments, check_mode=case.check_mode)
    monkeypatch.setenv("XDG_CACHE_HOME", f"{cache} of workers")
    ours = run(case.module, arguments, check_mode=case.check_mode)
    assert not processes
    secrets = [str(arguments[name]) for name in ("session_token", "secret_key") if arguments.get(name)]
    assert comparable(ours, *secrets) == comparable(theirs, *secrets)


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=repr)
def test_and_with_options_from_the_environment(
    environment: dict[str, str],
    in_a_process: Callable[..., dict[str, Any]],
    service: ScriptedService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = {"server_id": SERVER_ID, "user_names": ["anna"], "endpoint_url": service.params()["endpoint_url"]}
    ours = run("read", arguments, environment=[environment])
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    theirs = in_a_process("read", arguments)
    secrets = [value for name, value in environment.items() if re.search("SECRET|TOKEN", name)]
    assert comparable(ours, *secrets) == comparable(theirs, *secrets)
    # Nothing of it remains for the next task.
    for name in environment:
        monkeypatch.delenv(name)


def test_nothing_of_the_environment_of_a_task_remains(
    service: ScriptedService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # What an earlier test may have left is no part of it.
    monkeypatch.setenv("HOME", str(tmp_path))
    before = dict(os.environ)
    run("read", with_service(service, READ), environment=[{"AWS_REGION": "x", "XDG_CACHE_HOME": "/nonexistent"}])
    assert dict(os.environ) == before


def test_paths_are_those_of_the_playbook(service: ScriptedService, tmp_path: Path) -> None:
    """A module's process starts in its folder, if the connection says so."""
    service.speak_tls(certificate_of_its_own(tmp_path))
    before = Path.cwd()
    made = action("read", {**with_service(service, READ), "user_names": ["anna"], "aws_ca_bundle": "certificate.pem"})
    made._connection.cwd = str(tmp_path)
    (user,) = made.run(None, variables())["users"]
    assert "error" not in user
    assert Path.cwd() == before
