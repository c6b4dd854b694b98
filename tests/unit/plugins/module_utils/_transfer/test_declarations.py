# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.declarations import Declarations, read_declarations
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of, security_key_blobs
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import DSS

SERVER = "s-01234567890abcdef"
ALICE, BOB, CAROL = (
    line_of(ed25519_blob(bytes([number]) * 32), name) for number, name in enumerate(("alice", "bob", "carol"), 1)
)
TOKEN = line_of(security_key_blobs()["sk-ssh-ed25519@openssh.com"], "token")


class Folder:
    """Files by their names; a folder is what stands before the last slash."""

    def __init__(self, **files: str) -> None:
        self._files = {name.replace("__", "/"): text for name, text in files.items()}

    def add(self, name: str, text: str) -> Folder:
        self._files[name] = text
        return self

    def find(self, name: str) -> str | None:
        return name if name in self._files else None

    def read(self, path: str) -> str:
        if path.startswith("locked"):
            raise ArgumentError(f"The file {path} cannot be read: Permission denied")
        return self._files[path]

    def public_keys_in(self, folder: str) -> list[str] | None:
        inside = [name for name in self._files if name.startswith(f"{folder}/")]
        return sorted(name for name in inside if name.endswith(".pub")) if inside else None


FILES = (
    Folder()
    .add("bob.pub", BOB)
    .add("doe,jane.pub", CAROL)
    .add("empty.pub", "")
    .add("two.pub", f"{ALICE},{BOB}")
    .add("partner/a.pub", ALICE)
    .add("partner/b.pub", BOB)
    .add("nobody/README", "")
    .add("locked.pub", "")
)


def read(*servers: dict[str, Any], unsupported_keys: str = "fail", looks_for_old_keys: bool = False) -> Declarations:
    given = [{"server_id": SERVER, "region": "", "profile": "", "exclusive": True, **server} for server in servers]
    return read_declarations(given, FILES, unsupported_keys=unsupported_keys, looks_for_old_keys=looks_for_old_keys)


def of_user(**user: Any) -> Declarations:
    return read({"users": [{"user_name": "partner", **user}]})


def keys_of(declarations: Declarations) -> list[str]:
    assert declarations.faults == []
    ((declared,),) = (server["declared"] for server in declarations.servers)
    keys: list[str] = declared["public_keys"]
    return keys


def test_the_options_of_aws_are_those_that_are_set() -> None:
    given = {"region": "us-east-1", "assume_role_arn": "arn:aws:iam::123456789012:role/keys", "endpoint_url": ""}
    (server,) = read({**given, "users": [{"user_name": "partner", "public_keys": ALICE}]}).servers
    assert server["aws"] == {name: value for name, value in given.items() if value}


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"public_keys": ALICE}, [ALICE]),
        ({"public_keys": [ALICE, [BOB]]}, [ALICE, BOB]),
        ({"public_key_files": "bob.pub"}, [BOB]),
        ({"public_key_files": ["bob.pub", "doe,jane.pub"]}, [BOB, CAROL]),
        # A file is named as it is written.
        ({"public_key_files": "doe,jane.pub"}, [CAROL]),
        ({"public_key_folder": "partner"}, [ALICE, BOB]),
        (
            {"public_keys": CAROL, "public_key_files": "bob.pub", "public_key_folder": "partner"},
            [CAROL, BOB, ALICE, BOB],
        ),
        ({"public_keys": ALICE, "public_key_files": []}, [ALICE]),
        ({"public_keys": [], "allow_empty": True}, []),
        ({"public_keys": [], "allow_empty": "yes"}, []),
        ({"public_key_folder": "nobody", "allow_empty": True}, []),
        ({"public_key_files": "empty.pub", "allow_empty": True}, [""]),
        ({"public_keys": ALICE, "state": "absent"}, [ALICE]),
    ],
)
def test_keys_of_a_user(user: dict[str, Any], expected: list[str]) -> None:
    assert keys_of(of_user(**user)) == expected


