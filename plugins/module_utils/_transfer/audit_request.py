# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The variables of the playbook transfer_audit: read, checked, and put into one request. Pure.

A relative path is made absolute here, in the current folder of the user: modules run in the folder of the playbook.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Collection, Iterator, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._comma_list import elements, faults as comma_list_faults
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import REMARKS
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import is_server_id, is_user_name
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.paths import Paths, shown_path

_ALL = "all"
_LISTS = ("server_ids", "user_names", "fail_on")
_MISSPELT = re.compile(
    r"(fail|failons?|fail_ons|(fails|failed|failure)_?on|max_(key_|keys_)ages?(_day)?|max_keys_ages?_days"
    r"|max_ages?_days?)"
)
# What was pasted into the wrong variable may be a private key, and must not come out again.
_SHOWN_AT_MOST = 40


@dataclass(frozen=True)
class AuditRequest:
    """What an audit is asked for.

    faults: sentences that say why it must not begin; empty where it may.
    server_ids: each once. user_names: to read no others; empty for all.
    limit: a key that a user has had for more days is old.
    report_file: the absolute path of the report, empty where none is asked for.
    fail_on: the names of the remarks that make the playbook fail.
    """

    faults: tuple[str, ...]
    server_ids: tuple[str, ...]
    user_names: tuple[str, ...]
    limit: int
    report_file: str
    fail_on: tuple[str, ...]


def read_audit_request(
    variables: Mapping[str, Any], paths: Paths, *, defined: Collection[str] = (), cut_off: str = ""
) -> AuditRequest:
    """Read what an audit is asked for.

    variables: the values of the variables that the playbook documents, by name; None for one that is not set. There is
      always a max_key_age_days.
    defined: the names of all variables that are set.
    cut_off: what Ansible found after a blank on the command line and put into ``_raw_params``; empty if nothing.
    """
    lists = {name: variables.get(name) for name in _LISTS}
    list_faults = comma_list_faults(lists, cut_off)
    # The elements of a list with a fault say nothing about what was meant: the sentence about the fault is enough.
    server_ids, user_names, remarks = ([] if list_faults else elements(value) for value in lists.values())
    servers = elements([variables.get("server_id") or "", *server_ids])
    limit = str(variables.get("max_key_age_days")).strip()
    report_file = str(variables.get("report_file") or "").strip()
    report_file = paths.absolute(report_file) if report_file else ""
    faults = [
        *list_faults,
        *([] if servers or list_faults else [_NO_SERVER]),
        *_faults_of_elements(servers, user_names),
        *_faults_of_names(defined),
        *_faults_of_limit(limit),
        *_faults_of_remarks(remarks),
        *_faults_of_report(report_file, paths),
    ]
    return AuditRequest(
        faults=tuple(faults),
        server_ids=tuple(servers),
        user_names=tuple(user_names),
        limit=0 if faults else int(limit),
        report_file=report_file,
        fail_on=REMARKS if _ALL in remarks else tuple(remarks),
    )


_NO_SERVER = "Say which server to audit, such as -e server_id=s-01234567890abcdef, or several with server_ids."


def _faults_of_elements(servers: Sequence[str], users: Sequence[str]) -> Iterator[str]:
    unfit = [server for server in servers if not is_server_id(server)]
    if unfit:
        yield (
            f"{_quoted(unfit)} is not the id of a server, such as s-01234567890abcdef. Give several servers in "
            "server_ids, with commas between them."
        )
    unfit = [user for user in users if not is_user_name(user)]
    if unfit:
        yield (
            f"user_names has {_quoted(unfit)}, which Transfer Family does not take as the name of a user. A name has 3 "
            "to 100 letters, digits and _ @ . -, and begins with a letter, a digit or _."
        )


def _faults_of_names(defined: Collection[str]) -> Iterator[str]:
    misspelt = sorted(name for name in set(defined) if _MISSPELT.fullmatch(name))
    if misspelt:
        yield (
            f"There is no variable {', '.join(misspelt)}. The names are server_id, server_ids, user_names, "
            "max_key_age_days, report_file and fail_on."
        )


def _faults_of_limit(limit: str) -> Iterator[str]:
    if not re.fullmatch("[0-9]+", limit):
        yield f"max_key_age_days is {_quoted([limit])}, and must be a whole number of days, 0 or more."


def _faults_of_remarks(remarks: Sequence[str]) -> Iterator[str]:
    unknown = [remark for remark in remarks if remark not in (*REMARKS, _ALL)]
    if unknown:
        yield f"fail_on has {_quoted(unknown)}. It can have {', '.join(REMARKS)}, or {_ALL}."


def _faults_of_report(report_file: str, paths: Paths) -> Iterator[str]:
    if not report_file:
        return
    folder = os.path.dirname(report_file)
    if paths.is_folder(report_file):
        yield f"report_file is {shown_path(report_file)}, which is a folder. Name a file in it."
    elif not paths.is_folder(folder):
        yield (
            f"The report would go into {shown_path(folder)}, and there is no such folder. Make it, or set report_file."
        )


def _quoted(texts: Sequence[str]) -> str:
    """Return texts for a sentence, without the long ones."""
    long = f"(a text of more than {_SHOWN_AT_MOST} characters)"
    return ", ".join(f"'{long}'" if len(text) > _SHOWN_AT_MOST else repr(text) for text in texts)
