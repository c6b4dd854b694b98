# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of push, tunnel and ssh failed, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING

from ansible_collections.sshkeys.aws.plugins.module_utils import _ssh_diagnosis
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import capitalized, printable
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_diagnosis import Cause
from ansible_collections.sshkeys.aws.plugins.module_utils._ways import is_managed_node

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings


class Step(Enum):
    """What is done for a connection. The value says what did not work."""

    SET_UP = "The connection could not be prepared."
    PUSH = "The key could not be pushed, so ssh did not connect."
    HOST_KEYS = "The key was pushed, and the host keys of the instance could not be read, so ssh did not connect."
    FIND = "The key was pushed, and no address of the instance could be found, so ssh did not connect."
    TUNNEL = "The key was pushed, and no tunnel could be opened."
    TUNNEL_ENDED = "The tunnel has ended."
    SESSION = "The key was pushed, and no session could be opened through Session Manager."
    SESSION_ENDED = "The session of Session Manager has ended."
    CONNECT = "The key was pushed, and the instance could not be reached."
    WAYS = "The key was pushed, and no way to the instance worked."


def failure(
    said: str,
    settings: Settings,
    told: Mapping[str, str] | None,
    *,
    closed_ways: str = "",
    has_lost_the_broker: bool = False,
) -> str:
    """Return what a user is told when ssh failed.

    said: by ansible-core and ssh. told: by the broker, the name of the step that failed and a sentence; None if all of
    its steps worked. closed_ways: why the ways before the one that was taken were closed, as sentences.
    has_lost_the_broker: whether the broker has ended.
    """
    where = settings["instance_id"]
    if told:
        step, sentence = Step[told["step"]], told["sentence"]
        ending = f" {said}" if step in (Step.TUNNEL_ENDED, Step.SESSION_ENDED) else ""
        return f"{where}: {_what_failed(step, where)} {sentence}{hint(step, sentence)}{ending}"
    if _NO_CONNECTION in said:
        return f"{where}: {Step.SET_UP.value} {_KILLED}"
    cause = _ssh_diagnosis.cause_of(_without_other_keys(said, settings["public_key_file"]))
    if cause in _REFUSALS:
        pushed = "" if is_managed_node(where) else "the key was pushed, and "
        happened = f"{pushed}ssh did not accept the key."
        return f"{where}: {happened} {said.rstrip()} {_ssh_diagnosis.meaning_of(cause, _login(settings))}"
    others = f" Other ways to it were closed: {closed_ways}" if closed_ways else ""
    if has_lost_the_broker:
        return f"{where}: the connection has ended. {_sentence(said)} {_KILLED}{others}"
    if cause in _ENDS:
        meaning = _ssh_diagnosis.meaning_of(Cause.NOT_READY, _login(settings))
        return f"{where}: the connection has ended. {_sentence(said)} {meaning}{others}"
    return f"{where}: {_sentence(said)}{others}" if others else f"{where}: {said}"


def _sentence(said: str) -> str:
    """Return what ssh said, with a period at its end."""
    said = said.rstrip()
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _what_failed(step: Step, instance_id: str) -> str:
    if not is_managed_node(instance_id):
        return step.value
    # No key is pushed to it.
    return capitalized(step.value.replace("The key was pushed, and ", ""))


def is_refusal(said: str, settings: Settings) -> bool:
    """Return whether sshd has refused the key, and so nothing was done on the instance.

    said: by ansible-core and ssh. Only the last line of ssh itself counts: a command may say such things, too.
    """
    own_line = rf"\S+@{re.escape(settings['name'])}: Permission denied \([^)]*\)\.?\s*"
    return re.search(rf"(^|\s){own_line}\Z", said) is not None


def unreachable_broker(error: OSError) -> dict[str, str]:
    """Return the failure of a connection for which there is no broker, as ``failure`` takes it."""
    sentence = (
        f"The process that makes the connections (broker.py) cannot be reached: {printable(error)}. Look "
        "at the processes and the memory of this machine, and run again."
    )
    return {"step": Step.SET_UP.name, "sentence": sentence}


