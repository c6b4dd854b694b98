# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules in a playbook: what only ansible-playbook shows, and that the keys open what the results say.

One run of plays/modules/modules.yml, at which the tests look.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.logins import opens_instance, opens_transfer_user
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run

PLAYBOOK = Path(__file__).parent / "modules" / "modules.yml"
ELSEWHERE = "eu-central-1"


@pytest.fixture(scope="module")
def run(module_controller: Controller) -> Run:
    """Run the playbook, in a lab where a key lives for an hour: the tests come after the whole run."""
    lab = module_controller.lab.lab
    module_controller.lab.control("PUT", "settings", key_lifetime=3600)
    for name in ("alice", "bob", "carol", "hush"):
        module_controller.make_key(name)
    module_controller.make_key("weak", "rsa", "-b", "1024")
    role = "role_arn = arn:aws:iam::123456789012:role/keys\nsource_profile = fleet\n"
    module_controller.write(
        "aws_config",
        f"[profile fleet]\nregion = {lab['region']}\n[profile abroad]\nregion = {ELSEWHERE}\n"
        f"[profile as_role]\nregion = {lab['region']}\n{role}",
    )
    secrets = f"aws_access_key_id = {lab['access_key']}\naws_secret_access_key = {lab['secret_key']}\n"
    module_controller.write("aws_credentials", f"[fleet]\n{secrets}[abroad]\n{secrets}").chmod(0o600)
    instances = [each["instance_id"] for each in lab["instances"]]
    here = {"ansible_connection": "local"}
    inventory = {
        "all": {
            "hosts": {"controller": here, "localhost": here},
            "children": {
                # Nobody listens there.
                "web": {
                    "hosts": {f"web{number}": {"instance_id": instances[number]} for number in (1, 2)},
                    "vars": {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"},
                }
            },
        }
    }
    public = {name: value for name, value in lab.items() if name not in ("secret_key", "environment")}
    variables = {"lab": public, "instance": lab["instances"][0]}
    environment = {
        # ansible-core looks for jobs in the home folder of the password file.
        "ANSIBLE_ASYNC_DIR": str(module_controller.folder / "home" / "async"),
    }
    # Beside the keys, as a user has it.
    playbook = module_controller.write("modules.yml", PLAYBOOK.read_text(encoding="utf-8"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        # botocore prefers it to that of a profile, even if it is empty.
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        ended = module_controller.run(playbook, inventory=inventory, variables=variables, environment=environment)
    ended.assert_succeeded()
    return ended


def failure(run: Run, task: str) -> str:
    """Return why a task failed, whose failure was ignored."""
    (told,) = run.all_of(task)
    assert told.status == "ignored", run.output
    return str(told.result["msg"])


def items(run: Run, task: str) -> list[Mapping[str, Any]]:
    """Return the results of a loop's items."""
    (told,) = run.all_of(task)
    results: list[Mapping[str, Any]] = told.result["results"]
    return results


# -- Pushes -----------------------------------------------------------------------------------------------------------


def test_the_pushed_key_opens_the_instance_until_it_expires(run: Run, module_controller: Controller) -> None:
    lab, keys = module_controller.lab, module_controller.folder / "keys"
    one, _two, unreached = lab.lab["instances"][:3]
    assert run.of("Push")["changed"] is True
    assert opens_instance(lab, one, keys / "alice")
    assert not opens_instance(lab, one, keys / "carol")
    assert opens_instance(lab, unreached, keys / "alice")
    # No other test here needs a key that lives.
    lab.control("POST", "clock", advance=3601)
    assert not opens_instance(lab, one, keys / "alice")


def test_ssh_logs_in_with_the_options_as_they_are_returned(run: Run, module_controller: Controller) -> None:
    one, two = module_controller.lab.lab["instances"][:2]
    assert one["host_key_alias"] == one["instance_id"]
    as_list, as_line = run.of("Log in with the options as a list"), run.of("Log in with the options as a line")
    assert as_list["stdout"] == as_line["stdout"] == one["os_user"]
    assert run.of("Log in with the options in Ansible's own connection", "pushed")["stdout"].strip() == two["os_user"]


def test_check_mode_sends_nothing_and_foresees_the_push(run: Run, module_controller: Controller) -> None:
    foreseen, pushed = run.of("Foresee a push"), run.of("Push")
    assert (foreseen["changed"], foreseen["request_id"]) == (True, None)
    assert foreseen["key"] == pushed["key"]
    first = next(call for call in module_controller.lab.requests() if call["operation"] == "SendSSHPublicKey")
    assert first["parameters"]["InstanceId"] == pushed["instance_id"]


def test_the_defaults_of_the_module_and_of_the_group_are_used(run: Run, module_controller: Controller) -> None:
    pushed = run.of("Push")
    assert pushed["region_source"].startswith("the option region")
    assert pushed["os_user"] == module_controller.lab.lab["instances"][0]["os_user"]


def test_each_item_of_a_loop_has_its_own_lease(run: Run) -> None:
    assert [item["changed"] for item in items(run, "Push only what is not open yet")] == [False, True]


def test_an_option_under_both_of_its_names_is_taken_with_a_warning(run: Run) -> None:
    told = run.of("Push with an option under both of its names")
    assert told["changed"] is False
    assert any("instance_os_user" in str(warning) for warning in told["warnings"])


def test_no_log_shows_nothing(run: Run) -> None:
    told = run.of("Push without a sign")
    assert "censored" in told
    assert not {"key", "targets", "invocation"} & set(told)
    assert "hush@laptop" not in run.output


def test_a_warning_is_shown_to_the_user(run: Run) -> None:
    assert any("1024 bits" in str(warning) for warning in run.of("Push a weak key")["warnings"])
    assert re.search(r"\[WARNING\]: The key SHA256:\S+ \(weak@laptop\)", " ".join(run.output.split()))


def test_a_playbook_can_go_on_with_the_instances_that_could_be_opened(run: Run, module_controller: Controller) -> None:
    (told,) = run.all_of("Push to a fleet, some of which cannot be opened")
    assert told.status == "ok"
    facts = run.of("Use what was registered")["ansible_facts"]
    assert facts["closed"] == [module_controller.lab.lab["instances"][3]["instance_id"]]
    assert facts["said"].startswith("1 of 4 targets failed")


@pytest.mark.parametrize(
    "task", ["Push to an endpoint that the task names", "Push to the endpoint of the environment of a task"]
)
def test_a_task_says_where_its_call_goes(run: Run, task: str) -> None:
    assert "127.0.0.1:1" in failure(run, task)
    # The lease of the other endpoint says nothing here.
    assert "EndpointConnectionError" in failure(run, task)


def test_a_console_is_opened(run: Run) -> None:
    told = run.of("Push to the console")
    assert told["changed"] is True
    assert told["ssh_command"].startswith(f"ssh {told['instance_id']}.port0@")
    assert told["host_key_fingerprint"].startswith("SHA256:")


@pytest.mark.skipif(
    " " in sys.executable, reason="ansible-core starts no job by an interpreter with a blank in its path"
)
def test_a_push_in_the_background_ends_as_any_other(run: Run) -> None:
    told = run.of("Push in the background")
    assert (told["finished"], told["changed"]) == (1, True)
    assert told["key"] == run.of("Push")["key"]


def test_hosts_are_opened_from_here_before_they_can_be_reached(run: Run, module_controller: Controller) -> None:
    instances = module_controller.lab.lab["instances"]
    for number in (1, 2):
        told = run.of("Push for each host from here", f"web{number}")
        assert (told["changed"], told["instance_id"]) == (True, instances[number]["instance_id"])


@pytest.mark.parametrize(
    "task",
    [
        "Push elsewhere",
        "Push to a console elsewhere",
        "Declare elsewhere",
        "Read elsewhere",
        "Make a user elsewhere",
        "Read users elsewhere",
    ],
)
def test_every_module_takes_the_defaults_of_the_group(run: Run, task: str) -> None:
    assert f"The region was {ELSEWHERE}, from the option region" in failure(run, task)


# -- Profiles ---------------------------------------------------------------------------------------------------------


def test_the_profile_of_a_task_and_the_log_of_the_sdk(run: Run) -> None:
    told = run.of("Read as the profile says, with the log of the SDK")
    assert [user["user_name"] for user in told["users"]] == ["auditor"]
    # amazon.aws finds calls to https addresses only, and the lab has none.
    assert told["resource_actions"] == []


def test_another_profile_leads_elsewhere(run: Run) -> None:
    assert f"The region was {ELSEWHERE}, from the profile abroad" in failure(run, "Read as another profile says")


@pytest.mark.parametrize(
    ("task", "role"),
    [
        ("Read as a role that the profile assumes", "keys"),
        ("Read as a role that the task names", "of-the-task"),
        ("Read in a process as a role that the task names", "of-the-process"),
    ],
)
def test_the_role_is_assumed(run: Run, module_controller: Controller, task: str, role: str) -> None:
    (user,) = run.of(task)["users"]
    assert user["user_name"] == "auditor"
    calls = module_controller.lab.requests()
    arn = f"arn:aws:iam::123456789012:role/{role}"
    (assumed,) = (number for number, call in enumerate(calls) if call["parameters"].get("RoleArn") == arn)
    assert calls[assumed]["operation"] == "AssumeRole"
    assert calls[assumed]["access_key"] == module_controller.lab.lab["access_key"] != calls[assumed + 1]["access_key"]


# -- Transfer users ---------------------------------------------------------------------------------------------------


def test_the_keys_of_a_user_open_its_folder_and_no_others_do(run: Run, module_controller: Controller) -> None:
    lab, keys = module_controller.lab, module_controller.folder / "keys"
    (user,) = (user for user in lab.lab["transfer"]["users"] if user["user_name"] == "partner")
    told = run.of("Change the keys")
    assert sorted(key["comment"] for key in told["ssh_public_keys"]) == ["alice@laptop", "carol@laptop"]
    assert [key["comment"] for key in told["deleted"]] == ["bob@laptop"]
    for name, opens in (("alice", True), ("carol", True), ("bob", False)):
        assert opens_transfer_user(lab, user, keys / name) is opens


def test_the_diff_is_shown_in_check_mode_and_for_real(run: Run) -> None:
    assert run.of("Foresee the change")["diff"] == run.of("Change the keys")["diff"]
    for sign, name in (("-", "bob"), ("+", "alice"), ("+", "carol")):
        lines = [line for line in run.output.splitlines() if re.match(rf"[{sign}]SHA256:.* {name}@laptop", line)]
        assert len(lines) == 2, run.output


def test_a_second_run_changes_nothing(run: Run) -> None:
    assert run.of("Change nothing")["changed"] is False


def test_the_info_module_reads_in_check_mode_too(run: Run) -> None:
    (user,) = run.of("Read the keys")["users"]
    bodies = [key["body"] for key in run.of("Change the keys")["ssh_public_keys"]]
    assert [key["body"] for key in user["ssh_public_keys"]] == bodies
    assert all(key["age_days"] == 0 for key in user["ssh_public_keys"])


def test_a_lookup_that_finds_nothing_or_too_much_is_refused(run: Run, module_controller: Controller) -> None:
    nothing, files, lines = (str(item["msg"]) for item in items(run, "Hand out what a lookup returns"))
    assert "public_keys is an empty list" in nothing
    assert "set allow_empty=true" in nothing
    for told in (files, lines):
        assert "several keys on one line" in told
    names = [call["parameters"].get("UserName") for call in module_controller.lab.requests()]
    assert "reports" not in names


def test_a_user_is_made_as_foreseen_and_logs_in(run: Run, module_controller: Controller) -> None:
    lab, keys = module_controller.lab, module_controller.folder / "keys"
    foreseen, made, again = (run.of(task) for task in ("Foresee a user", "Make a user", "Make it again"))
    assert [told["changed"] for told in (foreseen, made, again)] == [True, True, False]
    assert foreseen["diff"] == made["diff"]
    assert "tags.team: finance" in made["diff"]["after"]
    (user,) = (user for user in lab.lab["transfer"]["new_users"] if user["user_name"] == "newcomer")
    for name, opens in (("alice", True), ("carol", True), ("bob", False)):
        assert opens_transfer_user(lab, user, keys / name) is opens


def test_a_user_that_was_read_is_given_back(run: Run) -> None:
    (user,) = run.of("Read the user")["users"]
    assert user["policy"] == {"Version": "2012-10-17", "Statement": []}
    told = run.of("Give back what was read")
    assert (told["changed"], told["users"][0]["user_name"]) == (False, "newcomer")


def test_what_went_with_a_user_is_shown(run: Run) -> None:
    told = run.of("Delete users")
    assert [user["changed"] for user in told["users"]] == [True, False]
    assert "With the user archive go its keys: none; and its tags: none." in told["msg"]


def test_texts_become_numbers_and_numbers_tags(run: Run) -> None:
    told = run.of("Make a user in a process, with a value of each type as text")
    assert told["posix_profile"] == {"uid": 5, "gid": 6, "secondary_gids": []}
    assert told["tags"] == {"number": "5", "flag": "True"}
