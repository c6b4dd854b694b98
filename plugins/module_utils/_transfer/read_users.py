# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What the info modules for Transfer users do: read some users, or all of a server."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Callable, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import check_concurrency
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.role import ROLE_OPTIONS, check_role_arn
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import TRANSFER
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.transfer import user_names
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError, missing_user
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import fan_out
from ansible_collections.sshkeys.aws.plugins.module_utils._report import EMPTY_LIST, Report, in_region
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_user import held_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import check_server_id, check_user_name
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import ReadUser

OPTIONS: dict[str, Any] = {
    "server_id": {"type": "str", "required": True},
    "user_names": {"type": "list", "elements": "str", "aliases": ["user_name"]},
    "concurrency": {"type": "int", "default": 16},
    **ROLE_OPTIONS,
}

READ_SPEC = Spec(
    OPTIONS, checks={"server_id": check_server_id, "user_names": check_user_name, "assume_role_arn": check_role_arn}
)

# Makes a report of users that were read, of: the server, the users, the moment of the reading, and the region of the
# server if a user could not be read.
MakeReport = Callable[..., Report]


def read_users(params: Mapping[str, Any], session: Session, make_report: MakeReport) -> Report:
    """Read users as the options of READ_SPEC say, and report them. Raises SshKeysError before anything is sent."""
    server_id = params["server_id"]
    check_server_id(server_id)
    check_concurrency(params["concurrency"])
    for name in params["user_names"] or []:
        check_user_name(name)
    client = session.client(TRANSFER)

    def read(user_name: str) -> ReadUser:
        try:
            user = held_user(client, server_id, user_name)
        except ServiceError as error:
            return ReadUser(user_name, None, error)
        return ReadUser(user_name, user, None if user is not None else missing_user(server_id, user_name, _HINT))

    listed = params["user_names"] is None
    try:
        names = user_names(client, server_id) if listed else list(dict.fromkeys(params["user_names"]))
    except ServiceError as error:
        return Report(failure=f"{error} The server was {server_id}.{in_region(session.known_region)}")
    users = fan_out(read, names, params["concurrency"])
    if listed:
        # Drop a user who was deleted after the users were listed.
        users = [user for user in users if not (user.error and user.error.is_missing_user)]
    has_failed = any(user.error for user in users)
    region = session.known_region if has_failed else None
    report = make_report(server_id, users, datetime.now(tz=timezone.utc), region)
    if params["user_names"] == []:
        report.result["msg"] = EMPTY_LIST.format("user_names")
    return report


_HINT = "Check the spelling of the user name, and the server."