def _without_other_keys(said: str, public_key_file: str) -> str:
    """Return what ssh said without its remarks about other keys: the user's configuration may name missing ones."""
    ours = {public_key_file, public_key_file.removesuffix(".pub")}
    return _MISSING_KEY.sub(lambda found: found[0] if found[1] in ours else "", said)


# ssh says this if its ProxyCommand has sent none (sshconnect.c, ssh_proxy_fdpass_connect).
_NO_CONNECTION = "proxy dialer did not pass back a connection"
_KILLED = (
    "The process that makes the connections (broker.py) or the program that asks it for one "
    "(proxy_command.py) was killed. Look at the processes and the memory of this machine, and run again."
)
# ssh says this of each key that an option or the configuration names (ssh.c, load_public_identity_files).
_MISSING_KEY = re.compile("no such identity: (.*): No such file or directory")
_REFUSALS = (Cause.HOST_KEY, Cause.PRIVATE_KEY, Cause.REFUSED)
# The ProxyCommand has made the connection before ssh says this.
_ENDS = (Cause.NO_ANSWER, Cause.NOT_READY)


def _login(settings: Settings) -> _ssh_diagnosis.Login:
    is_node = is_managed_node(settings["instance_id"])
    of_console = (
        f"; with host_keys: console also in {settings['known_hosts']}, where the keys are that the instance printed to "
        "its console output"
    )
    return _ssh_diagnosis.Login(
        instance_id=settings["instance_id"],
        public_key=settings["public_key_file"],
        is_pushed=not is_node,
        known_hosts="" if is_node else of_console,
        host_key_advice="If the instance has new keys for a reason that you know, delete the old ones.",
        may_have_been_open=True,
    )


_LOOK = "Look at the security group of the instance (port 22 from this machine) and at its route."
_OTHER_WAY = (
    "If it cannot be reached from here, let the connection find another way: ansible_ec2_instance_connect_tunnel: auto."
)
_NO_HOST_KEYS = (
    "Add its keys to known_hosts under the instance id, or let ssh trust what the instance shows the first time: "
    "ansible_ec2_instance_connect_host_keys: accept-new."
)
_NO_STATE = "Set XDG_STATE_HOME in the environment of ansible-playbook to a folder that you can write to."
# Of the agent, which crashes in its versions of 2024.
_NO_SSHD = "Unable to connect to specified port|could not connect to the port|process failed unexpectedly"
_LOOPBACK = (
    "On the instance, the agent connects to localhost. So sshd must run there, and listen on the loopback address and "
    "on this port (ansible_port)."
)
_SECURITY_GROUP = "The security group of the instance must allow port 22 from that of the endpoint."

# What a step says, and what to do about it. The first that matches counts.
_HINTS = {
    Step.CONNECT: (
        ("refused", "It may still be booting, or its sshd listens on another port (ansible_port)."),
        ("not known|resolution|resolve|no address", "Set ansible_host to an address."),
        ("", f"{_LOOK} {_OTHER_WAY}"),
    ),
    Step.TUNNEL: (("Unable to connect to target", _SECURITY_GROUP),),
    Step.TUNNEL_ENDED: (("Unable to connect to target", _SECURITY_GROUP),),
    Step.SESSION: ((_NO_SSHD, _LOOPBACK),),
    Step.HOST_KEYS: (("cannot be written to", _NO_STATE), ("", _NO_HOST_KEYS)),
}


def hint(step: Step, sentence: str, *, is_one_of_many: bool = False) -> str:
    """Return what to do about a failure, as sentences after a blank, or an empty text.

    is_one_of_many: whether other ways were tried, too.
    """
    for pattern, advice in _HINTS.get(step, ()):
        if re.search(pattern, sentence):
            return f" {advice}".replace(f" {_OTHER_WAY}", "") if is_one_of_many else f" {advice}"
    return ""