@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        ({}, "No key is declared. Give public_keys, public_key_files or public_key_folder."),
        ({"public_keys": None, "public_key_files": None}, "No key is declared."),
        ({"public_keys": []}, "There is no key in its declaration. If the user may have no key, set allow_empty: true"),
        ({"public_keys": ""}, "public_keys: It is empty."),
        ({"public_key_files": []}, "There is no key in its declaration."),
        ({"public_key_files": "empty.pub"}, "empty.pub: It is empty. Give a public key"),
        ({"public_keys": [], "state": "absent"}, "With state: absent, give the keys to remove."),
        ({"public_keys": ALICE, "state": "absent", "allow_empty": True}, "contradict each other"),
        ({"public_key_files": "a.pub,b.pub"}, "public_key_files has 'a.pub,b.pub', and there is no such file"),
        ({"public_key_files": ["bob.pub", "lost.pub"]}, "public_key_files has 'lost.pub', and there is no such file"),
        ({"public_key_files": "keys/" * 20 + "x.pub"}, f"has '{'keys/' * 20}x.pub', and"),
        ({"public_key_files": ""}, "which is not the name of a file"),
        ({"public_key_files": [5]}, "public_key_files has '5', which is not the name of a file"),
        ({"public_key_folder": "nobody"}, "There is no *.pub file in public_key_folder 'nobody'."),
        ({"public_key_folder": "lost"}, "public_key_folder is 'lost', and there is no such folder"),
        (
            {"public_key_folder": "lost", "allow_empty": True},
            "public_key_folder is 'lost', and there is no such folder",
        ),
        ({"public_key_folder": ""}, "public_key_folder is '', which is not the name of a folder"),
        ({"public_key_folder": ["a", "b"]}, "which is not the name of a folder"),
        ({"public_keys": [], "allow_empty": "false"}, "There is no key in its declaration."),
        ({"public_keys": [], "allow_empty": "no"}, "There is no key in its declaration."),
        ({"public_keys": [], "allow_empty": "0"}, "There is no key in its declaration."),
        ({"public_keys": [], "allow_empty": "perhaps"}, "allow_empty is 'perhaps', and must be true or false."),
        ({"public_keys": ALICE, "exclusive": "sometimes"}, "exclusive is 'sometimes', and must be true or false."),
        ({"user_name": 12, "public_keys": ALICE}, "user_name '12' is not one that Transfer Family accepts"),
        ({"user_name": None, "public_keys": ALICE}, "user_name '' is not one that Transfer Family accepts"),
        ({"public_key_files": "two.pub"}, "two.pub: There are several keys on one line"),
        ({"public_keys": [ALICE, f"{ALICE},{BOB}"]}, "public_keys[1]: There are several keys on one line"),
        ({"public_keys": f"{ALICE}\\n{BOB}", "state": "absent"}, "public_keys: There are several keys on one line"),
        ({"public_keys": {"a": 1}}, "public_keys must be a string, and is of type dict"),
        ({"public_key_files": "locked.pub"}, "The file locked.pub cannot be read"),
        ({"public_keys": TOKEN}, "public_keys: It is the key of a FIDO security key"),
        ({"user_name": "x", "public_keys": ALICE}, "user_name 'x' is not one that Transfer Family accepts"),
    ],
)
def test_a_fault_names_user_server_and_place(user: dict[str, Any], sentence: str) -> None:
    found = of_user(**user)
    (fault,) = found.faults
    name = str(user.get("user_name", "partner") or "")
    assert fault.startswith(f"User '{name}' of {SERVER}: ")
    assert sentence in fault
    assert found.servers[0]["declared"] == []


