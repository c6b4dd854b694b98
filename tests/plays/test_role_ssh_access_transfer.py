# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role ssh_access declares Transfer Family users: one run in which each host is a case, and real logins by sftp."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest
from ansible_collections.sshkeys.aws.tests.logins import opens_transfer_user
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.role_hosts import PLAYBOOKS, Request, fingerprint
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

PUSH = "Push the key, and apply the declarations"
SAY = "Wait until ssh accepts the key, and say what was done"
# The public key of a FIDO security key, which the service does not take.
TOKEN = (
    "sk-ssh-ed25519@openssh.com "
    "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAAAABHNzaDo= token"
)
ROLE_ARN = "arn:aws:iam::123456789012:role/keys"
# What the users of the role may reach.
USER_ROLE = "arn:aws:iam::123456789012:role/transfer"
NAMES = ("alice", "bob", "carol", "dave")
IN_CHECK_MODE = "In check mode nothing was sent. A real run would report: "


class Declared(NamedTuple):
    """The run of transfer.yml, and the calls that the lab got."""

    run: Run
    requests: Sequence[Request]
    controller: Controller
    public_keys: Mapping[str, str]

    @property
    def lab(self) -> RunningLab:
        """The lab."""
        return self.controller.lab

    def says(self, host: str) -> list[str]:
        """Return the lines that tell of a case what was declared, changed and removed."""
        told = self.run.of(SAY, host)
        said = told["summary"] if "summary" in told else told.get("msg", [])
        return [said] if isinstance(said, str) else list(said)

    def failure(self, host: str, task: str = SAY) -> str:
        """Return why a case failed."""
        (told,) = self.run.all_of(task, host)
        assert told.status == "failed", self.run.output
        return str(told.result["msg"])

    def changed(self, host: str) -> bool:
        """Return whether a case changed something."""
        return bool(self.run.of(PUSH, host)["changed"])

    def fact(self, host: str) -> list[dict[str, Any]]:
        """Return the fact of a case."""
        (last,) = self.run.all_of("Show the fact", host)
        found: list[dict[str, Any]] = last.result["ssh_access_transfer_result"]
        return found

    def sent(self, *user_names: str, operation: str = "") -> list[str]:
        """Return the operations, or how often there was this one, for some users."""
        return [
            request["operation"]
            for request in self.requests
            if request["parameters"].get("UserName") in user_names and operation in {"", request["operation"]}
        ]

    def held(self, user_name: str) -> set[str]:
        """Return the names of the keys that a user holds."""
        bodies = {" ".join(line.split()[:2]): name for name, line in self.public_keys.items()}
        return {bodies[" ".join(body.split()[:2])] for body in self.lab.held(user_name)}

    def line(self, user_name: str, sign: str, name: str, more: str = "") -> str:
        """Return the line that tells of a key."""
        told = f"{self.lab.server_id} {user_name} {sign} {fingerprint(self.controller, name)} {name}@laptop"
        return f"{told} ({more})" if more else told


def broken_into_lines(line: str) -> str:
    """Return a key as ssh-keygen -e writes it."""
    base64 = line.split()[1]
    return "\n".join(
        (
            "---- BEGIN SSH2 PUBLIC KEY ----",
            "Comment: x",
            base64[:40],
            base64[40:],
            "---- END SSH2 PUBLIC KEY ----",
            "",
        )
    )


