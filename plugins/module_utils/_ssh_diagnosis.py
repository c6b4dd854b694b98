# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What ssh says when a login fails, and what that means. Pure.

The role ssh_access, the connection ec2_instance_connect and the playbook transfer_rotate explain ssh with it. The words
are those of OpenSSH 7.6 to 10.5 (sshconnect.c, sshconnect2.c, authfile.c, packet.c) and of the C library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Sequence


class Cause(Enum):
    """Why a login failed."""

    HOST_KEY = "the host key is unknown or has changed"
    PRIVATE_KEY = "ssh cannot use the private key"
    REFUSED = "sshd refused the key"
    NO_ANSWER = "no packet came back"
    NOT_READY = "sshd closed the connection, or does not listen"
    NO_ADDRESS = "the name of the host has no address"
    UNKNOWN = "ssh said something else"


# The first that matches counts: ssh may say several of them.
_WORDS = (
    (
        Cause.HOST_KEY,
        "Host key verification failed|HOST IDENTIFICATION HAS CHANGED|host key is known|authenticity of host",
    ),
    (
        Cause.PRIVATE_KEY,
        "no such identity|contents do not match public|error in libcrypto|invalid format|UNPROTECTED PRIVATE KEY",
    ),
    (Cause.REFUSED, "Permission denied|[Tt]oo many authentication failures"),
    (Cause.NO_ANSWER, "timed out|No route to host|Network is unreachable"),
    (Cause.NOT_READY, "Connection refused|closed by|reset by"),
    (Cause.NO_ADDRESS, "Could not resolve"),
)


@dataclass(frozen=True)
class Login:
    """A login that failed. What is empty is not known, and no sentence names it.

    instance_id: the name under which ssh looks up the host key. is_alias: whether that is not the name of the host.
    private_key_file: the file that ssh was given. public_key: what was pushed, for a sentence.
    known_hosts: where ssh looks for the host key, and host_key_advice: what to do about an unknown one.
    port: of sshd. more_causes: causes of a refusal that this way of logging in adds, each a sentence.
    traces: a sentence that says what the log of sshd holds.
    may_have_been_open: whether ssh may have been logged in before.
    is_pushed: whether the key was pushed; if not, it is one that the user there must accept already.
    """

    instance_id: str
    os_user: str = ""
    private_key_file: str = ""
    public_key: str = "the public key that was pushed"
    known_hosts: str = ""
    host_key_advice: str = ""
    port: str = ""
    more_causes: Sequence[str] = ()
    traces: str = ""
    may_have_been_open: bool = False
    is_pushed: bool = True
    is_alias: bool = True


def cause_of(said: str) -> Cause:
    """Return why a login failed. said: what ssh printed."""
    return next((cause for cause, words in _WORDS if re.search(words, said)), Cause.UNKNOWN)


def meaning_of(cause: Cause, login: Login) -> str:
    """Return sentences that say what a cause means, and what to do about it."""
    return " ".join(part for part in _SENTENCES[cause](login) if part)


def _host_key(login: Login) -> Sequence[str]:
    alias = " (HostKeyAlias)" if login.is_alias else ""
    where = f"It is looked up under {login.instance_id}{alias}{login.known_hosts}."
    return "The host key is unknown, or differs from the known one.", where, login.host_key_advice


def _private_key(login: Login) -> Sequence[str]:
    file = f" {login.private_key_file}" if login.private_key_file else ""
    must = f"It must be readable by its owner alone, and belong to {login.public_key}."
    return f"ssh cannot use the private key{file}.", must


def _refused(login: Login) -> Sequence[str]:
    user = f"no OS user {login.os_user}" if login.os_user else "no such OS user"
    of_a_push = (
        f"There is {user} on the instance: Amazon Linux has ec2-user, Ubuntu has ubuntu.",
        "The package ec2-instance-connect is not installed there.",
        "The sshd there has another AuthorizedKeysCommand, which the package leaves alone.",
        "Instance metadata is turned off, or a firewall on the instance blocks it.",
        "The clock of the instance is wrong, so that the key counts as expired.",
    )
    of_an_own_key = (
        f"The user there does not accept {login.public_key}: add it to its ~/.ssh/authorized_keys.",
        f"There is {user}.",
    )
    causes = (
        *(of_a_push if login.is_pushed else of_an_own_key),
        "sshd does not let this user in at all, for example as root.",
        *login.more_causes,
    )
    numbered = [f"({number}) {cause}" for number, cause in enumerate(causes, start=1)]
    return ("Likely causes, the likeliest first:", *numbered, login.traces)


def _no_answer(login: Login) -> Sequence[str]:
    port = login.port or 22
    look_at = (
        f"Look at the security group of the instance (port {port} from this machine), its route, and whether "
        "ansible_host is an address that can be reached from here."
    )
    return "No packet came back.", look_at


def _not_ready(login: Login) -> Sequence[str]:
    sshd = "If it ended at once, the sshd" if login.may_have_been_open else "The sshd"
    port = f"listen on another port than {login.port} (ansible_port), " if login.port else ""
    later = "If it ended later, the instance may have rebooted." if login.may_have_been_open else ""
    causes = f"it may still be booting, {port}or refuse this address after too many attempts."
    return f"{sshd} accepts no logins yet: {causes}", later


def _no_address(_login: Login) -> Sequence[str]:
    return (
        "The name in ansible_host is unknown. Use compose in the aws_ec2 inventory to set ansible_host to an address.",
    )


def _unknown(_login: Login) -> Sequence[str]:
    return ("Try the same by hand with ssh -v.",)


_SENTENCES = {
    Cause.HOST_KEY: _host_key,
    Cause.PRIVATE_KEY: _private_key,
    Cause.REFUSED: _refused,
    Cause.NO_ANSWER: _no_answer,
    Cause.NOT_READY: _not_ready,
    Cause.NO_ADDRESS: _no_address,
    Cause.UNKNOWN: _unknown,
}
