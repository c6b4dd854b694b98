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
- ``[]`` in ``public_keys`` declares that a user has no key. A user without a cell for keys declares nothing about them.
- All faults of a file are found at once. Each names the file, the line and the column, and shows the value, unless the
  file could hold a private key.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Callable, Mapping, NamedTuple, Sequence

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
    """Where a value stands, for a sentence: a file, and in a table a line (0 for none) and a column.

    user_name: whose value it is, if the sentence must say so.
    """

    file: str
    line: int = 0
    column: str = ""
    user_name: str = ""

    def __str__(self) -> str:
        """Return it as a sentence names it."""
        line = f", line {self.line}" if self.line else ""
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}{line}{column}" + (f", user {shown(self.user_name)}" if self.user_name else "")


@dataclass
class FileUser:
    """A user that files declare.

    place: where it is declared first.
    options: what is declared, but for keys, by the options of the module transfer_user.
    keys: texts with public keys. key_files: names of files with more of them.
    keyless: where it is declared that the user has no key, None if it is not.
    faulty: the columns in which a cell of the user has a fault, and so no value.
    """

    user_name: str
    place: Place
    options: dict[str, Any] = field(default_factory=dict)
    keys: list[tuple[Place, str]] = field(default_factory=list)
    key_files: list[tuple[Place, str]] = field(default_factory=list)
    keyless: Place | None = None
    faulty: set[str] = field(default_factory=set)

    @property
    def is_absent(self) -> bool:
        """Whether the user is to be deleted."""
        return self.options.get("state") == "absent"


class Fault(NamedTuple):
    """A fault.

    value: what stands there, empty if that says nothing. is_shown: whether a sentence may show the value.
    """

    place: Place
    sentence: str
    value: str = ""
    is_shown: bool = True


class Table(NamedTuple):
    """The users of a file, in the order of their first rows, and its faults.

    With faults, the users are there for the search for more faults alone.
    """

    users: list[FileUser]
    faults: list[Fault]


def hides_values(faults: Sequence[Fault]) -> bool:
    """Return whether a file with these faults may hold a private key, so that no cell of it must be shown."""
    # Beside a line of a private key without its marks, the short last line may stand in another cell.
    return any(fault.sentence == PRIVATE_KEY or could_be_part_of_one(fault.value) for fault in faults)


def told(faults: Sequence[Fault]) -> list[str]:
    """Return a sentence for each fault of a file, in the order of its lines."""
    hides = hides_values(faults)
    return [
        f"{fault.place}: {f'{shown(fault.value)}. ' if fault.value and fault.is_shown and not hides else ''}"
        f"{fault.sentence}"
        for fault in sorted(faults, key=lambda fault: fault.place.line)
    ]


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


def _public_keys(text: str) -> str:
    if _FILE_NAME.fullmatch(text):
        raise ArgumentError("It is the name of a file. Write it in the column public_key_files.")
    return "" if text == cells.NOTHING else cells.separate_keys(text)


# The base64 of a key begins with AAAA.
_FILE_NAME = re.compile(r"(?!.*AAAA)(?:.+\.pub|(?:~|\.{1,2})?/\S+)", re.IGNORECASE)


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
    "home_directory": cells.read_home,
    "home_directory_type": _one_of("PATH", "LOGICAL"),
    "home_directory_mappings": cells.read_mappings,
    # As in the table of terraform-aws-transfer-family (AWS Integration and Automation): a path in a bucket.
    "home_dir": cells.read_path,
    "policy": cells.read_policy,
    "uid": cells.read_id,
    "gid": cells.read_id,
    "secondary_gids": cells.read_ids,
    "tags": cells.read_tags,
    "public_keys": _public_keys,
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


# In place of a cell that holds a private key.
_TAKEN_OUT = "\0"
# What ansible-core makes of bytes that are not UTF-8, and what UTF-16 has between letters.
_NO_TEXT = re.compile("[\ud800-\udfff\x00]")


