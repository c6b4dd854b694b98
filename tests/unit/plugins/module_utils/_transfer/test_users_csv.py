# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transfer users in CSV files: what is read, and every fault with its place."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_csv import (
    COLUMNS,
    FileUser,
    Place,
    Table,
    read_users_csv,
    told,
)
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import line
from hypothesis import given, strategies as st

ALICE, BOB = line(1, "alice@laptop"), line(2, "bob")
ROLE = "arn:aws:iam::123456789012:role/sftp"
FILE = "lists/users.csv"


def read(*rows: str, bucket: str = "") -> Table:
    return read_users_csv("\n".join(rows), FILE, bucket=bucket)


def users(*rows: str, bucket: str = "") -> list[FileUser]:
    table = read(*rows, bucket=bucket)
    assert table.faults == []
    return table.users


def user(*rows: str, bucket: str = "") -> FileUser:
    (only,) = users(*rows, bucket=bucket)
    return only


def faults(*rows: str, bucket: str = "") -> list[str]:
    return told(read(*rows, bucket=bucket).faults)


# -- What is read -----------------------------------------------------------------------------------------------------


def test_a_user_with_everything() -> None:
    found = user(
        "user_name,state,role_arn,home_directory,home_directory_type,home_directory_mappings,policy,uid,gid,"
        "secondary_gids,tags,public_keys,public_key_files,exclusive,allow_empty",
        f'partner,Present,{ROLE},/b/home,logical,/=/b/p;/in=/b/in,"{{""a"": ""b""}}",1000,100,7;8,'
        f"team=finance;env=prod,{ALICE},bob.pub; keys/carol.pub,yes,FALSE",
    )
    assert found == FileUser(
        "partner",
        Place(FILE, 2),
        {
            "role_arn": ROLE,
            "home_directory": "/b/home",
            "home_directory_type": "LOGICAL",
            "home_directory_mappings": [{"entry": "/", "target": "/b/p"}, {"entry": "/in", "target": "/b/in"}],
            "policy": '{"a": "b"}',
            "posix_profile": {"uid": 1000, "gid": 100, "secondary_gids": [7, 8]},
            "tags": {"team": "finance", "env": "prod"},
            "exclusive": True,
            "allow_empty": False,
        },
        [(Place(FILE, 2, "public_keys"), ALICE)],
        [(Place(FILE, 2, "public_key_files"), "bob.pub"), (Place(FILE, 2, "public_key_files"), "keys/carol.pub")],
    )


def test_empty_cells_say_nothing() -> None:
    found = user("user_name,role_arn,tags,home_directory,uid,public_keys", "partner,,,,,")
    assert (found.options, found.keys) == ({}, [])


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("UserName", "user_name"),
        ("User Name", "user_name"),
        ("USER-NAME", "user_name"),
        ("username", "user_name"),
        ("Role", "role_arn"),
        ("RoleArn", "role_arn"),
        ("HomeDirectoryMappings", "home_directory_mappings"),
        ("SshPublicKeyBody", "public_keys"),
        ("public_key", "public_keys"),
    ],
)
def test_columns_may_be_named_as_aws_and_others_name_them(header: str, column: str) -> None:
    cells = {"role_arn": ROLE, "home_directory_mappings": "/=/b", "public_keys": ALICE}
    if column == "user_name":
        assert user(f"{header},role_arn", f"partner,{ROLE}").user_name == "partner"
        return
    found = user(f"user_name,{header}", f"partner,{cells[column]}")
    assert found.keys if column == "public_keys" else list(found.options) == [column]


def test_a_file_as_a_spreadsheet_writes_it() -> None:
    text = (
        "\ufeffuser_name;role_arn;tags;public_keys;;\r\n"
        f' partner ; {ROLE};"team=finance;env=prod"; {ALICE} ;;\r\n'
        f";;;;;\r\nauditor;;;{BOB};;\r\n;;;;;\r\n\r\n"
    )
    table = read_users_csv(text, FILE)
    assert table.faults == []
    partner, auditor = table.users
    assert partner.options == {"role_arn": ROLE, "tags": {"team": "finance", "env": "prod"}}
    assert [text for _place, text in partner.keys] == [ALICE]
    assert auditor.place == Place(FILE, 4)


