# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook transfer_users, as a user runs it: in check mode first, then for real, and once more.

Three runs serve all tests. The playbook is for localhost, and an inventory may have a group of that name: each of its
hosts is a case. The users newcomer and courier do not exist, and have a real sftp server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.logins import opens_transfer_user
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

PLAYBOOK = "sshkeys.aws.transfer_users"
ROLE = "arn:aws:iam::123456789012:role/transfer"
OTHER_ROLE = "arn:aws:iam::123456789012:role/reports"
READ, MAKE, SAY = "Read the users and their keys", "Make the users and their keys as declared", "Sum up"
FAIL = "Fail if a user is not as declared"
NAMES = ("alice", "bob")
ERIN = line_of(ed25519_blob(bytes([7]) * 32), "erin@laptop")


@dataclass(frozen=True)
class Stage:
    """A run, and the calls of each user in it."""

    run: Run
    requests: Sequence[Mapping[str, Any]]

    def says(self, case: str) -> list[str]:
        """Return what the playbook says at its end."""
        said: list[str] = self.run.of(SAY, case)["msg"]
        return said

    def changed(self, case: str) -> bool:
        """Return whether a case has changed something."""
        return bool(self.run.of(MAKE, case)["changed"])

    def failure(self, case: str) -> str:
        """Return why a case has failed."""
        (failed,) = [each for each in self.run.results if each.host == case and each.status == "failed"]
        return str(failed.result["msg"])

    def calls(self, *user_names: str) -> list[str]:
        """Return the operations for users, in order."""
        return [
            request["operation"]
            for request in self.requests
            if request["parameters"].get("UserName", request["parameters"].get("Arn", "").rpartition("/")[2])
            in user_names
        ]


@dataclass(frozen=True)
class Stages:
    """The three runs, and the controller."""

    controller: Controller
    checked: Stage
    real: Stage
    again: Stage


def spreadsheet(keys: Mapping[str, str]) -> str:
    """Return a table as Excel writes it where a comma is the decimal sign."""
    rows = [
        "user_name;home_directory_mappings;tags;public_keys;public_key_files;;",
        'newcomer;"/=/lab-uploads/newcomer;/incoming=/lab-uploads/in";team=finance;;keys/alice.pub;;',
        f"newcomer;;;{keys['bob']};;;",
        'courier;"/=/lab-uploads/courier";"team=finance;note={{ 7 * 191 }}";;keys/bob.pub;;',
        ";;;;;;",
    ]
    return "\ufeff" + "".join(f"{row}\r\n" for row in rows)


OF_TERRAFORM = f'username,home_dir,public_key,role_arn\nuser1,/user1,"{ERIN}",\nuser2,/user2,"{ERIN}",{OTHER_ROLE}\n'
FAULTY = "user_name,role_arn,tags,public_keys\nunsent,admin,,no key\n-x-,,finance,\n"


def cases(controller: Controller) -> dict[str, dict[str, Any]]:
    """Return the variables of each case."""
    folder = controller.folder
    of_all = {
        "transfer_users_server_id": controller.lab.server_id,
        "transfer_users_region": controller.lab.lab["region"],
        "transfer_users_role_arn": ROLE,
    }
    own: dict[str, dict[str, Any]] = {
        "table": {"transfer_users_csv": str(folder / "users.csv")},
        "folder": {
            "transfer_users_folder": str(folder / "people"),
            "transfer_users_home_directory_mappings": "/=/lab-uploads/{user_name}",
            "transfer_users_tags": {"team": "logistics"},
            "transfer_users_policy": {"Version": "2012-10-17", "Statement": []},
        },
        "terraform": {
            "transfer_users_csv": str(folder / "terraform.csv"),
            "transfer_users_bucket": "lab-uploads",
        },
        "changes": {"transfer_users_csv": str(folder / "changes.csv"), "transfer_users_exclusive": "false"},
        "unlucky": {"transfer_users_csv": str(folder / "unlucky.csv")},
        "faulty": {"transfer_users_csv": str(folder / "faulty.csv"), "transfer_users_tags": "x"},
        "keyless": {"transfer_users_csv": str(folder / "keyless.csv")},
        "secret": {"transfer_users_csv": str(folder / "secret.csv")},
        "secret_file": {"transfer_users_folder": str(folder / "secret")},
        "misspelt": {"transfer_users_csv": str(folder / "users.csv"), "transfer_users_role": ROLE},
    }
    return {case: {**of_all, **variables} for case, variables in own.items()}


