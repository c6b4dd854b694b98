# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The rows of a CSV file as spreadsheets write it. Pure.

It may begin with a byte order mark, and with a line such as ``sep=;`` (which Excel writes and reads). Between the cells
is a comma, a ``;`` or a tab. Cells may have blanks around them. Rows without any text do not count.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Callable, NamedTuple, Sequence

_BYTE_ORDER_MARK = "\ufeff"
# Since Python 3.13, csv refuses a delimiter that is the quote too.
_SEP = re.compile(r"\"?sep=([^\"\n])\"?[^\S\n]*\n", re.IGNORECASE)
_DELIMITERS = ",;\t"
# A row of its own at the end of the text, unless a quote is still open there.
_END = "\x04"


class Row(NamedTuple):
    """A row. line: where it begins, from 1. cells: without blanks around them."""

    line: int
    cells: list[str]


class RowsError(Exception):
    """A text is not CSV. line: where. The text of the exception is a sentence."""

    def __init__(self, line: int, sentence: str) -> None:
        """line: from 1."""
        super().__init__(sentence)
        self.line = line


def read_rows(text: str, rate: Callable[[Sequence[str]], int]) -> list[Row]:
    """Return the rows of a text that have any text.

    rate: tells how well a first row fits. The delimiter whose first row fits best is taken.
    Raises RowsError.
    """
    text = text.lstrip(_BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")
    found = _SEP.match(text)
    if found:
        # The line stays as an empty one, so that lines are counted as an editor does.
        return _rows(f"\n{text[found.end() :]}", found[1])

    # The first of the best, so a comma where it makes no difference.
    return _rows(text, max(_DELIMITERS, key=lambda delimiter: rate(_first_row(text, delimiter))))


def _reader(text: str, delimiter: str) -> Any:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)


def _first_row(text: str, delimiter: str) -> list[str]:
    """Return the cells of the first row, whatever is wrong further down if this is not the delimiter."""
    try:
        rows = ([cell.strip() for cell in cells] for cells in _reader(text, delimiter))
        return next((cells for cells in rows if any(cells)), [])
    except csv.Error:
        return []


def _rows(text: str, delimiter: str) -> list[Row]:
    rows: list[Row] = []
    reader = _reader(f"{text}\n{_END}", delimiter)
    line, cells = 1, []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(line, [cell.strip() for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise RowsError(line, f"It cannot be read as CSV: {error}.") from None
    if cells != [_END]:
        raise RowsError(rows[-1].line, 'A quote (") that is opened in this row is never closed.')
    return rows[:-1]