def test_a_table_of_terraform_aws_transfer_family() -> None:
    """Its home_dir is a path in the bucket, and a cell of keys has commas between them."""
    partner, auditor = users(
        "username,home_dir,public_key,role_arn",
        f'partner,/user1,"{ALICE}",',
        f'auditor,/user2,"{ALICE}, {BOB}",{ROLE}',
        bucket="files",
    )
    assert partner.options == {"home_directory_mappings": [{"entry": "/", "target": "/files/user1"}]}
    assert [text for _place, text in auditor.keys] == [f"{ALICE}\n{BOB}"]
    assert auditor.options["role_arn"] == ROLE


def test_rows_of_a_user_are_one_declaration() -> None:
    found, other = users(
        "user_name,role_arn,public_keys,tags",
        f"partner,{ROLE},{ALICE},",
        f"auditor,{ROLE},{ALICE},",
        f"partner,,{BOB},a=b",
        f"partner,{ROLE},,",
    )
    assert found.options == {"role_arn": ROLE, "tags": {"a": "b"}}
    assert [(place.line, text) for place, text in found.keys] == [(2, ALICE), (4, BOB)]
    assert other.user_name == "auditor"


def test_absent_in_all_rows_deletes_a_user_and_nothing_else_counts() -> None:
    found = user("user_name,state,role_arn,public_keys", "partner,absent,no role,", f"partner,ABSENT,,{ALICE}")
    assert found.is_absent
    assert (found.options, found.keys) == ({"state": "absent"}, [])


def test_what_takes_a_home_or_all_keys_away() -> None:
    found = user("user_name,home_directory,public_keys,home_directory_mappings", "partner,[],[],[]")
    assert found.options == {"home_directory": "", "home_directory_mappings": []}
    assert (found.keys, found.keyless) == ([], Place(FILE, 2, "public_keys"))


# -- What is wrong ----------------------------------------------------------------------------------------------------