def test_what_a_user_is_called_with() -> None:
    users: list[dict[str, Any]] = [
        {"user_name": "anna", "public_keys": ALICE},
        {"user_name": "bert", "public_keys": ALICE, "exclusive": False},
        {"user_name": "carl", "public_keys": ALICE, "state": "absent"},
        {"user_name": "dora", "public_keys": [], "allow_empty": True},
    ]
    found = read({"region": "us-east-1", "endpoint_url": "http://x.example", "users": users})
    (server,) = found.servers
    assert server["name"] == f"{SERVER} us-east-1"
    assert server["aws"] == {"region": "us-east-1", "endpoint_url": "http://x.example"}
    assert server["user_names"] == ["anna", "bert", "carl", "dora"]
    present = {"state": "present", "exclusive": True}
    assert server["declared"] == [
        {"user_name": "anna", **present, "public_keys": [ALICE]},
        {"user_name": "bert", **present, "exclusive": False, "public_keys": [ALICE]},
        {"user_name": "carl", "state": "absent", "exclusive": False, "public_keys": [ALICE]},
        {"user_name": "dora", **present, "public_keys": [], "allow_empty": True},
    ]


def test_a_server_with_its_region_and_without_is_one_server() -> None:
    users = [{"user_name": "anna", "public_keys": ALICE}]
    (fault,) = read({"users": users}, {"region": "us-east-1", "users": users}).faults
    assert "has 2 different declarations" in fault


@pytest.mark.parametrize(("text", "exclusive"), [("false", False), ("no", False), ("true", True), (None, True)])
def test_a_boolean_may_be_a_text(text: str | None, exclusive: bool) -> None:
    user = {"user_name": "anna", "public_keys": ALICE}
    for server in ({"exclusive": text, "users": [user]}, {"users": [{**user, "exclusive": text}]}):
        assert read(server).servers[0]["declared"][0]["exclusive"] is exclusive


def test_users_of_whom_nothing_is_declared_are_looked_at_for_old_keys() -> None:
    found = read(
        {"users": [{"user_name": "anna"}, {"user_name": "bert", "public_keys": ALICE}]},
        {"server_id": "s-11111111111111111"},
        looks_for_old_keys=True,
    )
    assert found.faults == []
    assert [[user["user_name"] for user in server["declared"]] for server in found.servers] == [["bert"], []]
    assert [server["user_names"] for server in found.servers] == [["anna", "bert"], []]


def test_a_server_without_users_has_nothing_to_do() -> None:
    (fault,) = read({}).faults
    assert fault.startswith(f"Server {SERVER}: It has no users.")


def test_faults_of_servers_and_users_are_told_together() -> None:
    users = [{"user_name": "anna", "public_keys": ALICE}, {"user_name": "anna", "public_keys": BOB}]
    faults = read({"users": users}, {"users": users[:1]}, {"server_id": "s-1", "users": [{"user_name": "bert"}]}).faults
    assert [fault.partition(".")[0] for fault in faults] == [
        f"Server {SERVER} has 2 different declarations",
        f"User 'anna' of {SERVER}: It is declared twice",
        (
            "server_id 's-1' is not the id of a Transfer Family server: it must be 's-' and 17 hexadecimal digits, "
            "such as s-01234567890abcdef"
        ),
        "User 'bert' of s-1: No key is declared",
    ]


def test_keys_of_other_types_are_left_to_the_module_by_choice() -> None:
    users = [{"user_name": "anna", "public_keys": [TOKEN, ALICE]}]
    assert keys_of(read({"users": users}, unsupported_keys="skip")) == [TOKEN, ALICE]
    (fault,) = read({"users": users}).faults
    assert fault.endswith("Or set ssh_access_transfer_unsupported_keys: skip, which skips keys of this type.")
    (fault,) = read({"users": [{"user_name": "anna", "public_keys": TOKEN}]}, unsupported_keys="skip").faults
    assert "No key remains" in fault


def test_a_key_that_the_service_no_longer_takes_can_only_be_removed() -> None:
    """A user may hold an ssh-dss key from before."""
    (fault,) = of_user(public_keys=[ALICE, DSS]).faults
    assert "It is an ssh-dss key, which Transfer Family and OpenSSH no longer use" in fault
    assert keys_of(of_user(public_keys=[ALICE, DSS], state="absent")) == [ALICE, DSS]