@pytest.fixture(scope="module")
def stages(module_controller: Controller) -> Stages:
    """Run the playbook three times."""
    controller = module_controller
    lab = controller.lab
    keys = {name: controller.make_key(name) for name in NAMES}
    private_key = (controller.folder / "keys" / "alice").read_text(encoding="utf-8")
    for path, text in {
        "users.csv": spreadsheet(keys),
        "people/packer.pub": f"{ERIN}\n",
        "people/driver/alice.pub": f"{keys['alice']}\n",
        "people/driver/bob.pub": f"{keys['bob']}\n",
        "terraform.csv": OF_TERRAFORM,
        "changes.csv": f"user_name,state,tags,public_keys\nbilling,absent,,\nnightly,,by=night,{ERIN}\n",
        "unlucky.csv": f"user_name,public_keys\nunlucky,{ERIN}\nlucky,{ERIN}\n",
        "faulty.csv": FAULTY,
        "keyless.csv": (
            "user_name,state,public_keys,allow_empty,home_directory,home_directory_mappings\n"
            "supplyer,absent,,,,\narchive,,,true,/lab-uploads,[]\nreports,,[],true,[],/=/lab-uploads/{user_name}\n"
        ),
        "secret.csv": f'user_name,public_keys\nunsent,"{private_key}"\n',
        "secret/unsent.pub": private_key,
    }.items():
        controller.write(path, text)
    for user_name in ("billing", "archive", "reports"):
        lab.hold(user_name, [keys["alice"]])
    lab.hold("nightly", [keys["bob"]])
    fault = {"fault": "error", "code": "InvalidRequestException", "message": "No.", "status": 400, "times": None}
    lab.misbehave({"operation": "CreateUser", "match": {"UserName": "unlucky"}, **fault})
    inventory = {
        "all": {"vars": {"ansible_connection": "local"}, "children": {"localhost": {"hosts": cases(controller)}}}
    }

    def run(*arguments: str) -> Stage:
        lab.control("DELETE", "requests")
        return Stage(controller.run(PLAYBOOK, *arguments, inventory=inventory), lab.requests())

    return Stages(controller, run("--check", "--diff", "-vvv"), run(), run("--check"))


# -- Check mode ------------------------------------------------------------------------------------------------------

REPORTED = "In check mode nothing was sent. A real run would report: "


def test_check_mode_sends_nothing_but_questions(stages: Stages) -> None:
    for stage in (stages.checked, stages.again):
        assert {request["operation"] for request in stage.requests} == {"DescribeUser"}


@pytest.mark.parametrize("case", ["table", "folder", "terraform", "changes", "keyless"])
def test_check_mode_foresees_what_happens(stages: Stages, case: str) -> None:
    first, *others = stages.checked.says(case)
    assert first.removeprefix(REPORTED) == stages.real.says(case)[0]
    assert first.startswith(REPORTED)
    assert others == stages.real.says(case)[1:]
    assert stages.checked.changed(case)
    assert stages.real.changed(case)


def test_the_diff_shows_all_of_a_user_before_the_first_run(stages: Stages) -> None:
    for line in (
        f"+role_arn: {ROLE}",
        "+home_directory_mappings: /incoming -> /lab-uploads/in (DIRECTORY)",
        "+tags.team: finance",
        "+home_directory_mappings: / -> /lab-uploads/packer (DIRECTORY)",
        "+tags.team: logistics",
        "+tags.by: night",
    ):
        assert line in stages.checked.run.output


# -- The first run ----------------------------------------------------------------------------------------------------


def test_a_user_is_made_with_its_first_key_in_one_call(stages: Stages) -> None:
    assert stages.real.calls("newcomer") == ["DescribeUser", "CreateUser", "ImportSshPublicKey", "DescribeUser"]
    assert stages.real.calls("courier") == ["DescribeUser", "CreateUser", "DescribeUser"]


@pytest.mark.parametrize(("user_name", "lets_in"), [("newcomer", {"alice", "bob"}), ("courier", {"bob"})])
def test_users_log_in_by_sftp_and_find_their_folder(stages: Stages, user_name: str, lets_in: set[str]) -> None:
    controller = stages.controller
    (user,) = [each for each in controller.lab.lab["transfer"]["new_users"] if each["user_name"] == user_name]
    upload = controller.write(f"{user_name}.txt", "hello")
    for name in NAMES:
        batch = f"put {upload} from-{name}.txt\n"
        key = controller.folder / "keys" / name
        assert opens_transfer_user(controller.lab, user, key, batch) is (name in lets_in)
    home = f"{controller.lab.lab['transfer']['storage']}/lab-uploads/{user_name}"
    found = controller.folder / home / f"from-{min(lets_in)}.txt"
    assert found.read_text(encoding="utf-8") == "hello"


def test_the_end_counts_and_names_each_user_and_key(stages: Stages) -> None:
    server_id = stages.controller.lab.server_id
    headline, *lines = stages.real.says("table")
    assert headline == "2 users of 1 server declared: 2 users created, 3 keys added."
    assert lines[0] == f"{server_id} newcomer + the user"
    assert Counter(line.split()[1] for line in lines) == {"newcomer": 3, "courier": 2}


def created(stages: Stages, user_name: str) -> dict[str, Any]:
    (request,) = [
        request["parameters"]
        for request in stages.real.requests
        if request["operation"] == "CreateUser" and request["parameters"]["UserName"] == user_name
    ]
    parameters: dict[str, Any] = request
    return parameters


def test_a_cell_is_no_expression(stages: Stages) -> None:
    tags = {tag["Key"]: tag["Value"] for tag in created(stages, "courier")["Tags"]}
    assert tags == {"team": "finance", "note": "{{ 7 * 191 }}"}