def cases(controller: Controller, keys: Mapping[str, str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the hosts of transfer.yml."""
    lab = controller.lab
    empty_server = lab.lab["transfer"]["empty_server"]

    def one(*users: Mapping[str, object], exclusive: bool = True, **more: object) -> dict[str, Any]:
        server = {"server_id": lab.server_id, "exclusive": exclusive, "users": users}
        return {"ssh_access_transfer_servers": [server], **more}

    def old(*users: Mapping[str, object], **more: object) -> dict[str, Any]:
        return one(*users, exclusive=False, ssh_access_transfer_max_key_age_days=90, **more)

    two_servers = {
        "ssh_access_transfer_servers": [
            {
                "server_id": lab.server_id,
                "users": [
                    {"user_name": "partner", "public_keys": keys["alice"], "public_key_files": "keys/bob.pub"},
                    {"user_name": "auditor", "public_key_folder": "folder"},
                    {"user_name": "archive", "public_keys": [], "allow_empty": True},
                ],
            },
            {
                "server_id": empty_server,
                "users": [{"user_name": "partner", "public_keys": keys["alice"], "state": "absent"}],
            },
        ]
    }
    whole_users = {
        "ssh_access_transfer_servers": [
            {
                "server_id": lab.server_id,
                "role_arn": USER_ROLE,
                "tags": {"team": "finance"},
                "users": [
                    {
                        "user_name": "newcomer",
                        "home_directory_mappings": [{"entry": "/", "target": "/lab-uploads/newcomer"}],
                        "public_keys": [keys["alice"], keys["bob"]],
                        # As the info module returns them.
                        "arn": "arn:aws:transfer:us-east-1:123456789012:user/x/newcomer",
                        "ssh_public_keys": [{"id": "key-01234567890abcdef"}],
                    },
                    {"user_name": "warehouse", "public_keys": keys["dave"], "state": "absent"},
                    {"user_name": "silent", "tags": {}, "allow_empty": True},
                    {"user_name": "reports", "public_keys": keys["carol"], "tags": {"team": "sales"}},
                ],
            }
        ],
        # Users that do not exist yet have no old keys.
        "ssh_access_transfer_max_key_age_days": 365,
    }
    removes = {"ssh_access_transfer_remove_old_keys": True}
    aged = [
        {"user_name": "aged1", "public_keys": broken_into_lines(keys["alice"])},
        {"user_name": "aged2"},
        {"user_name": "aged3"},
    ]
    stuck = {"user_name": "stuck", "public_keys": keys["bob"]}
    return {
        "checked_before": {
            "by_keyword": two_servers,
            "users_by_keyword": whole_users,
            "remove_by_keyword": old(
                *aged,
                stuck,
                {"user_name": "replaced", "public_keys": keys["bob"], "exclusive": True},
                # A user that an earlier task may be about to make is no failure.
                {"user_name": "made-later", "public_keys": keys["bob"]},
                **removes,
            ),
        },
        "declared": {
            "real": two_servers,
            "again": two_servers,
            "users": whole_users,
            "others": one(
                {"user_name": "loses", "public_keys": [keys["alice"]], "state": "absent"},
                {"user_name": "gains", "public_keys": [keys["alice"]]},
                {"user_name": "only", "public_keys": keys["alice"], "exclusive": True},
                {"user_name": "skipping", "public_key_files": "keys/doe,jane.pub", "public_keys": TOKEN},
                {"user_name": "late", "public_keys": keys["alice"]},
                *({"user_name": name, "public_keys": keys["alice"]} for name in ("slow1", "slow2", "slow3")),
                exclusive=False,
                ssh_access_transfer_unsupported_keys="skip",
                ssh_access_transfer_wait_timeout=20,
                ssh_access_concurrency=1,
                ssh_access_assume_role_arn=ROLE_ARN,
            ),
            "faulty": {
                "ssh_access_transfer_servers": [
                    {
                        "server_id": lab.server_id,
                        "users": [
                            {"user_name": "unsent1"},
                            {"user_name": "unsent2", "public_key_folder": "empty"},
                            {"user_name": "unsent3", "public_keys": f"{keys['alice'][:60]} cut"},
                        ],
                    },
                    {
                        "server_id": lab.server_id,
                        "users": [
                            {"user_name": "unsent4", "public_key_files": ["keys/bob.pub", "keys/lost.pub"]},
                            {"user_name": "unsent5", "public_keys": []},
                            {"user_name": "unsent6", "public_keys": keys["alice"]},
                            {"user_name": "unsent7", "public_keys": [keys["alice"], TOKEN]},
                        ],
                    },
                    {"server_id": empty_server},
                ],
            },
            "damaged": old({"user_name": "unsent8", "public_keys": keys["dave"][:60]}, **removes),
            "every_user": {
                "ssh_access_transfer_servers": [{"server_id": lab.server_id}],
                "ssh_access_transfer_max_key_age_days": 90,
            },
            "remove": old(
                *aged, stuck, {"user_name": "unlucky", "public_keys": keys["dave"], "exclusive": True}, **removes
            ),
            "remove_again": old(*aged, **removes),
            "remove_last": old(*aged, **removes, ssh_access_transfer_remove_last_key=True),
        },
        "checked_after": {"check_again": two_servers, "check_users_again": whole_users},
        "several": {
            "first": one({"user_name": "of_first", "public_keys": keys["dave"]}),
            "second": one({"user_name": "of_second", "public_keys": keys["dave"]}),
            "one": one({"user_name": "of_both", "public_keys": keys["dave"]}),
            "another": one({"user_name": "of_both", "public_keys": keys["dave"]}),
        },
    }


def users(keys: Mapping[str, str]) -> dict[str, list[tuple[str, int]]]:
    """Return the users that the lab gets, and the keys that each holds with their age in days."""
    return {
        "partner": [("carol", 10)],
        "auditor": [],
        "archive": [("alice", 10)],
        "warehouse": [("carol", 10), ("dave", 10)],
        "reports": [("alice", 10)],
        "loses": [("alice", 1), ("bob", 1)],
        "gains": [("carol", 1)],
        "only": [("carol", 1)],
        "skipping": [],
        "late": [],
        "slow1": [],
        "slow2": [],
        "slow3": [],
        # Declared, and old; undeclared, and old or young.
        "aged1": [("alice", 100), ("bob", 120), ("carol", 10)],
        # Nothing is declared, and all are old.
        "aged2": [("bob", 300), ("carol", 200)],
        "aged3": [("dave", 400)],
        "replaced": [("alice", 100)],
        "stuck": [("alice", 400)],
        "unlucky": [("alice", 400), ("carol", 200)],
        "of_first": [],
        "of_second": [],
        "of_both": [],
        **{f"unsent{number}": [("carol", 400)] for number in range(1, 9)},
    }


def failing(operation: str, user_name: str, code: str, **more: object) -> dict[str, object]:
    """Return a fault of the calls for a user."""
    answer = {"fault": "error", "code": code, "message": "No.", "status": 400, "times": None}
    return {"operation": operation, "match": {"UserName": user_name}, **answer, **more}


@pytest.fixture(scope="module")
def declared(module_controller: Controller) -> Declared:
    """Run transfer.yml."""
    controller = module_controller
    lab = controller.lab
    keys = {name: controller.make_key(name) for name in NAMES}
    for path, name in {"keys/doe,jane.pub": "dave", "folder/carol.pub": "carol", "folder/dave.pub": "dave"}.items():
        controller.write(path, f"{keys[name]}\n")
    (controller.folder / "empty").mkdir()
    # Relative paths begin at the folder of the playbook.
    playbook = controller.write("transfer.yml", (PLAYBOOKS / "transfer.yml").read_text(encoding="utf-8"))
    now = int(time.time())
    seeded = {user["user_name"] for user in lab.lab["transfer"]["users"]}
    for user_name, held in users(keys).items():
        if user_name not in seeded:
            lab.control("POST", "transfer/users", user_name=user_name)
        bodies = [{"body": keys[name], "date_imported": now - days * 86_400} for name, days in held]
        lab.control("PUT", f"transfer/users/{user_name}", keys=bodies)
    slow = {"operation": "DescribeUser", "fault": "slow", "seconds": 0.3}
    lab.misbehave(
        failing("DescribeUser", "late", "ResourceNotFoundException", times=1),
        failing("DeleteSshPublicKey", "stuck", "AccessDeniedException"),
        failing("ImportSshPublicKey", "unlucky", "InvalidRequestException"),
        *({**slow, "match": {"UserName": name}} for name in ("slow1", "slow2", "slow3")),
    )
    hosts = {name: {"hosts": group} for name, group in cases(controller, keys).items()}
    inventory = {"all": {"vars": {"ansible_connection": "local"}, "children": hosts}}
    run = controller.run(playbook, inventory=inventory)
    return Declared(run, lab.requests(), controller, keys)


# -- What is declared -------------------------------------------------------------------------------------------------


def of_two_servers(declared: Declared) -> list[str]:
    return sorted(
        [
            declared.line("partner", "+", "alice"),
            declared.line("partner", "+", "bob"),
            declared.line("partner", "-", "carol"),
            declared.line("auditor", "+", "carol"),
            declared.line("auditor", "+", "dave"),
            declared.line("archive", "-", "alice"),
        ]
    )


def test_a_role_declares_where_the_variables_ask_for_one(declared: Declared) -> None:
    """Whoever may assume it changes these users, and nobody else does."""
    own = declared.lab.lab["access_key"]
    assuming = [request for request in declared.requests if request["operation"] == "AssumeRole"]
    assert {(request["parameters"]["RoleArn"], request["access_key"]) for request in assuming} == {(ROLE_ARN, own)}
    keys = {name: set[str]() for name in ("gains", "partner")}
    for request in declared.requests:
        if request["operation"] == "ImportSshPublicKey" and request["parameters"]["UserName"] in keys:
            keys[request["parameters"]["UserName"]].add(request["access_key"])
    assert keys["partner"] == {own}
    assert keys["gains"]
    assert own not in keys["gains"]


# -- Users themselves -------------------------------------------------------------------------------------------------


def test_users_are_made_and_changed_with_their_keys(declared: Declared) -> None:
    server_id = declared.lab.server_id
    headline, *lines = declared.says("users")
    assert headline == "4 users of 1 server declared: 2 users created, 1 user updated, 3 keys added, 2 keys removed."
    reports = [line for line in lines if line.startswith(f"{server_id} reports ~ ")]
    assert sorted(lines) == sorted(
        [
            f"{server_id} newcomer + the user",
            declared.line("newcomer", "+", "alice"),
            declared.line("newcomer", "+", "bob"),
            declared.line("warehouse", "-", "dave"),
            f"{server_id} silent + the user",
            *reports,
            declared.line("reports", "+", "carol"),
            declared.line("reports", "-", "alice"),
        ]
    )
    assert len(reports) == 1
    assert declared.changed("users")
    # Whom state: absent names stays.
    assert (declared.held("warehouse"), declared.held("reports")) == ({"carol"}, {"carol"})
    (fact,) = declared.fact("users")
    assert [user["user_name"] for user in fact["users"]] == ["newcomer", "warehouse", "silent", "reports"]
    assert fact["users"][0]["role_arn"] == USER_ROLE


def test_users_take_one_call_of_their_module(declared: Declared) -> None:
    assert declared.sent("silent", operation="CreateUser") == ["CreateUser"]
    assert declared.sent("newcomer", operation="CreateUser") == ["CreateUser"]
    assert declared.sent("newcomer", operation="ImportSshPublicKey") == ["ImportSshPublicKey"]
    (created,) = [
        request["parameters"]
        for request in declared.requests
        if request["operation"] == "CreateUser" and request["parameters"]["UserName"] == "newcomer"
    ]
    assert created["Tags"] == [{"Key": "team", "Value": "finance"}]
    assert created["HomeDirectoryType"] == "LOGICAL"


def test_check_mode_foresees_users(declared: Declared) -> None:
    first, *others = declared.says("users_by_keyword")
    assert first == f"{IN_CHECK_MODE}{declared.says('users')[0]}"
    assert others == declared.says("users")[1:]
    assert declared.changed("users_by_keyword")


def test_users_that_are_as_declared_are_no_change(declared: Declared) -> None:
    assert declared.says("check_users_again") == [f"{IN_CHECK_MODE}4 users of 1 server declared: nothing to change."]
    assert not declared.changed("check_users_again")


@pytest.mark.parametrize("name", NAMES)
def test_a_user_that_the_role_has_made_logs_in(declared: Declared, name: str) -> None:
    (user,) = [each for each in declared.lab.lab["transfer"]["new_users"] if each["user_name"] == "newcomer"]
    key = declared.controller.folder / "keys" / name
    assert opens_transfer_user(declared.lab, user, key) is (name in {"alice", "bob"})


# -- Keys -------------------------------------------------------------------------------------------------------------

HEADLINE = "4 users of 2 servers declared: 4 keys added, 2 keys removed"


def test_users_have_the_keys_that_are_declared_in_texts_files_and_folders(declared: Declared) -> None:
    assert declared.held("partner") == {"alice", "bob"}
    assert declared.held("auditor") == {"carol", "dave"}
    assert declared.held("archive") == set()


@pytest.mark.parametrize(("user_name", "lets_in"), [("partner", {"alice", "bob"}), ("auditor", {"carol", "dave"})])
def test_these_keys_log_in_by_sftp_and_no_others(declared: Declared, user_name: str, lets_in: set[str]) -> None:
    (user,) = [user for user in declared.lab.lab["transfer"]["users"] if user["user_name"] == user_name]
    login = f"{user['login_user']}@{user['host']}"
    for name in NAMES:
        key = declared.controller.folder / "keys" / name
        options = [*declared.lab.lab["ssh_common_args"].split(), "-P", str(user["port"]), "-i", str(key)]
        done = subprocess.run(["sftp", *options, "-b", "/dev/null", login], capture_output=True, text=True, check=False)
        if name in lets_in:
            assert done.returncode == 0, done.stderr
        else:
            assert done.returncode == 255
            assert "Permission denied" in done.stderr


def test_the_summary_counts_and_then_names_each_key(declared: Declared) -> None:
    headline, *lines = declared.says("real")
    empty_server = declared.lab.lab["transfer"]["empty_server"]
    assert headline == f"{HEADLINE}, 1 server failed."
    failure = f"{empty_server} partner ! failed: ResourceNotFoundException"
    assert sorted(lines) == sorted([*of_two_servers(declared), failure])
    assert declared.changed("real")


def test_a_server_that_failed_does_not_keep_the_others_back(declared: Declared) -> None:
    said = declared.failure("real")
    assert declared.lab.lab["transfer"]["empty_server"] in said
    assert "partner does not exist" in said
    assert declared.failure("again") == said


def test_the_second_time_there_is_nothing_to_change(declared: Declared) -> None:
    headline, failure = declared.says("again")
    assert headline == "4 users of 2 servers declared: 1 server failed."
    assert "! failed" in failure
    assert not declared.changed("again")
    assert not declared.changed("check_again")


def test_check_mode_by_the_keyword_predicts_what_is_done(declared: Declared) -> None:
    headline, *lines = declared.says("by_keyword")
    # A user that does not exist is no failure: an earlier task may be about to make it.
    assert headline == f"{IN_CHECK_MODE}{HEADLINE}."
    assert sorted(lines) == of_two_servers(declared)
    assert declared.changed("by_keyword")
    # The run that predicts reads every user, and the run after it at least one before it changes something.
    operations = [request["operation"] for request in declared.requests]
    first_change = min(operations.index(name) for name in ("ImportSshPublicKey", "DeleteSshPublicKey"))
    read = [each["parameters"] for each in declared.requests[:first_change]]
    assert set(operations[:first_change]) == {"DescribeUser"}
    assert len(read) > len({(each["ServerId"], each["UserName"]) for each in read})


def test_the_fact_has_the_same_as_data(declared: Declared) -> None:
    lab = declared.lab
    found = declared.fact("real")
    assert [server["server_id"] for server in found] == [lab.server_id, lab.lab["transfer"]["empty_server"]]
    assert found[0]["msg"] == ""
    assert "does not exist" in found[1]["msg"]
    assert [user["user_name"] for user in found[0]["users"]] == ["partner", "auditor", "archive"]
    of_partner = {key["fingerprint"] for key in found[0]["users"][0]["ssh_public_keys"]}
    assert of_partner == {fingerprint(declared.controller, name) for name in ("alice", "bob")}


def test_undeclared_keys_stay_where_the_declaration_is_not_exclusive(declared: Declared) -> None:
    assert declared.held("loses") == {"bob"}
    assert declared.held("gains") == {"alice", "carol"}
    assert declared.held("only") == {"alice"}


def test_few_tasks_come_before_the_first_of_the_play(declared: Declared) -> None:
    of_case = [told.task for told in declared.run.results if told.host == "others"]
    # The one that includes the role, and five of the role.
    assert of_case.index("Show the fact") <= 1 + 5


# -- What cannot be meant ---------------------------------------------------------------------------------------------


def test_all_that_cannot_be_meant_is_told_at_once(declared: Declared) -> None:
    said = declared.failure("faulty", PUSH)
    server = declared.lab.server_id
    assert said.startswith(f"ssh_access_transfer_servers: Server {server} has 2 different declarations.")
    for user_name, sentence in (
        ("unsent1", "No key is declared"),
        ("unsent2", "There is no *.pub file in public_key_folder 'empty'"),
        ("unsent3", "public_keys: The base64 part of the key is damaged"),
        ("unsent4", "public_key_files has 'keys/lost.pub', and there is no such file"),
        ("unsent5", "There is no key in its declaration. If the user may have no key, set allow_empty"),
        ("unsent7", "public_keys[1]: It is the key of a FIDO security key"),
    ):
        assert f"User '{user_name}' of {server}: {sentence}" in said
    assert f"Server {declared.lab.lab['transfer']['empty_server']}: It has no users" in said


def test_nothing_is_sent_then(declared: Declared) -> None:
    assert "damaged" in declared.failure("damaged", PUSH)
    # Every user of the server is looked at by one case, which reads.
    assert set(declared.sent(*(f"unsent{number}" for number in range(1, 9)))) <= {"DescribeUser"}
    assert all(declared.held(f"unsent{number}") == {"carol"} for number in range(1, 9))


def test_a_key_that_the_service_does_not_take_is_skipped_with_a_warning_when_told_to(declared: Declared) -> None:
    # ansible-core wraps warnings, at hyphens too.
    said = "sk-ssh-ed25519@openssh.com, so this key is skipped"
    assert "".join(said.split()) in "".join(declared.run.output.split())
    # Its file has a comma in its name.
    assert declared.held("skipping") == {"dave"}


# -- Options of the calls ---------------------------------------------------------------------------------------------


def test_a_user_that_is_not_visible_yet_is_waited_for(declared: Declared) -> None:
    assert declared.held("late") == {"alice"}


def test_no_more_requests_than_allowed_are_under_way_at_the_same_time(declared: Declared) -> None:
    named = [
        request
        for request in declared.requests
        if request["fault"] == "slow" and request["parameters"]["UserName"].startswith("slow")
    ]
    begun = sorted((request["time"], request["time"] + request["seconds"]) for request in named)
    assert len(begun) == 3
    assert all(end <= begins for (_begins, end), (begins, _end) in itertools.pairwise(begun))


# -- Several hosts ----------------------------------------------------------------------------------------------------


def test_only_what_is_declared_then_counts(declared: Declared) -> None:
    for user_name in ("of_first", "of_second"):
        assert declared.held(user_name) == {"dave"}
        assert len(declared.sent(user_name, operation="ImportSshPublicKey")) == 1
    # The declaration of the first host is not applied once more for the second.
    assert [server["users"][0]["user_name"] for server in declared.run.of(PUSH, "second")["transfer"]["servers"]] == [
        "of_second"
    ]


def test_hosts_that_declare_the_same_declare_it_once(declared: Declared) -> None:
    assert declared.held("of_both") == {"dave"}
    assert [told.host for told in declared.run.all_of(PUSH) if told.host in {"one", "another"}] == ["one"]
    assert declared.says("one") == ["1 user of 1 server declared: 1 key added.", declared.line("of_both", "+", "dave")]
    assert declared.says("another") == []


# -- Old keys ---------------------------------------------------------------------------------------------------------


def aged(declared: Declared, user_name: str, name: str, days: int, fate: str) -> str:
    return declared.line(user_name, "-" if fate == "removed" else "?", name, f"{days} days old, {fate}")


DECLARED = "kept, because it is declared: remove it from the declaration"
LAST = "kept, because it is the last key of the user"


def removal(declared: Declared) -> list[str]:
    return [
        aged(declared, "aged1", "bob", 120, "removed"),
        aged(declared, "aged1", "alice", 100, DECLARED),
        aged(declared, "aged2", "bob", 300, "removed"),
        aged(declared, "aged2", "carol", 200, LAST),
        aged(declared, "aged3", "dave", 400, LAST),
    ]


def of_aged(declared: Declared, case: str) -> list[str]:
    return [line for line in declared.says(case) if " aged" in line]


def test_old_keys_of_every_user_of_a_server_are_reported(declared: Declared) -> None:
    assert sorted(of_aged(declared, "every_user")) == sorted(
        aged(declared, user_name, name, days, "reported")
        for user_name, name, days in (
            ("aged1", "bob", 120),
            ("aged1", "alice", 100),
            ("aged2", "bob", 300),
            ("aged2", "carol", 200),
            ("aged3", "dave", 400),
        )
    )
    assert aged(declared, "unsent1", "carol", 400, "reported") in declared.says("every_user")
    assert not declared.changed("every_user")


def test_old_keys_are_removed_when_told_to_but_the_declared_and_the_last(declared: Declared) -> None:
    assert of_aged(declared, "remove") == removal(declared)
    assert declared.changed("remove")
    assert declared.says("remove_again")[1:] == [removal(declared)[number] for number in (1, 3, 4)]
    assert not declared.changed("remove_again")


def test_the_last_key_is_removed_when_told_to(declared: Declared) -> None:
    assert declared.says("remove_last")[1:] == [
        removal(declared)[1],
        aged(declared, "aged2", "carol", 200, "removed"),
        aged(declared, "aged3", "dave", 400, "removed"),
    ]
    assert declared.held("aged1") == {"alice", "carol"}
    assert declared.held("aged2") == declared.held("aged3") == set()
    assert [key["age_days"] for key in declared.fact("remove_last")[0]["old_keys"]] == [100, 200, 400]


def test_check_mode_predicts_the_removal(declared: Declared) -> None:
    assert of_aged(declared, "remove_by_keyword") == removal(declared)
    # The new key counts: the old one is not the last.
    assert aged(declared, "stuck", "alice", 400, "removed") in declared.says("remove_by_keyword")
    assert declared.changed("remove_by_keyword")
    # Those of two real cases.
    assert len(declared.sent("aged1", "aged2", "aged3", operation="DeleteSshPublicKey")) == 4


def test_in_check_mode_what_the_declaration_would_remove_is_not_told_as_one_that_stays(declared: Declared) -> None:
    assert declared.line("replaced", "-", "alice") in declared.says("remove_by_keyword")
    assert [line for line in declared.says("remove_by_keyword") if "replaced" in line and "days old" in line] == []
    assert declared.held("replaced") == {"alice"}


def test_a_removal_that_failed_is_not_told_as_done(declared: Declared) -> None:
    assert aged(declared, "stuck", "alice", 400, "kept, because the removal failed") in declared.says("remove")
    assert "AccessDeniedException" in declared.failure("remove")
    assert declared.held("stuck") == {"alice", "bob"}


def test_a_user_whose_declaration_failed_keeps_its_keys(declared: Declared) -> None:
    for name, days in (("alice", 400), ("carol", 200)):
        line = aged(declared, "unlucky", name, days, "kept, because the declaration failed")
        assert line in declared.says("remove")
    assert "InvalidRequestException" in declared.failure("remove")
    assert declared.sent("unlucky", operation="DeleteSshPublicKey") == []
