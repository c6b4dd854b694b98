# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Applying what is declared for Transfer Family servers, by calls of modules. Pure, but for these calls.

Every server is tried. Its declaration is applied first, and then its old keys are listed.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Protocol, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer import summary
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.ages import Judged, Rules, judge
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.summary import Answers, all_declared, users_of


class CallsModules(Protocol):
    """Calls a module of this collection, by its short name, and returns its result, also when it failed."""

    def __call__(self, module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call it. arguments: its options."""


class Applied(NamedTuple):
    """servers: the fact ssh_access_transfer_result. says: lines for people. failures: sentences."""

    servers: list[dict[str, Any]]
    says: list[str]
    failures: list[str]


def apply(
    servers: Sequence[Mapping[str, Any]],
    call: CallsModules,
    rules: Rules,
    *,
    unsupported_keys: str,
    wait_timeout: int,
    concurrency: int,
    pretends: bool,
) -> Applied:
    """Make the users of each server and their keys as declared, and report or remove keys that are too old.

    servers: as declarations.Declarations has them. pretends: whether the modules send nothing, as in check mode.
    """
    of_all = {"unsupported_keys": unsupported_keys, "concurrency": concurrency}
    results = [_apply_to_server(server, call, rules, of_all, wait_timeout, pretends=pretends) for server in servers]
    says = [summary.headline(results, pretends=pretends), *summary.lines(results)]
    return Applied(results, says, summary.failures(results))


def _apply_to_server(
    server: Mapping[str, Any],
    call: CallsModules,
    rules: Rules,
    of_all: Mapping[str, Any],
    wait_timeout: int,
    *,
    pretends: bool,
) -> dict[str, Any]:
    of_server = {**server["aws"], "server_id": server["server_id"], "concurrency": of_all["concurrency"]}
    answers, judged = Answers(), Judged([], [])
    if server["declared_users"]:
        arguments = {**of_all, **of_server, "users": server["declared_users"]}
        answers = answers._replace(making=call("transfer_user", arguments))
    if server["declared"]:
        arguments = {**of_all, **of_server, "wait_timeout": wait_timeout, "users": server["declared"]}
        answers = answers._replace(declaring=call("transfer_ssh_key", arguments))
    if rules.limit_days > 0:
        named = {"user_names": server["user_names"]} if server["user_names"] else {}
        answers = answers._replace(looking=call("transfer_ssh_key_info", {**of_server, **named}))
        outcomes = [*users_of(answers.making), *users_of(answers.declaring)]
        judged = judge(all_declared(server), outcomes, users_of(answers.looking), rules)
    if judged.removals:
        arguments = {**of_server, "users": judged.removals, "state": "absent"}
        answers = answers._replace(removing=call("transfer_ssh_key", arguments))
    return summary.server_result(server, answers, judged, pretends=pretends)
