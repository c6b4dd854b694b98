# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Transfer Family users in a CSV file.

Pure. Rules:
- The first line names the columns, which are the options of the module transfer_user.
- An empty cell says nothing: a default counts, and what an existing user has stays.
- The rows of a user are one declaration. Their keys are added up. Every other cell is empty, or the same in all rows.
- ``absent`` in all rows of a user deletes the user, and nothing else in these rows counts.
- All faults of a file are found at once. Each names the file, the line and the column, and shows the value, unless the
  file could hold a private key.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._booleans import as_boolean
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import (
    PRIVATE_KEY,
    could_be_part_of_one,
    holds_private_key,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer import cells
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.csv_rows import Row, RowsError, read_rows
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import is_user_name


class Place(NamedTuple):
    """Where a value stands, for a sentence: a file, and in a table a line (0 for none) and a column."""

    file: str
    line: int = 0
    column: str = ""

    def __str__(self) -> str:
        """Return it as a sentence names it."""
        line = f", line {self.line}" if self.line else ""
        return f"{self.file}{line}" + (f", column {self.column}" if self.column else "")


@dataclass
class FileUser:
    """A user that files declare.

    place: where it is declared first.
    options: what is declared, but for keys, by the options of the module transfer_user.
    keys: texts with public keys. key_files: names of files with more of them.
    """

    user_name: str
    place: Place
    options: dict[str, Any] = field(default_factory=dict)
    keys: list[tuple[Place, str]] = field(default_factory=list)
    key_files: list[tuple[Place, str]] = field(default_factory=list)

    @property
    def is_absent(self) -> bool:
        """Whether the user is to be deleted."""
        return self.options.get("state") == "absent"


class Table(NamedTuple):
    """The users of a file, in the order of their first rows. faults: sentences; with any, there are no users."""

    users: list[FileUser]
    faults: list[str]


def _boolean(text: str) -> bool:
    value = as_boolean(text)
    if value is None:
        raise ArgumentError("It must be true or false.")
    return value


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        found = [choice for choice in choices if choice.lower() == text.lower()]
        if not found:
            raise ArgumentError(f"It must be {' or '.join(choices)}.")
        return found[0]

    return read


def _user_name(text: str) -> str:
    if not is_user_name(text):
        raise ArgumentError(
            "Transfer Family takes 3 to 100 letters, digits and _ @ . - as the name of a user, beginning with a "
            "letter, a digit or _."
        )
    return text


def _role_arn(text: str) -> str:
    # The pattern of the service model (botocore, 2018-11-05).
    if not re.fullmatch(r"arn:.*role/\S+", text):
        raise ArgumentError("It must be the ARN of a role, such as arn:aws:iam::123456789012:role/sftp.")
    return text


# The columns, and what reads a cell of each.
COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "user_name": _user_name,
    "state": _one_of("present", "absent"),
    "role_arn": _role_arn,
    "home_directory": cells.read_path,
    "home_directory_type": _one_of("PATH", "LOGICAL"),
    "home_directory_mappings": cells.read_mappings,
    # As in the table of terraform-aws-transfer-family (AWS Integration and Automation): a path in a bucket.
    "home_dir": cells.read_path,
    "policy": cells.read_policy,
    "uid": cells.read_id,
    "gid": cells.read_id,
    "secondary_gids": cells.read_ids,
    "tags": cells.read_tags,
    "public_keys": cells.separate_keys,
    "public_key_files": cells.read_list,
    "exclusive": _boolean,
    "allow_empty": _boolean,
}
_PROFILE = ("uid", "gid", "secondary_gids")
# By names without blanks and the like: what other tools call these columns.
_NAMES = {
    **{name.replace("_", ""): name for name in COLUMNS},
    "username": "user_name",
    "role": "role_arn",
    "publickey": "public_keys",
    "sshpublickey": "public_keys",
    "sshpublickeys": "public_keys",
    "sshpublickeybody": "public_keys",
    "publickeyfile": "public_key_files",
    "homedirectorymapping": "home_directory_mappings",
    "secondarygid": "secondary_gids",
}


# What ansible-core makes of bytes that are not UTF-8, and what UTF-16 has between letters.
_NO_TEXT = re.compile("[\ud800-\udfff\x00]")


