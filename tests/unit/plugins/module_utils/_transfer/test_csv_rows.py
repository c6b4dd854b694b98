# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of CSV files, as spreadsheets write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.csv_rows import Row, RowsError, read_rows
from hypothesis import given, strategies as st


def rate(cells: Sequence[str]) -> int:
    return sum(cell in {"a", "b", "c"} for cell in cells)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n \n,,\n", []),
        ("a,b\n1,2\n", [(1, ["a", "b"]), (2, ["1", "2"])]),
        ("a,b\n1,2", [(1, ["a", "b"]), (2, ["1", "2"])]),
        ("a;b\r\n1,5;2\r\n", [(1, ["a", "b"]), (2, ["1,5", "2"])]),
        ("a\tb\n1;2\t3,4\n", [(1, ["a", "b"]), (2, ["1;2", "3,4"])]),
        ("\ufeffa,b\n", [(1, ["a", "b"])]),
        ('\ufeff"a","b"\n', [(1, ["a", "b"])]),
        ("sep=;\na;b\n1;2\n", [(2, ["a", "b"]), (3, ["1", "2"])]),
        # csv of Python 3.13 refuses a quote as the delimiter.
        ('sep="\na,b\n', [(1, ['sep="']), (2, ["a", "b"])]),
        ('"sep=|"\r\na|b\r\n', [(2, ["a", "b"])]),
        # Old spreadsheets of the Mac
        ("a,b\r1,2\r", [(1, ["a", "b"]), (2, ["1", "2"])]),
        (' a , "b" ,c\n 1 , "2,3" , 4\n', [(1, ["a", "b", "c"]), (2, ["1", "2,3", "4"])]),
        ('a,b\n"1\n2",3\n4,5\n', [(1, ["a", "b"]), (2, ["1\n2", "3"]), (4, ["4", "5"])]),
        ('a,b\n"say ""x""",2\n', [(1, ["a", "b"]), (2, ['say "x"', "2"])]),
        # Rows without text do not count, but lines do.
        ("a,b\n\n,\n1,2\n;\n,,,\n\n", [(1, ["a", "b"]), (4, ["1", "2"]), (5, [";"])]),
        # With another delimiter this quote would never be closed.
        ('a,b\nx;"y,2\n', [(1, ["a", "b"]), (2, ['x;"y', "2"])]),
        # A quote in the middle of a cell is a character.
        ('a,b\nx"y,{"z": 1}\n', [(1, ["a", "b"]), (2, ['x"y', '{"z": 1}'])]),
    ],
)
def test_rows(text: str, expected: list[tuple[int, list[str]]]) -> None:
    assert read_rows(text, rate) == [Row(*each) for each in expected]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ('a,b\n1,2\n"3,4\n5,6\n', 3, 'A quote (") that is opened in this row is never closed.'),
        ('a;b\n1;"2\n', 2, 'A quote (") that is opened in this row is never closed.'),
        ('"a,b\n', 1, 'A quote (") that is opened in this row is never closed.'),
        (f"a,b\n1,{'x' * 140_000}\n", 2, "It cannot be read as CSV: field larger than field limit (131072)."),
    ],
)
def test_what_is_no_csv(text: str, line: int, sentence: str) -> None:
    with pytest.raises(RowsError) as refused:
        read_rows(text, rate)
    assert (refused.value.line, str(refused.value)) == (line, sentence)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00\ufeff")).map(str.strip)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2)), st.sampled_from(",;\t"), st.booleans(), st.booleans())
def test_what_is_written_is_read(rows: list[list[str]], delimiter: str, is_quoted: bool, has_crlf: bool) -> None:
    file = io.StringIO()
    quoting: Literal[0, 1] = csv.QUOTE_ALL if is_quoted else csv.QUOTE_MINIMAL
    end = "\r\n" if has_crlf else "\n"
    csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([["a", "b"], *rows])
    head, *others = read_rows(f"\ufeff{file.getvalue()}", rate)
    assert head == Row(1, ["a", "b"])
    assert [cells for _line, cells in others] == [row for row in rows if any(row)]


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(RowsError):
        lines = [line for line, _cells in read_rows(text, rate)]
        assert lines == sorted(set(lines))
