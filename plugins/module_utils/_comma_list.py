# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Lists as text with commas, such as ``-e server_ids=A,B``. Pure.

Ansible cuts such an argument at the first blank: ``-e "server_ids=A, B"`` sets ``server_ids`` to ``A,``, and the rest
silently becomes the variable ``_raw_params``. A list that lost an element this way must not pass as complete.
"""

from __future__ import annotations

import re
from typing import Any, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown, type_name


def elements(value: Any) -> list[str]:
    """Return the elements of a list, each once, in order, without blanks around them.

    value: a list, a text with commas between the elements, or None. Empty ones are dropped; ``faults`` reports them.
    Raises ArgumentError for any other value.
    """
    if value is None:
        return []
    if not isinstance(value, (str, list, tuple)):
        raise ArgumentError(f"A list or text with commas is needed, and this is of type {type_name(value)}.")
    parts = value.split(",") if isinstance(value, str) else value
    return list(dict.fromkeys(part for part in (str(part).strip() for part in parts) if part))


def faults(lists: Mapping[str, Any], cut_off: str = "") -> list[str]:
    """Return a sentence for each list that may have lost an element, and for text that Ansible cut off.

    lists: the value of each variable, as for ``elements``, by the variable's name.
    cut_off: the text after a blank on the command line, which Ansible put into ``_raw_params``; empty if none.
    """
    found = [fault for fault in (_fault_of(name, value) for name, value in lists.items() if value is not None) if fault]
    if names_files(cut_off):
        found += [
            f"{shown(word)} is no variable. To read the variables in that file, write -e @{word}."
            for word in cut_off.split()
        ]
    elif cut_off:
        found.append(
            f"Ansible cut off {shown(cut_off)}, because there is a blank before it on the command line. Write lists "
            "without blanks, such as -e NAME=A,B, and put other values with blanks in quotes, such as "
            "-e \"key_comment='two words'\"."
        )
    return found


_FILE = re.compile(r"[\w./~-]+\.(?:ya?ml|json)", re.IGNORECASE)


def names_files(cut_off: str) -> bool:
    """Return whether what Ansible cut off is a file of variables whose ``@`` is missing, or several of them.

    Ansible takes ``-e sftp.yml`` for text that is no variable. cut_off: as for ``faults``.
    """
    words = cut_off.split()
    return bool(words) and all(_FILE.fullmatch(word) for word in words)


def _fault_of(name: str, value: Any) -> str:
    if isinstance(value, (list, tuple)):
        is_whole = all(isinstance(part, str) and part.strip() for part in value)
        return "" if is_whole else f"{name} has an element that is empty or not text. Remove it, or give its value."
    if not isinstance(value, str):
        return f"{name} is of type {type_name(value)}. Give a list, or text with commas between its elements."
    text = value.strip()
    if text.endswith(","):
        return (
            f"{name} is {shown(text)}, which ends in a comma, so an element is missing. Ansible cuts an argument of -e "
            f"at the first blank: write the list without blanks, such as -e {name}=A,B."
        )
    if text and not all(part.strip() for part in text.split(",")):
        return f"{name} is {shown(text)}, which has nothing before a comma. Add the missing element."
    return ""