def read_users_csv(text: str, file: str, *, bucket: str = "") -> Table:
    """Read a CSV file.

    text: its content. file: its name, for sentences.
    bucket: the bucket that the paths of a column ``home_dir`` are in; empty if none is named.
    """
    if holds_private_key(text):
        lines = (number for number, line in enumerate(text.splitlines(), 1) if holds_private_key(line))
        return Table([], [f"{Place(file, next(lines, 0))}: {PRIVATE_KEY}"])
    if _NO_TEXT.search(text):
        return Table([], [f"{Place(file)}: It is not text in UTF-8. In Excel, save it as CSV UTF-8."])
    reading = _Reading(file, bucket)
    try:
        reading.read(read_rows(text, _rate))
    except RowsError as error:
        reading.fault(Place(file, error.line), str(error))
    faults = list(reading.told())
    return Table([] if faults else list(reading.users.values()), faults)


def _name_of(text: str) -> str | None:
    """Return the column that the first row names so, None if there is none."""
    return _NAMES.get(re.sub(r"[\s_-]+", "", text).lower())


def _rate(cells_of_row: Sequence[str]) -> int:
    return sum(_name_of(cell) is not None for cell in cells_of_row)


class _Fault(NamedTuple):
    """A fault. value: what stands there, empty if that says nothing."""

    place: Place
    sentence: str
    value: str