def test_a_private_key_is_not_shown() -> None:
    private = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----"
    for user in ({"public_keys": private}, {"public_key_files": private}, {"public_key_folder": private}):
        (fault,) = of_user(**user).faults
        assert "b3Blbn" not in fault


# -- The user itself --------------------------------------------------------------------------------------------------

ROLE, OTHER = "arn:aws:iam::123456789012:role/sftp", "arn:aws:iam::123456789012:role/other"


def whole_user(server: dict[str, Any] | None = None, **user: Any) -> dict[str, Any]:
    """Return what is declared for a user that is made."""
    (read_server,) = (found := read({**(server or {}), "users": [{"user_name": "partner", **user}]})).servers
    assert (found.faults, read_server["declared"]) == ([], [])
    (declared,) = read_server["declared_users"]
    result: dict[str, Any] = declared
    return result


FIELDS: dict[str, Any] = {
    "role_arn": ROLE,
    "home_directory": "/bucket/home",
    "home_directory_type": "LOGICAL",
    "home_directory_mappings": [{"entry": "/", "target": "/bucket/home"}],
    "policy": {"Version": "2012-10-17"},
    "posix_profile": {"uid": 1, "gid": 2},
    "tags": {"team": "finance"},
    "purge_tags": False,
}


def test_a_user_with_options_of_its_own_is_made() -> None:
    assert whole_user(**FIELDS, public_keys=ALICE) == {
        "user_name": "partner",
        "state": "present",
        **FIELDS,
        "exclusive": True,
        "public_keys": [ALICE],
    }


@pytest.mark.parametrize("option", [name for name in FIELDS if name != "purge_tags"])
def test_any_of_them_makes_the_user(option: str) -> None:
    given = {option: FIELDS[option]}
    if option == "home_directory_type":
        given = {option: "PATH"}
    assert whole_user(**given, public_keys=ALICE)[option] == given[option]


@pytest.mark.parametrize("fields", [{}, {"role_arn": None, "tags": None}, {"purge_tags": True}])
def test_a_user_without_them_must_exist(fields: dict[str, Any]) -> None:
    (server,) = of_user(**fields, public_keys=ALICE).servers
    assert (len(server["declared"]), server["declared_users"]) == (1, [])
    assert set(server["declared"][0]) == {"user_name", "state", "exclusive", "public_keys"}


def test_a_server_has_defaults_for_all_of_its_users() -> None:
    defaults = {"role_arn": ROLE, "policy": "{}", "tags": {"a": "b"}, "purge_tags": "no"}
    assert whole_user(defaults, public_keys=ALICE, role_arn=OTHER, tags={}) == {
        "user_name": "partner",
        "state": "present",
        "role_arn": OTHER,
        "policy": "{}",
        "tags": {},
        "purge_tags": False,
        "exclusive": True,
        "public_keys": [ALICE],
    }


def test_the_type_and_the_mappings_of_a_home_belong_together() -> None:
    defaults = {"home_directory_mappings": FIELDS["home_directory_mappings"], "home_directory": "/b"}
    declared = whole_user(defaults, home_directory_type="PATH", public_keys=ALICE)
    assert (declared["home_directory_type"], declared["home_directory"]) == ("PATH", "/b")
    assert "home_directory_mappings" not in declared
    assert whole_user(defaults, public_keys=ALICE)["home_directory_mappings"] == FIELDS["home_directory_mappings"]


def test_users_of_a_server_are_made_or_have_their_keys_declared() -> None:
    users = [
        {"user_name": "auditor", "public_keys": ALICE},
        {"user_name": "partner", "public_keys": BOB, "role_arn": ROLE},
    ]
    (server,) = read({"users": users}).servers
    assert [user["user_name"] for user in server["declared"]] == ["auditor"]
    assert [user["user_name"] for user in server["declared_users"]] == ["partner"]


