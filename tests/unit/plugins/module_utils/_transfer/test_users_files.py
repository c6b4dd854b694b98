# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of CSV files and folders, completed by defaults, as the module transfer_user takes them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_files import Asked, Users, read_users
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, line_of, security_key_blobs
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import line

ALICE, BOB, CAROL = line(1, "alice"), line(2, "bob"), line(3, "carol")
TOKEN = line_of(security_key_blobs()["sk-ssh-ed25519@openssh.com"], "token")
ROLE, OTHER = "arn:aws:iam::123456789012:role/sftp", "arn:aws:iam::123456789012:role/other"
EMPTY = (
    "If the user may have no key, set allow_empty to true for it. The keys that it has are then removed, unless "
    "exclusive is false."
)
NO_KEY = (
    "No key is declared for the user 'partner', so it could not log in if it is created. Give public_keys or "
    "public_key_files. If the user may have no key, set allow_empty to true for it; then the keys of a user that "
    "exists stay. To remove them, write [] in public_keys too."
)


class Tree:
    """Files by their paths."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def read(self, path: str) -> str:
        if path not in self._files:
            raise ArgumentError(f"The file {path} cannot be read: it is not there.")
        return self._files[path]

    def _in(self, folder: str) -> list[str]:
        return sorted(path for path in self._files if path.startswith(f"{folder}/"))

    def public_keys_in(self, folder: str) -> list[str] | None:
        inside = self._in(folder)
        return (
            [path for path in inside if path.rpartition("/")[0] == folder and path.endswith(".pub")] if inside else None
        )

    def folders_in(self, folder: str) -> list[str]:
        below = [path for path in self._in(folder) if path.rpartition("/")[0] != folder]
        return sorted({"/".join(path.split("/")[: folder.count("/") + 2]) for path in below})


FILES = {
    "keys/partner.pub": ALICE,
    "keys/partner": "a private key, which nobody reads",
    "keys/README": "",
    "keys/auditor/bob.pub": BOB,
    "keys/auditor/carol.pub": f"# Carol\n\n{CAROL}\n",
}


def read(files: dict[str, str] | None = None, *, csv: str = "", **asked: Any) -> Users:
    given = {**(FILES if files is None else files), **({"lists/users.csv": csv} if csv else {})}
    return read_users(Asked(csv="lists/users.csv" if csv else "", **asked), Tree(given))


def users(files: dict[str, str] | None = None, **asked: Any) -> list[dict[str, Any]]:
    found = read(files, **asked)
    assert found.faults == []
    return found.users


def faults(files: dict[str, str] | None = None, **asked: Any) -> list[str]:
    found = read(files, **asked)
    assert found.users == []
    return found.faults


def test_a_folder_has_a_file_or_a_folder_for_each_user() -> None:
    assert users(folder="keys") == [
        {"user_name": "partner", "public_keys": [ALICE]},
        {"user_name": "auditor", "public_keys": [BOB, FILES["keys/auditor/carol.pub"]]},
    ]


def test_a_user_may_have_both() -> None:
    (partner,) = users({"keys/partner.pub": ALICE, "keys/partner/bob.pub": BOB}, folder="keys")
    assert partner["public_keys"] == [ALICE, BOB]


def test_the_keys_of_a_csv_file_and_of_a_folder_are_added_up() -> None:
    csv = f"user_name,role_arn,public_keys,public_key_files\npartner,{ROLE},{CAROL},dave.pub\nauditor,{OTHER},,\n"
    partner, auditor, third = users({**FILES, "lists/dave.pub": BOB, "keys/third.pub": BOB}, csv=csv, folder="keys")
    assert partner == {"user_name": "partner", "role_arn": ROLE, "public_keys": [CAROL, BOB, ALICE]}
    assert auditor["role_arn"] == OTHER
    assert len(auditor["public_keys"]) == 2
    assert third == {"user_name": "third", "public_keys": [BOB]}


def test_files_of_a_csv_file_are_beside_it_unless_their_paths_are_absolute() -> None:
    csv = "user_name,public_key_files\npartner,a.pub;/srv/b.pub\n"
    (partner,) = users({"lists/a.pub": ALICE, "/srv/b.pub": BOB}, csv=csv)
    assert partner["public_keys"] == [ALICE, BOB]


def test_a_user_to_delete_needs_nothing_else() -> None:
    csv = "user_name,state,role_arn,public_keys\npartner,absent,x,no key\n"
    assert users(csv=csv, defaults={"role_arn": ROLE}) == [{"user_name": "partner", "state": "absent"}]


# -- Defaults ---------------------------------------------------------------------------------------------------------

HOME = {
    "home_directory": "/bucket/{user_name}",
    "home_directory_mappings": "/=/bucket/{user_name};/in=/bucket/in",
    "home_directory_type": "LOGICAL",
}


def test_defaults_complete_what_a_user_leaves_out() -> None:
    csv = f"user_name,role_arn,tags,public_keys\npartner,,,{ALICE}\nauditor,{OTHER},a=b,{BOB}\n"
    partner, auditor = users(csv=csv, defaults={"role_arn": ROLE, "tags": "team=x;env=y", "policy": None, **HOME})
    assert partner["role_arn"] == ROLE
    assert partner["tags"] == {"team": "x", "env": "y"}
    assert partner["home_directory"] == "/bucket/partner"
    assert partner["home_directory_type"] == "LOGICAL"
    assert partner["home_directory_mappings"] == [
        {"entry": "/", "target": "/bucket/partner"},
        {"entry": "/in", "target": "/bucket/in"},
    ]
    assert "policy" not in partner
    assert (auditor["role_arn"], auditor["tags"]) == (OTHER, {"a": "b"})
    assert auditor["home_directory"] == "/bucket/auditor"


@pytest.mark.parametrize(
    ("column", "cell"),
    [("home_directory_mappings", "/=/b/x"), ("home_directory_type", "PATH")],
)
def test_a_user_with_a_home_of_its_own_takes_no_part_of_it_from_the_defaults(column: str, cell: str) -> None:
    (partner,) = users(csv=f"user_name,{column},public_keys\npartner,{cell},{ALICE}\n", defaults=HOME)
    assert {name for name in partner if name.startswith("home")} == {column}


def test_a_cell_that_takes_home_directory_away_is_no_home() -> None:
    (partner,) = users(csv=f"user_name,home_directory,public_keys\npartner,[],{ALICE}\n", defaults=HOME)
    assert partner["home_directory"] == ""
    assert partner["home_directory_mappings"][0]["target"] == "/bucket/partner"
    table = f"username,home_dir,home_directory,public_key\npartner,/in,[],{ALICE}\n"
    (partner,) = users(csv=table, bucket="bucket")
    assert partner["home_directory"] == ""
    assert partner["home_directory_mappings"] == [{"entry": "/", "target": "/bucket/in"}]


def test_a_user_that_begins_elsewhere_is_not_let_out_of_the_mappings_of_the_defaults() -> None:
    (partner,) = users(csv=f"user_name,home_directory,public_keys\npartner,/in,{ALICE}\n", defaults=HOME)
    assert (partner["home_directory"], partner["home_directory_type"]) == ("/in", "LOGICAL")
    assert partner["home_directory_mappings"][0] == {"entry": "/", "target": "/bucket/partner"}


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("home_directory", "/b/{user_name}", "/b/partner"),
        ("home_directory_mappings", "/=/b/{user_name}", [{"entry": "/", "target": "/b/partner"}]),
        ("home_dir", "/{user_name}", [{"entry": "/", "target": "/bucket/partner"}]),
    ],
)
def test_the_name_of_a_user_stands_in_its_cells_too(column: str, cell: str, expected: object) -> None:
    (partner,) = users(csv=f"user_name,{column},public_keys\npartner,{cell},{ALICE}\n", bucket="bucket")
    assert partner["home_directory_mappings" if column == "home_dir" else column] == expected


@pytest.mark.parametrize(
    ("option", "given", "expected"),
    [
        ("policy", {"Version": "2012-10-17"}, '{"Version": "2012-10-17"}'),
        ("policy", '{"a": 1}', '{"a": 1}'),
        ("tags", {"a": 1}, {"a": 1}),
        ("home_directory_mappings", [{"entry": "/", "target": "/b"}], [{"entry": "/", "target": "/b"}]),
        ("posix_profile", {"uid": 1, "gid": 2}, {"uid": 1, "gid": 2}),
    ],
)
def test_defaults_may_be_lists_mappings_or_text(option: str, given: Any, expected: Any) -> None:
    (partner, _auditor) = users(folder="keys", defaults={option: given})
    assert partner[option] == expected


@pytest.mark.parametrize(
    ("defaults", "sentence"),
    [
        ({"role_arn": "admin"}, "role_arn: 'admin'. It must be the ARN of a role, such as"),
        ({"home_directory": "b"}, "home_directory: 'b'. It must begin with /"),
        ({"home_directory": "/b/{username}"}, "home_directory: '/b/{username}'. It has braces that stand for nothing."),
        (
            {"home_directory_mappings": [{"entry": "/", "target": "/b/{user}"}]},
            "home_directory_mappings: It has braces that stand for nothing.",
        ),
        ({"home_directory_mappings": "x"}, "home_directory_mappings: 'x'. Write each element as NAME=VALUE"),
        ({"home_directory_mappings": {"/": "/b"}}, "home_directory_mappings: It must be a list of mappings, each with"),
        ({"policy": 7}, "policy: It must be a policy, as a mapping or as JSON, and is of type int."),
        ({"policy": "x"}, "policy: 'x'. It is not JSON"),
        ({"tags": ["a"]}, "tags: It must be a mapping of names to values, and is of type list."),
        ({"role_arn": "A" * 43}, "role_arn: It must be the ARN"),
    ],
)
def test_faults_of_defaults(defaults: dict[str, Any], sentence: str) -> None:
    (fault,) = faults(folder="keys", defaults=defaults)
    assert fault.startswith(sentence)


def test_the_rules_of_the_module_hold_for_each_user() -> None:
    csv = (
        "user_name,home_directory_type,home_directory_mappings,tags,public_keys\n"
        f"partner,PATH,/=/b,,{ALICE}\nauditor,,/=/b;/=/c,,{ALICE}\nthird,,,{'x' * 129}=y,{ALICE}\n"
    )
    conflict, twice, long = faults(csv=csv)
    assert conflict.startswith("lists/users.csv, line 2, user 'partner': home_directory_type is PATH, and home_dir")
    assert twice.startswith("lists/users.csv, line 3, user 'auditor': home_directory_mappings[1].entry is '/'")
    assert long.startswith("lists/users.csv, line 4, user 'third': tags: The name of ")


# -- Users without a key ----------------------------------------------------------------------------------------------


def test_a_user_without_a_declared_key_keeps_its_keys_and_only_if_that_is_said() -> None:
    csv = "user_name,allow_empty,exclusive\npartner,,\nauditor,true,true\n"
    assert faults(csv=csv) == [f"lists/users.csv, line 2: {NO_KEY}"]
    assert users(csv=csv, allow_empty=True) == [
        {"user_name": name, "exclusive": False} for name in ("partner", "auditor")
    ]


def test_a_user_that_is_declared_to_have_no_key() -> None:
    csv = "user_name,allow_empty,public_keys,exclusive\npartner,,[],\nauditor,true,[],true\n"
    assert faults(csv=csv) == [f"lists/users.csv, line 2, column public_keys: The user 'partner' has no key. {EMPTY}"]
    partner, auditor = users(csv=csv, allow_empty=True)
    assert partner == {"user_name": "partner", "public_keys": [], "allow_empty": True}
    assert auditor == {"user_name": "auditor", "exclusive": True, "public_keys": [], "allow_empty": True}


def test_a_user_cannot_have_no_key_in_one_place_and_one_in_another() -> None:
    csv = f"user_name,public_keys\npartner,{ALICE}\nauditor,{BOB}\npartner,[]\n"
    (fault,) = faults(csv=csv, allow_empty=True)
    assert fault == (
        "lists/users.csv, line 4, column public_keys: '[]'. It says that the user 'partner' has no key, and "
        "lists/users.csv, line 2, column public_keys says something else. Remove one of the two."
    )
    (fault,) = faults(csv="user_name,public_keys,allow_empty\npartner,[],true\n", folder="keys")
    assert fault.endswith("and keys/partner.pub says something else. Remove one of the two.")


def test_an_empty_folder_declares_that_its_user_has_no_key() -> None:
    files = {"keys/partner/README": ""}
    assert users(files, folder="keys", allow_empty=True) == [
        {"user_name": "partner", "public_keys": [], "allow_empty": True}
    ]


def test_a_user_can_be_told_to_need_a_key() -> None:
    assert faults(csv="user_name,allow_empty\npartner,false\n", allow_empty=True) == [
        f"lists/users.csv, line 2: {NO_KEY}"
    ]


@pytest.mark.parametrize(("column", "cell"), [("public_keys", "a.pub"), ("allow_empty", "maybe"), ("pubkey", "a.pub")])
def test_a_fault_of_a_cell_is_no_missing_key(column: str, cell: str) -> None:
    (fault,) = faults(csv=f"user_name,{column}\npartner,{cell}\n")
    assert repr(column if column == "pubkey" else cell) in fault


def test_an_empty_folder_or_file_of_a_user() -> None:
    assert faults({"keys/partner/README": "", "keys/auditor.pub": "\n"}, folder="keys") == [
        f"keys/auditor.pub: It is empty. Give a public key, the content of a .pub file. {EMPTY}",
        f"keys/partner: The user 'partner' has no key. {EMPTY}",
    ]


# -- All that is wrong ------------------------------------------------------------------------------------------------


def test_all_faults_are_told() -> None:
    csv = (
        f"user_name,role_arn,public_keys,public_key_files,home_directory_type,home_directory_mappings,tags\n"
        f"partner,x,y,,,,\ncourier,,{ALICE},,PATH,/=/b,{'x' * 129}=y\npartner,,,lost.pub;no.pub,,,\nauditor,,,,,,\n"
        "third,,,,,,\n"
    )
    files = {"keys/-x.pub": ALICE, "keys/auditor.pub": "no key", "lists/no.pub": "no key"}
    found = faults(files, csv=csv, folder="keys", defaults={"policy": "x"})
    assert [fault.split(": ")[0] for fault in found] == [
        "policy",
        "lists/users.csv, line 2, column role_arn",
        "lists/users.csv, line 2, column public_keys",
        "lists/users.csv, line 3, user 'courier'",
        "lists/users.csv, line 3, user 'courier'",
        "lists/users.csv, line 4, column public_key_files",
        "lists/users.csv, line 4, column public_key_files",
        "lists/users.csv, line 6",
        "'keys/-x.pub'",
        "keys/auditor.pub",
    ]


def test_what_a_fault_leaves_out_is_no_fault_of_its_own() -> None:
    csv = f"user_name,uid,gid,home_directory_mappings,public_keys\npartner,one,2,x,{ALICE}\n"
    found = faults(csv=csv, defaults={"home_directory_type": "PATH"})
    assert [fault.split(": ")[0] for fault in found] == [
        "lists/users.csv, line 2, column uid",
        "lists/users.csv, line 2, column home_directory_mappings",
    ]


def test_a_name_with_a_fault_is_one_fault_and_hides_no_other() -> None:
    csv = f"user_name,home_directory_type,home_directory_mappings,public_keys\n-x-,PATH,/=/b,{ALICE}\n"
    name, home = faults(csv=csv, defaults={"role_arn": ROLE})
    assert name.startswith("lists/users.csv, line 2, column user_name: '-x-'. Transfer Family takes 3 to 100 letters")
    assert home.startswith("lists/users.csv, line 2, user '-x-': home_directory_type is PATH, and home_directory_map")


def test_a_line_of_a_private_key_hides_the_values_of_other_cells() -> None:
    last = "bGFwdG9w+AQID/BA=="
    csv = "user_name,role_arn,home_directory_mappings,public_keys\npartner,{},/=/b;/in={},{}\n"
    for role, target in ((last, "/b"), (ROLE, last)):
        assert any(last in fault for fault in faults(csv=csv.format(role, target, "no key")))
        assert not any(last in fault for fault in faults(csv=csv.format(role, target, "b3+/" * 17)))


def test_the_key_of_a_cell_is_named_by_its_place() -> None:
    (fault,) = faults(csv="user_name,public_keys\npartner,ssh-ed25519 AAAA\n")
    assert fault.startswith("lists/users.csv, line 2, column public_keys: ")


def test_a_key_file_that_is_not_there() -> None:
    (fault,) = faults(csv="user_name,public_key_files\npartner,lost.pub\n")
    assert fault == (
        "lists/users.csv, line 2, column public_key_files: 'lost.pub'. The file lists/lost.pub cannot be read: it is "
        "not there."
    )


def test_a_key_file_is_named_as_its_cell_has_it() -> None:
    (fault,) = faults({"lists/no.pub": key_pair("ed25519").private}, csv="user_name,public_key_files\npartner,no.pub\n")
    assert fault.startswith("lists/users.csv, line 2, column public_key_files: 'no.pub': It is a private key.")


def test_keys_of_other_types_are_refused_unless_they_are_to_be_skipped() -> None:
    csv = f"user_name,public_keys\npartner,{ALICE};{TOKEN}\n"
    (fault,) = faults(csv=csv)
    assert "Or set unsupported_keys: skip" in fault
    (partner,) = users(csv=csv, unsupported_keys="skip")
    assert partner["public_keys"] == [f"{ALICE}\n{TOKEN}"]


def test_a_user_cannot_be_absent_in_one_place_and_have_keys_in_another() -> None:
    assert faults(csv="user_name,state\npartner,absent\n", folder="keys") == [
        (
            "lists/users.csv, line 2: state is absent for 'partner', and the folder has keys of the user: "
            "'keys/partner.pub'. Delete either."
        )
    ]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "Give a CSV file or a folder with the users."),
        ({"folder": "lost"}, "There is no folder 'lost' on the controller."),
        ({"csv_path": "lost.csv"}, "The file lost.csv cannot be read: it is not there."),
    ],
)
def test_nothing_to_read(asked: dict[str, str], sentence: str) -> None:
    given = Asked(csv=asked.get("csv_path", ""), folder=asked.get("folder", ""))
    (fault,) = read_users(given, Tree(FILES)).faults
    assert fault.startswith(sentence)


def test_a_folder_without_users() -> None:
    assert faults({"keys/README": ""}, folder="keys") == [
        "'keys' has no file NAME.pub, and no folder NAME with *.pub files, for a user NAME."
    ]