COLUMN_NAMES = ", ".join(name for name in COLUMNS if name not in {"user_name", "home_dir"})
NAME = (
    "Transfer Family takes 3 to 100 letters, digits and _ @ . - as the name of a user, beginning with a letter, a "
    "digit or _."
)
PAIR = (
    "Write each element as NAME=VALUE, such as team=finance, with ; between them. What does not fit into that form can "
    "be written as JSON."
)
HEADER = f"The first line names the columns: user_name, and any of {COLUMN_NAMES}."


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([""], [f"{FILE}: It is empty. {HEADER}"]),
        (["", "user_name", ",", ""], [f"{FILE}: It has the names of the columns, and no user below them."]),
        (
            ["user_name,role_anr", "partner,x"],
            [f"{FILE}, line 1: 'role_anr'. There is no such column. Is it role_arn? {HEADER}"],
        ),
        (["role_arn", ROLE], [f"{FILE}, line 1: There is no column user_name. {HEADER}"]),
        (
            ["user_name,role,role_arn", "partner,,"],
            [f"{FILE}, line 1, column role_arn: The column is there twice. Remove one of them."],
        ),
        (
            ["user_name,tags", "partner,a=b,c=d"],
            [
                (
                    f"{FILE}, line 2: 'c=d'. The row has 3 cells, and the first line names 2 columns. Put a cell with "
                    "delimiters in it in quotes."
                )
            ],
        ),
        (
            ["user_name,,tags", "partner,x,"],
            [
                (
                    f"{FILE}, line 2: 'x'. The row has 3 cells, and the first line names 2 columns. Put a cell with "
                    "delimiters in it in quotes."
                )
            ],
        ),
        (
            ["user_name,tags", ",a=b"],
            [f"{FILE}, line 2, column user_name: It is empty. Every row names its user."],
        ),
        (
            ["user_name", "-x-"],
            [
                (
                    f"{FILE}, line 2, column user_name: '-x-'. Transfer Family takes 3 to 100 letters, digits and _ @ "
                    ". - as the name of a user, beginning with a letter, a digit or _."
                )
            ],
        ),
        (
            ["user_name,role_arn,home_directory,uid,tags", "partner,admin,b,one,x"],
            [
                (
                    f"{FILE}, line 2, column role_arn: 'admin'. It must be the ARN of a role, such as "
                    "arn:aws:iam::123456789012:role/sftp."
                ),
                f"{FILE}, line 2, column home_directory: 'b'. It must begin with /, such as /bucket/home.",
                f"{FILE}, line 2, column uid: 'one'. It must be a whole number from 0 to 4294967295.",
                (
                    f"{FILE}, line 2, column tags: 'x'. Write each element as NAME=VALUE, such as team=finance, with ; "
                    "between them. What does not fit into that form can be written as JSON."
                ),
            ],
        ),
        (
            ["user_name,home_directory_type,exclusive", "partner,S3,maybe"],
            [
                f"{FILE}, line 2, column home_directory_type: 'S3'. It must be PATH or LOGICAL.",
                f"{FILE}, line 2, column exclusive: 'maybe'. It must be true or false.",
            ],
        ),
        (
            ["user_name,role_arn", f"partner,{ROLE}", f"partner,{ROLE}2"],
            [
                (
                    f"{FILE}, line 3, column role_arn: '{ROLE}2'. Line 2 says something else for the user 'partner'. "
                    "Leave the cell empty in all rows but one."
                )
            ],
        ),
        (
            ["user_name,state,public_keys", f"partner,,{ALICE}", f"partner,absent,{BOB}"],
            [
                (
                    f"{FILE}, line 3, column state: absent deletes the whole user 'partner', whom line 2 declares as "
                    "present. To take one key away, delete its row. To delete the user, write absent in all of its "
                    "rows."
                )
            ],
        ),
        (["user_name,state", "partner,gone"], [f"{FILE}, line 2, column state: 'gone'. It must be present or absent."]),
        (
            ["user_name,uid,secondary_gids", "partner,7,8"],
            [f"{FILE}, line 2, column gid: It is empty. A POSIX profile needs uid and gid."],
        ),
        (
            ["user_name,home_dir", "partner,/user1"],
            [
                (
                    f"{FILE}, line 1, column home_dir: It is a path in a bucket, as terraform-aws-transfer-family has "
                    "it. Name the bucket in the option bucket (transfer_users_bucket of the playbook). Or rename the "
                    "column to home_directory_mappings, and write /=/BUCKET/PATH."
                )
            ],
        ),
        (
            ["user_name,public_keys", "partner,keys/alice.pub; keys/bob.pub", "auditor,/srv/keys/carol"],
            [
                f"{FILE}, line {number}, column public_keys: {text!r}. It is the name of a file. Write it in the "
                "column public_key_files."
                for number, text in ((2, "keys/alice.pub; keys/bob.pub"), (3, "/srv/keys/carol"))
            ],
        ),
        # A cell with a fault is not missing.
        (
            ["user_name,uid,gid", "partner,one,2"],
            [f"{FILE}, line 2, column uid: 'one'. It must be a whole number from 0 to 4294967295."],
        ),
        # In the order of the lines, whose users they may be.
        (
            ["user_name,role_arn,role,tags,gdi", f"partner,{ROLE},,x,7", f"-x-,{ROLE},,,7", "partner,,,y,"],
            [
                f"{FILE}, line 1: 'gdi'. There is no such column. {HEADER}",
                f"{FILE}, line 1, column role_arn: The column is there twice. Remove one of them.",
                *(
                    f"{FILE}, line {number}, column {column}: {text!r}. {sentence}"
                    for number, column, text, sentence in (
                        (2, "tags", "x", PAIR),
                        (3, "user_name", "-x-", NAME),
                        (4, "tags", "y", PAIR),
                    )
                ),
            ],
        ),
        (["\udcff\udcfeuser_name"], [f"{FILE}: It is not text in UTF-8. In Excel, save it as CSV UTF-8."]),
        (["u\x00s\x00e\x00r\x00"], [f"{FILE}: It is not text in UTF-8. In Excel, save it as CSV UTF-8."]),
        (
            ["user_name", 'partner,"x'],
            [f'{FILE}, line 2: A quote (") that is opened in this row is never closed.'],
        ),
    ],
)
def test_faults(rows: list[str], expected: list[str]) -> None:
    assert faults(*rows) == expected