def test_keys_are_removed_of_a_user_whose_server_has_defaults() -> None:
    (server,) = read(
        {"role_arn": ROLE, "users": [{"user_name": "partner", "public_keys": ALICE, "state": "absent"}]}
    ).servers
    assert server["declared_users"] == []
    assert server["declared"][0]["state"] == "absent"


@pytest.mark.parametrize("server", [{}, {"role_arn": ROLE}])
@pytest.mark.parametrize("looks_for_old_keys", [True, False])
def test_a_user_is_not_left_in_because_nothing_says_what_is_absent(
    server: dict[str, Any], looks_for_old_keys: bool
) -> None:
    # Told to remove role_arn, one would meet the other sentence next.
    for own in ({}, {"role_arn": ROLE}):
        users = [{"user_name": "partner", "state": "absent", **own}]
        (fault,) = read({**server, "users": users}, looks_for_old_keys=looks_for_old_keys).faults
        assert fault.endswith(
            ": state: absent removes the declared keys, and none is declared. To delete the user, use "
            "sshkeys.aws.transfer_user or the playbook transfer_users."
        )


def test_what_an_info_module_returns_beside_options_is_ignored() -> None:
    assert whole_user(
        role_arn=ROLE, public_keys=ALICE, arn="arn:aws:transfer:x", ssh_public_keys=[{"id": "key-1"}]
    ) == {
        "user_name": "partner",
        "state": "present",
        "role_arn": ROLE,
        "exclusive": True,
        "public_keys": [ALICE],
    }


def test_a_user_that_may_have_no_key_keeps_those_that_it_has_unless_none_are_declared() -> None:
    assert whole_user(role_arn=ROLE, allow_empty=True) == {"user_name": "partner", "role_arn": ROLE}
    none = whole_user(role_arn=ROLE, allow_empty=True, public_keys=[])
    assert (none["public_keys"], none["exclusive"], none["allow_empty"]) == ([], True, True)


@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        ({"role_arn": ROLE}, "No key is declared, so the user could not log in if it is created."),
        (
            {"role_arn": ROLE, "tags": {}, "public_keys": ALICE, "state": "absent"},
            (
                "state: absent removes the declared keys, and the user stays. Beside it these have no meaning: "
                "role_arn, tags. Remove them. To delete the user, use sshkeys.aws.transfer_user or the playbook "
                "transfer_users."
            ),
        ),
        ({"role_arn": "admin", "public_keys": ALICE}, "role_arn is 'admin', which is not the ARN of a role."),
        ({"home_directory": "x", "public_keys": ALICE}, "home_directory is 'x', and must be an absolute path"),
        (
            {"home_directory_mappings": [{"entry": "/"}], "public_keys": ALICE},
            "missing required arguments: target found",
        ),
        (
            {"home_directory_type": "S3", "public_keys": ALICE},
            "value of home_directory_type must be one of: PATH, LOGIC",
        ),
        ({"tags": ["a"], "public_keys": ALICE}, "argument 'tags' is of type"),
        (
            {"tags": {}, "purge_tags": "maybe", "public_keys": ALICE},
            "purge_tags is 'maybe', and must be true or false.",
        ),
        ({"role_arn": ROLE, "public_keys": []}, "There is no key in its declaration."),
    ],
)
def test_faults_of_the_user_itself(user: dict[str, Any], sentence: str) -> None:
    found = of_user(**user)
    (fault,) = found.faults
    assert fault.startswith("User 'partner' of ")
    assert sentence in fault
    assert found.servers[0]["declared_users"] == []


def test_a_user_with_defaults_and_no_key_is_a_fault_also_where_old_keys_are_looked_for() -> None:
    (fault,) = read({"role_arn": ROLE, "users": [{"user_name": "partner"}]}, looks_for_old_keys=True).faults
    assert "No key is declared" in fault