def test_users_of_a_folder_have_the_variables(stages: Stages) -> None:
    driver = created(stages, "driver")
    assert driver["Role"] == ROLE
    assert driver["HomeDirectoryMappings"] == [{"Entry": "/", "Target": "/lab-uploads/driver"}]
    assert driver["Tags"] == [{"Key": "team", "Value": "logistics"}]
    assert driver["Policy"] == '{"Version":"2012-10-17","Statement":[]}'
    assert len(stages.controller.lab.held("driver")) == 2


def test_a_table_of_terraform_is_read_as_it_is(stages: Stages) -> None:
    first, second = created(stages, "user1"), created(stages, "user2")
    assert first["HomeDirectoryMappings"] == [{"Entry": "/", "Target": "/lab-uploads/user1"}]
    assert (first["Role"], second["Role"]) == (ROLE, OTHER_ROLE)


def test_users_are_changed_and_deleted(stages: Stages) -> None:
    server_id = stages.controller.lab.server_id
    headline, *lines = stages.real.says("changes")
    assert headline == "2 users of 1 server declared: 1 user updated, 1 user deleted, 1 key added."
    assert f"{server_id} billing - the user, with 1 key" in lines
    assert any(line.startswith(f"{server_id} nightly ~ ") for line in lines)
    assert stages.real.calls("billing") == ["DescribeUser", "DeleteUser"]
    # It is not exclusive.
    assert len(stages.controller.lab.held("nightly")) == 2


def test_keys_that_are_not_declared_stay_and_an_empty_declaration_removes_them(stages: Stages) -> None:
    held = stages.controller.lab.held
    assert (len(held("archive")), held("reports")) == (1, [])


def test_a_user_is_moved_to_mappings_and_one_back(stages: Stages) -> None:
    changed = {
        request["parameters"]["UserName"]: request["parameters"]
        for request in stages.real.requests
        if request["operation"] == "UpdateUser"
    }
    assert changed["archive"]["HomeDirectory"] == "/lab-uploads"
    mappings = [{"Entry": "/", "Target": "/lab-uploads/reports"}]
    assert changed["reports"]["HomeDirectoryMappings"] == mappings
    assert changed["reports"]["HomeDirectoryType"] == "LOGICAL"


def test_a_user_to_delete_that_does_not_exist_is_told(stages: Stages) -> None:
    told = f"{stages.controller.lab.server_id} supplyer: there is no such user, so nothing was deleted"
    assert all(told in stage.says("keyless") for stage in (stages.checked, stages.real, stages.again))


def test_a_user_that_fails_does_not_stop_the_others(stages: Stages) -> None:
    server_id = stages.controller.lab.server_id
    headline, *lines = stages.real.says("unlucky")
    assert headline == "2 users of 1 server declared: 1 user created, 1 key added, 1 of 2 users failed."
    assert f"{server_id} unlucky ! failed: InvalidRequestException" in lines
    assert f"{server_id} lucky + the user" in lines
    assert stages.real.failure("unlucky").startswith(f"{server_id}: ")
    assert stages.real.run.recap("unlucky")["failed"] == 1
    assert stages.real.run.status != 0


# -- What is refused --------------------------------------------------------------------------------------------------


def test_all_faults_are_told_at_once_and_nothing_is_sent(stages: Stages) -> None:
    for stage in (stages.checked, stages.real):
        failure = stage.failure("faulty")
        file = stages.controller.folder / "faulty.csv"
        for part in (
            "tags: 'x'. ",
            f"{file}, line 2, column role_arn: 'admin'. It must be the ARN of a role",
            f"{file}, line 3, column user_name: '-x-'. ",
            f"{file}, line 3, column tags: 'finance'. Write each element as NAME=VALUE",
        ):
            assert part in failure
        assert stage.calls("unsent", "-x-") == []


@pytest.mark.parametrize(
    ("case", "place"), [("secret", "secret.csv, line 2, column public_keys"), ("secret_file", "secret/unsent.pub")]
)
def test_a_private_key_in_a_file_is_refused_and_shown_nowhere(stages: Stages, case: str, place: str) -> None:
    """Controller.run looks for it in all that is printed, with -vvv too."""
    for stage in (stages.checked, stages.real):
        assert f"{stages.controller.folder}/{place}: It is a private key." in stage.failure(case)


def test_a_misspelt_variable_is_refused(stages: Stages) -> None:
    assert stages.real.failure("misspelt").startswith(
        "There is no variable transfer_users_role. Is it transfer_users_role_arn?"
    )


# -- The second run ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["table", "folder", "terraform", "changes", "keyless"])
def test_the_second_run_changes_nothing(stages: Stages, case: str) -> None:
    headline, *lines = stages.again.says(case)
    assert headline.endswith("declared: nothing to change.")
    # The user that the first run has deleted.
    assert len(lines) == (case in {"changes", "keyless"})
    assert not stages.again.changed(case)
    assert stages.again.run.recap(case)["changed"] == 0
