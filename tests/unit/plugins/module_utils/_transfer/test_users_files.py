# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of CSV files and folders, completed by defaults, as the module transfer_user takes them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_files import Asked, Users, read_users
from ansible_collections.sshkeys.aws.tests.unit.keys import line_of, security_key_blobs
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import line

ALICE, BOB, CAROL = line(1, "alice"), line(2, "bob"), line(3, "carol")
TOKEN = line_of(security_key_blobs()["sk-ssh-ed25519@openssh.com"], "token")
ROLE, OTHER = "arn:aws:iam::123456789012:role/sftp", "arn:aws:iam::123456789012:role/other"
EMPTY = "If the user may have no key, set allow_empty to true for it."


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


def test_a_user_may_have_no_key_only_if_that_is_said() -> None:
    csv = "user_name,allow_empty\npartner,\nauditor,true\n"
    assert faults(csv=csv) == [f"lists/users.csv, line 2: The user 'partner' has no key. {EMPTY}"]
    assert users(csv=csv, allow_empty=True) == [
        {"user_name": name, "public_keys": [], "allow_empty": True} for name in ("partner", "auditor")
    ]


def test_a_user_without_a_key_that_the_service_accepts_is_named() -> None:
    (unskipped,) = faults(csv=f"user_name,public_keys\npartner,{TOKEN}\n")
    assert "unsupported_keys: skip (transfer_users_unsupported_keys of the playbook), which skips" in unskipped
    (fault,) = faults(csv=f"user_name,public_keys\npartner,{TOKEN}\n", unsupported_keys="skip")
    assert fault.startswith("lists/users.csv, line 2, user 'partner': No key remains, because the service does not")


def test_a_user_can_be_told_to_need_a_key() -> None:
    assert faults(csv="user_name,allow_empty\npartner,false\n", allow_empty=True) == [
        f"lists/users.csv, line 2: The user 'partner' has no key. {EMPTY}"
    ]


def test_an_empty_folder_or_file_of_a_user() -> None:
    assert faults({"keys/partner/README": "", "keys/auditor.pub": "\n"}, folder="keys") == [
        f"keys/auditor.pub: It is empty. Give a public key, the content of a .pub file. {EMPTY}",
        f"keys/partner: The user 'partner' has no key. {EMPTY}",
    ]


# -- All that is wrong ------------------------------------------------------------------------------------------------


def test_all_faults_are_told() -> None:
    csv = "user_name,role_arn,public_keys\npartner,x,y\n"
    found = faults({"keys/-x.pub": ALICE, "keys/auditor.pub": "no key"}, csv=csv, folder="keys")
    assert [fault.split(": ")[0] for fault in found] == [
        "lists/users.csv, line 2, column role_arn",
        "'keys/-x.pub'",
        "keys/auditor.pub",
    ]


def test_the_key_of_a_cell_is_named_by_its_place() -> None:
    (fault,) = faults(csv="user_name,public_keys\npartner,ssh-ed25519 AAAA\n")
    assert fault.startswith("lists/users.csv, line 2, column public_keys: ")


def test_a_key_file_that_is_not_there() -> None:
    (fault,) = faults(csv="user_name,public_key_files\npartner,lost.pub\n")
    assert fault == (
        "lists/users.csv, line 2, column public_key_files: The file lists/lost.pub cannot be read: it is not there."
    )


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