def test_two_homes() -> None:
    assert faults("user_name,home_dir,home_directory", "partner,/user1,/b/user1", bucket="b") == [
        f"{FILE}, line 2, column home_dir: The row has another column with the home of the user. Fill in one of them."
    ]


def test_a_file_without_the_names_of_columns() -> None:
    first, *_others = faults(f"partner,{ROLE}")
    assert first == f"{FILE}, line 1: 'partner'. There is no such column. {HEADER}"


# -- Private keys -----------------------------------------------------------------------------------------------------

PRIVATE = key_pair("ed25519").private


SECRET = f"{FILE}, line 2, column public_keys: It is a private key. No part of it was sent or is shown here."


def test_a_private_key_over_several_rows_is_refused_and_not_shown() -> None:
    (fault,) = faults("user_name,role_arn,public_keys", f"partner,admin,{PRIVATE}")
    assert fault.startswith(SECRET)
    assert not runs(fault, 8) & runs("".join(PRIVATE.splitlines()[1:-1]), 8)


def test_private_keys_in_cells_are_told_with_the_other_faults_and_without_values() -> None:
    found = faults(
        "user_name,role_arn,public_keys",
        f'partner,admin,"{PRIVATE}"',
        f'"{PRIVATE}",,',
        f'courier,absent,{ALICE},"{PRIVATE}"',
        "auditor,reader,",
    )
    after = 2 + PRIVATE.count("\n") + 1
    assert [fault.partition(": ")[0] for fault in found] == [
        f"{FILE}, line 2, column public_keys",
        f"{FILE}, line 2, column role_arn",
        f"{FILE}, line {after}, column user_name",
        f"{FILE}, line {after + PRIVATE.count(chr(10)) + 1}",
        f"{FILE}, line {after + 2 * (PRIVATE.count(chr(10)) + 1)}, column role_arn",
    ]
    assert [fault.partition(": ")[2].startswith("It is a private key.") for fault in found] == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert not any("admin" in fault or "reader" in fault for fault in found)
    assert not runs(" ".join(found), 8) & runs("".join(PRIVATE.splitlines()[1:-1]), 8)


def test_a_private_key_in_the_names_of_columns_or_behind_an_open_quote() -> None:
    for rows in ((f'user_name,"{PRIVATE}"', "partner,"), ("user_name,tags", f'partner,"{PRIVATE}')):
        (fault,) = faults(*rows)
        assert "It is a private key." in fault
        assert not runs(fault, 8) & runs("".join(PRIVATE.splitlines()[1:-1]), 8)


def test_lines_of_a_private_key_without_its_marks_are_not_shown() -> None:
    secret = [text for text in PRIVATE.splitlines() if "PRIVATE KEY" not in text][1:]
    # One of them must be no name, whatever the key.
    found = faults("user_name,role_arn", f"{secret[0]}+", *secret, "x,y")
    assert len(found) >= 2
    assert not runs(" ".join(found), 8) & runs("".join(secret), 8)


def test_the_short_last_line_of_a_private_key_is_not_shown() -> None:
    last = "bGFwdG9w+AQID/BA=="
    assert any(last in fault for fault in faults("user_name", last))
    assert not any(last in fault for fault in faults("user_name", f"{'b3+/' * 17}bw", last))