def read_users_csv(text: str, file: str, *, bucket: str = "") -> Table:
    """Read a CSV file.

    text: its content. file: its name, for sentences.
    bucket: the bucket that the paths of a column ``home_dir`` are in; empty if none is named.
    """
    is_secret = holds_private_key(text)
    if _NO_TEXT.search(text) and not is_secret:
        return Table([], [Fault(Place(file), "It is not text in UTF-8. In Excel, save it as CSV UTF-8.")])
    reading = _Reading(file, bucket, is_secret=is_secret)
    try:
        rows = read_rows(text, _rate)
        if is_secret and _is_spread(rows):
            return Table([], _secrets_of_lines(text, rows, file))
        reading.read(rows)
    except RowsError as error:
        reading.faults.append(Fault(Place(file, error.line), str(error)))
    if is_secret and not any(fault.sentence == PRIVATE_KEY for fault in reading.faults):
        return Table([], _secrets_of_lines(text, [], file))
    return Table(list(reading.users.values()), reading.faults)


def _is_spread(rows: Sequence[Row]) -> bool:
    """Return whether the lines of a private key are rows: then they say nothing else."""
    return any(holds_private_key(cell) and "\n" not in cell for row in rows for cell in row.cells)


def _secrets_of_lines(text: str, rows: Sequence[Row], file: str) -> list[Fault]:
    """Return the fault of the first line with a mark of a private key. rows: to name its column, empty if unknown."""
    line = next((number for number, each in enumerate(text.splitlines(), 1) if holds_private_key(each)), 0)
    names = [_name_of(cell) or "" for cell in rows[0].cells] if rows else []
    columns = [
        name for row in rows for name, cell in zip(names, row.cells) if row.line == line and holds_private_key(cell)
    ]
    return [Fault(Place(file, line, columns[0] if columns else ""), PRIVATE_KEY)]


def _name_of(text: str) -> str | None:
    """Return the column that the first row names so, None if there is none."""
    return _NAMES.get(re.sub(r"[\s_-]+", "", text).lower())


def _rate(cells_of_row: Sequence[str]) -> int:
    return sum(_name_of(cell) is not None for cell in cells_of_row)