class _Reading:
    """The state of reading a file."""

    def __init__(self, file: str, bucket: str) -> None:
        self._file, self._bucket = file, bucket
        self.users: dict[str, FileUser] = {}
        # The rows of each user: their lines, and their cells that say something.
        self._rows: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self._faults: list[_Fault] = []

    def fault(self, place: Place, sentence: str, value: str = "") -> None:
        """Note a fault."""
        self._faults.append(_Fault(place, sentence, value))

    def told(self) -> Iterator[str]:
        """Yield a sentence for each fault."""
        # Beside a line of a private key without its marks, the short last line may stand in another cell.
        hides = any(could_be_part_of_one(fault.value) for fault in self._faults)
        for place, sentence, value in self._faults:
            yield f"{place}: {f'{shown(value)}. ' if value and not hides else ''}{sentence}"

    def read(self, rows: Sequence[Row]) -> None:
        """Read the rows of the file."""
        if not rows:
            self.fault(Place(self._file), f"It is empty. {_HEADER}")
            return
        names = self._columns(rows[0])
        if self._faults:
            return
        for row in rows[1:]:
            self._sort(row, names)
        for user_name, rows_of_user in self._rows.items():
            self._declare(user_name, rows_of_user)
        if not self._rows and not self._faults:
            self.fault(Place(self._file), "It has the names of the columns, and no user below them.")

    # -- Rows ----------------------------------------------------------------------------------------------------------

    def _columns(self, header: Row) -> list[str | None]:
        """Return the column of each cell of a row, None for one without a name."""
        names = [_name_of(cell) for cell in header.cells]
        for name, cell in zip(names, header.cells):
            if cell and name is None:
                self.fault(Place(self._file, header.line), f"There is no such column.{_meant(cell)} {_HEADER}", cell)
        for name in dict.fromkeys(name for name in names if name and names.count(name) > 1):
            self.fault(Place(self._file, header.line, str(name)), "The column is there twice. Remove one of them.")
        if "user_name" not in names and not self._faults:
            self.fault(Place(self._file, header.line), f"There is no column user_name. {_HEADER}")
        if "home_dir" in names and not self._bucket:
            self.fault(Place(self._file, header.line, "home_dir"), _NO_BUCKET)
        return names

    def _sort(self, row: Row, names: Sequence[str | None]) -> None:
        """Put a row to those of its user."""
        place = Place(self._file, row.line)
        surplus = [cell for cell in row.cells[len(names) :] if cell]
        nameless = [cell for cell, name in zip(row.cells, names) if cell and name is None]
        if surplus or nameless:
            self.fault(place, _SURPLUS.format(len(row.cells), sum(map(bool, names))), (surplus or nameless)[0])
            return
        said = {name: cell for name, cell in zip(names, row.cells) if name and cell}
        user_name = said.pop("user_name", "")
        if not user_name:
            self.fault(place._replace(column="user_name"), "It is empty. Every row names its user.")
            return
        self._value(place, "user_name", user_name)
        self._rows.setdefault(user_name, []).append((row.line, said))

    def _value(self, place: Place, column: str, text: str) -> Any:
        """Return the value of a cell, None if it has a fault."""
        try:
            return COLUMNS[column](text)
        except ArgumentError as error:
            self.fault(place._replace(column=column), str(error), text)
            return None

    # -- Users ---------------------------------------------------------------------------------------------------------

    def _declare(self, user_name: str, rows: Sequence[tuple[int, dict[str, str]]]) -> None:
        user = FileUser(user_name, Place(self._file, rows[0][0]))
        self.users[user_name] = user
        places: dict[str, int] = {}
        states = [self._value(Place(self._file, line), "state", said.get("state", "present")) for line, said in rows]
        if "absent" in states:
            user.options["state"] = "absent"
            other = next((line for (line, _said), state in zip(rows, states) if state == "present"), None)
            if other is not None:
                line = rows[states.index("absent")][0]
                self.fault(Place(self._file, line, "state"), _HALF_ABSENT.format(shown(user_name), other))
            return
        for line, said in rows:
            self._add(user, Place(self._file, line), said, places)
        self._add_profile(user, places)

    def _add(self, user: FileUser, place: Place, said: Mapping[str, str], places: dict[str, int]) -> None:
        """Add a row. places: by column, the line of the first row that says something there."""
        for column, text in said.items():
            if column == "state":
                continue
            value = self._value(place, column, text)
            where = place._replace(column=column)
            if value is None:
                continue
            if column == "public_keys":
                user.keys.append((where, value))
            elif column == "public_key_files":
                user.key_files += [(where, name) for name in value]
            elif column not in user.options:
                user.options[column] = value
                places[column] = place.line
            elif user.options[column] != value:
                self.fault(where, _ANOTHER.format(places[column], shown(user.user_name)), text)

    def _add_profile(self, user: FileUser, places: Mapping[str, int]) -> None:
        """Put the columns of options with several parts into these options."""
        options = user.options
        profile = {name: options.pop(name) for name in _PROFILE if name in options}
        home_dir = options.pop("home_dir", None)
        if profile:
            options["posix_profile"] = profile
            missing = [name for name in ("uid", "gid") if name not in profile]
            if missing:
                line = max(places[name] for name in profile)
                self.fault(Place(self._file, line, missing[0]), f"It is empty. {_WHOLE_PROFILE}")
        if home_dir is None:
            return
        if "home_directory_mappings" in options or "home_directory" in options:
            self.fault(Place(self._file, places["home_dir"], "home_dir"), _TWO_HOMES)
        options["home_directory_mappings"] = [{"entry": "/", "target": f"/{self._bucket}{home_dir}"}]


def _meant(text: str) -> str:
    close = difflib.get_close_matches(text.lower(), COLUMNS, n=1, cutoff=0.75)
    return f" Is it {close[0]}?" if close else ""


_OPTIONAL = ", ".join(name for name in COLUMNS if name not in ("user_name", "home_dir"))
_HEADER = f"The first line names the columns: user_name, and any of {_OPTIONAL}."
_NO_BUCKET = (
    "It is a path in a bucket, as terraform-aws-transfer-family has it. Name the bucket in the option bucket "
    "(transfer_users_bucket of the playbook). Or rename the column to home_directory_mappings, and write "
    "/=/BUCKET/PATH."
)
_SURPLUS = "The row has {} cells, and the first line names {} columns. Put a cell with delimiters in it in quotes."
_HALF_ABSENT = (
    "absent deletes the whole user {}, whom line {} declares as present. To take one key away, delete its row. To "
    "delete the user, write absent in all of its rows."
)
_ANOTHER = "Line {} says something else for the user {}. Leave the cell empty in all rows but one."
_WHOLE_PROFILE = "A POSIX profile needs uid and gid."
_TWO_HOMES = "The row has another column with the home of the user. Fill in one of them."
