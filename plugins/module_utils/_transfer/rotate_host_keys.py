# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The host key of the server that a rotation logs in to: whether it is one that the service states. Pure.

The login is the proof that the new key works, and the old key goes because of it. A proof by somebody else's server is
none. Rules:
- If the user says where ssh finds host keys, in ssh_args, ssh looks there and nowhere else.
- Else, if the service states host keys, the server must show one of them before anything is changed.
- Else ssh looks into the user's known_hosts files, as always, and the rotation says why.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.known_hosts import HostKeyError, known_hosts
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_options import quoted
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import RotateRequest


@dataclass(frozen=True)
class RotateHostKeys:
    """What is known of the host keys of the server.

    stated: those that the service states, as transfer_server_info returns them. Empty where they are not asked for, or
      unknown.
    unknown: a sentence that says why the stated host keys are unknown; empty where they are known or not asked for.
    """

    stated: Sequence[Mapping[str, Any]] = ()
    unknown: str = ""

    @classmethod
    def read(cls, known: Mapping[str, Any]) -> RotateHostKeys:
        """Make it of what the filter transfer_rotate_host_keys returns; an empty dict for nothing."""
        return cls(known.get("stated", ()), known.get("unknown", ""))


def stated_host_keys(request: RotateRequest, described: Mapping[str, Any]) -> RotateHostKeys:
    """Return the host keys that the service states.

    described: the result of transfer_server_info, without ``servers`` where it was not called or could not read them.
    """
    if not request.checks_host_key:
        return RotateHostKeys()
    server = (described.get("servers") or [{}])[0]
    listed, default = server.get("host_keys"), server.get("host_key_fingerprint")
    # Only DescribeServer would state a host key that the service has made by itself and does not list.
    unlisted = default and default not in [key["fingerprint"] for key in listed or ()]
    stated = [*(listed or ()), *([{"type": None, "fingerprint": default}] if unlisted else ())]
    # A default key alone says nothing of the other keys that the server may show.
    if listed is not None and stated:
        return RotateHostKeys(stated=stated)
    reason = str(described.get("msg") or "It states none.").strip()
    return RotateHostKeys(unknown=f"The host keys that the service states are unknown: {reason}")


def host_key_options(file: str, *, is_first: bool) -> str:
    """Return the arguments of sftp that make a file the only place where it finds host keys, quoted for a shell.

    file: a path. is_first: whether an unknown key is written there, to be looked at, instead of refused.
    """
    checking = "accept-new" if is_first else "yes"
    options = (
        f"UserKnownHostsFile={quoted(file)}",
        "GlobalKnownHostsFile=/dev/null",
        f"StrictHostKeyChecking={checking}",
        "HashKnownHosts=no",
    )
    return " ".join(f"-o {shlex.quote(option)}" for option in options)


def host_key_fault(host_keys: RotateHostKeys, shown: str, said: str) -> str:
    """Return why the server must not be trusted, as sentences; empty if it may be.

    shown: the lines of the known_hosts file that ssh has written. said: what sftp printed on standard error.
    """
    try:
        known_hosts(shown, host_keys.stated, said=said)
    except HostKeyError as error:
        front = "" if not shown.strip() else f" {_IN_FRONT}"
        return f"{error}{front} Nothing was changed."
    except ArgumentError as error:
        return f"{error} Nothing was changed."
    return ""


_IN_FRONT = (
    "If sftp_host is a server of your own in front, give its host key in a file: -e "
    "'ssh_args=\"-o UserKnownHostsFile=FILE\"'."
)