class _Reading:
    """The state of reading a file."""

    def __init__(self, file: str, bucket: str, *, is_secret: bool) -> None:
        self._file, self._bucket, self._is_secret = file, bucket, is_secret
        self.users: dict[str, FileUser] = {}
        self.faults: list[Fault] = []
        # The rows of each user: their lines, and their cells that say something.
        self._rows: dict[str, list[tuple[int, dict[str, str]]]] = {}
        # Whether a column has no known name: it may be that of the keys.
        self._misses_column = False

    def _fault(self, place: Place, sentence: str, value: str = "") -> None:
        self.faults.append(Fault(place, sentence, value))

    def read(self, rows: Sequence[Row]) -> None:
        """Read the rows of the file."""
        if not rows:
            self._fault(Place(self._file), f"It is empty. {_HEADER}")
            return
        names = self._columns(rows[0])
        if "user_name" not in names:
            return
        for row in rows[1:]:
            self._sort(row, names)
        for user_name, rows_of_user in self._rows.items():
            self._declare(user_name, rows_of_user)
        if not self._rows and not self.faults:
            self._fault(Place(self._file), "It has the names of the columns, and no user below them.")

    # -- Rows ----------------------------------------------------------------------------------------------------------

    def _columns(self, header: Row) -> list[str | None]:
        """Return the column of each cell of a row: None for one without a name, empty for one with an unknown name."""
        names = [(_name_of(cell) or "") if cell else None for cell in header.cells]
        for name, cell in zip(names, header.cells):
            if name == "":
                self._misses_column = True
                self._fault(Place(self._file, header.line), f"There is no such column.{_meant(cell)} {_HEADER}", cell)
        for name in dict.fromkeys(name for name in names if name and names.count(name) > 1):
            self._fault(Place(self._file, header.line, str(name)), "The column is there twice. Remove one of them.")
        if "user_name" not in names and not self.faults:
            self._fault(Place(self._file, header.line), f"There is no column user_name. {_HEADER}")
        if "home_dir" in names and not self._bucket:
            self._fault(Place(self._file, header.line, "home_dir"), _NO_BUCKET)
        return names

    def _sort(self, row: Row, names: Sequence[str | None]) -> None:
        """Put a row to those of its user."""
        place = Place(self._file, row.line)
        cells_of_row = [self._without_secret(cell, place, name) for cell, name in zip_longest(row.cells, names)]
        surplus = [cell for cell in cells_of_row[len(names) :] if cell]
        nameless = [cell for cell, name in zip(cells_of_row, names) if cell and name is None]
        if _TAKEN_OUT in (*surplus, *nameless):
            return
        if surplus or nameless:
            self._fault(place, _SURPLUS.format(len(row.cells), sum(map(bool, names))), (surplus or nameless)[0])
            return
        said = {name: cell for name, cell in zip(names, cells_of_row) if name and cell}
        user_name = said.pop("user_name", "")
        if not user_name:
            self._fault(place._replace(column="user_name"), "It is empty. Every row names its user.")
            return
        if user_name == _TAKEN_OUT:
            return
        self._value(place, "user_name", user_name)
        self._rows.setdefault(user_name, []).append((row.line, said))

    def _without_secret(self, cell: str | None, place: Place, name: str | None) -> str:
        """Return a cell, or _TAKEN_OUT with a fault for a private key."""
        if not cell or not self._is_secret or not holds_private_key(cell):
            return cell or ""
        self._fault(place._replace(column=name or ""), PRIVATE_KEY)
        return _TAKEN_OUT

    def _value(self, place: Place, column: str, text: str, user: FileUser | None = None) -> Any:
        """Return the value of a cell, None if it has a fault. user: whose cell it is, unless that is not known yet."""
        if text != _TAKEN_OUT:
            try:
                return COLUMNS[column](text)
            except ArgumentError as error:
                self._fault(place._replace(column=column), str(error), text)
        if user:
            user.faulty.add(column)
        return None

    # -- Users ---------------------------------------------------------------------------------------------------------

    def _declare(self, user_name: str, rows: Sequence[tuple[int, dict[str, str]]]) -> None:
        user = FileUser(user_name, Place(self._file, rows[0][0]))
        if self._misses_column:
            user.faulty.add("public_keys")
        self.users[user_name] = user
        places: dict[str, int] = {}
        states = [
            self._value(Place(self._file, line), "state", said.get("state", "present"), user) for line, said in rows
        ]
        if "absent" in states:
            user.options["state"] = "absent"
            other = next((line for (line, _said), state in zip(rows, states) if state == "present"), None)
            if other is not None:
                line = rows[states.index("absent")][0]
                self._fault(Place(self._file, line, "state"), _HALF_ABSENT.format(shown(user_name), other))
            return
        for line, said in rows:
            self._add(user, Place(self._file, line), said, places)
        self._add_profile(user, places)

    def _add(self, user: FileUser, place: Place, said: Mapping[str, str], places: dict[str, int]) -> None:
        """Add a row. places: by column, the line of the first row that says something there."""
        for column, text in said.items():
            if column == "state":
                continue
            value = self._value(place, column, text, user)
            where = place._replace(column=column)
            if value is None:
                continue
            if column == "public_keys" and not value:
                user.keyless = user.keyless or where
            elif column == "public_keys":
                user.keys.append((where, value))
            elif column == "public_key_files":
                user.key_files += [(where, name) for name in value]
            elif column not in user.options:
                user.options[column] = value
                places[column] = place.line
            elif user.options[column] != value:
                self._fault(where, _ANOTHER.format(places[column], shown(user.user_name)), text)

    def _add_profile(self, user: FileUser, places: Mapping[str, int]) -> None:
        """Put the columns of options with several parts into these options."""
        options = user.options
        profile = {name: options.pop(name) for name in _PROFILE if name in options}
        home_dir = options.pop("home_dir", None)
        if profile:
            options["posix_profile"] = profile
            missing = [name for name in ("uid", "gid") if name not in profile and name not in user.faulty]
            if missing:
                line = max(places[name] for name in profile)
                self._fault(Place(self._file, line, missing[0]), f"It is empty. {_WHOLE_PROFILE}")
        if home_dir is None:
            return
        # An empty home_directory only takes away the one that the user has.
        if "home_directory_mappings" in options or options.get("home_directory"):
            self._fault(Place(self._file, places["home_dir"], "home_dir"), _TWO_HOMES)
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