# -- Laws -------------------------------------------------------------------------------------------------------------

PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=8)
WORDS = PLAIN.filter(lambda text: not set(text) & set(";=[{\ufeff"))
PATHS = WORDS.map(lambda text: f"/{text}")
IDS = st.integers(0, 2**32 - 1)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "role_arn": st.just(ROLE),
        "home_directory": PATHS,
        "home_directory_type": st.sampled_from(["PATH", "LOGICAL"]),
        "home_directory_mappings": st.lists(
            st.fixed_dictionaries({"entry": PATHS, "target": PATHS}, optional={"type": st.just("FILE")}), max_size=3
        ),
        "policy": st.dictionaries(PLAIN, PLAIN).map(json.dumps),
        "posix_profile": st.fixed_dictionaries(
            {"uid": IDS, "gid": IDS}, optional={"secondary_gids": st.lists(IDS, min_size=1, max_size=3)}
        ),
        "tags": st.dictionaries(WORDS, WORDS, max_size=3),
        "exclusive": st.booleans(),
        "allow_empty": st.booleans(),
    },
)
KEYS = st.lists(st.builds(line, st.integers(0, 5), st.sampled_from(["", "laptop", "Doe, Jane", "a;b"])), max_size=3)
NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_@.-]{2,9}", fullmatch=True)
USERS = st.dictionaries(NAMES, st.tuples(OPTIONS, KEYS), min_size=1, max_size=4)


def mappings_cell(mappings: Sequence[Mapping[str, str]]) -> str:
    if not mappings or any("type" in mapping for mapping in mappings):
        return json.dumps(mappings)
    return ";".join(f"{mapping['entry']}={mapping['target']}" for mapping in mappings)


def cells_of(options: Mapping[str, Any]) -> dict[str, str]:
    """Return options as the cells of a row."""
    written = {name: str(value) for name, value in options.items() if name != "posix_profile"}
    if "home_directory_mappings" in options:
        written["home_directory_mappings"] = mappings_cell(options["home_directory_mappings"])
    if "tags" in options:
        tags = options["tags"]
        written["tags"] = ";".join(f"{name}={value}" for name, value in tags.items()) if tags else "{}"
    profile = options.get("posix_profile", {})
    written.update({name: str(profile[name]) for name in ("uid", "gid") if name in profile})
    if "secondary_gids" in profile:
        written["secondary_gids"] = ";".join(map(str, profile["secondary_gids"]))
    return written


def rows_of(declared: Mapping[str, tuple[Mapping[str, Any], Sequence[str]]], *, by_key: bool) -> list[dict[str, str]]:
    """Return the rows of users: one for each, or one for each key."""
    rows = []
    for user_name, (options, keys) in declared.items():
        first, *others = keys if by_key and keys else ["\n".join(keys)]
        rows.append({"user_name": user_name, **cells_of(options), "public_keys": first})
        rows += [{"user_name": user_name, "public_keys": key} for key in others]
    return rows


@given(USERS, st.sampled_from(",;\t"), st.booleans(), st.permutations([name for name in COLUMNS if name != "home_dir"]))
def test_users_that_are_written_are_read(
    declared: dict[str, tuple[dict[str, Any], list[str]]], delimiter: str, by_key: bool, columns: list[str]
) -> None:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows_of(declared, by_key=by_key))
    table = read_users_csv(f"\ufeff{file.getvalue()}", FILE)
    assert table.faults == []
    found = {each.user_name: (each.options, "\n".join(text for _place, text in each.keys)) for each in table.users}
    assert found == {name: (options, "\n".join(keys)) for name, (options, keys) in declared.items()}


@given(st.text(), st.booleans())
def test_any_text_is_read_or_refused_with_its_place(text: str, has_header: bool) -> None:
    table = read_users_csv(f"user_name,tags,public_keys\n{text}" if has_header else text, FILE)
    assert table.users or table.faults
    assert all(fault.startswith(FILE) and fault.endswith(".") for fault in told(table.faults))
