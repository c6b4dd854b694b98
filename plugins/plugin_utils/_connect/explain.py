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
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_diagnosis import Cause

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
    CONNECT = "The key was pushed, and the instance could not be reached."


def failure(said: str, settings: Settings, told: Mapping[str, str] | None) -> str:
    """Return what a user is told when ssh failed.

    said: by ansible-core and ssh. told: by the broker, the name of the step that failed and a sentence; None if all of
    its steps worked.
    """
    where = settings["instance_id"]
    if told:
        step, sentence = Step[told["step"]], told["sentence"]
        ending = f" {said}" if step is Step.TUNNEL_ENDED else ""
        return f"{where}: {step.value} {sentence}{_hint(step, sentence)}{ending}"
    if _NO_CONNECTION in said:
        return f"{where}: {Step.SET_UP.value} {_KILLED}"
    cause = _ssh_diagnosis.cause_of(_without_other_keys(said, settings["public_key_file"]))
    if cause in _REFUSALS:
        happened = "the key was pushed, and ssh did not accept the key."
    elif cause in _ENDS:
        happened, cause = "the connection has ended.", Cause.NOT_READY
    else:
        return f"{where}: {said}"
    return f"{where}: {happened} {said.rstrip()} {_ssh_diagnosis.meaning_of(cause, _login(settings))}"


def is_refusal(said: str, settings: Settings) -> bool:
    """Return whether sshd has refused the key, and so nothing was done on the instance.

    said: by ansible-core and ssh. Only the last line of ssh itself counts: a command may say such things, too.
    """
    own_line = rf"\S+@{re.escape(settings['name'])}: Permission denied \([^)]*\)\.?\s*"
    return re.search(rf"(^|\s){own_line}\Z", said) is not None


def unreachable_broker(error: OSError) -> dict[str, str]:
    """Return the failure of a connection for which there is no broker, as ``failure`` takes it."""
    sentence = (
        f"The process that makes the connections of this run (broker.py) cannot be reached: {printable(error)}. Look "
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
    "The process that makes the connections of this run (broker.py) or the program that asks it for one "
    "(proxy_command.py) was killed. Look at the processes and the memory of this machine, and run again."
)
# ssh says this of each key that an option or the configuration names (ssh.c, load_public_identity_files).
_MISSING_KEY = re.compile("no such identity: (.*): No such file or directory")
_REFUSALS = (Cause.HOST_KEY, Cause.PRIVATE_KEY, Cause.REFUSED)
# The ProxyCommand has made the connection before ssh says this.
_ENDS = (Cause.NO_ANSWER, Cause.NOT_READY)


def _login(settings: Settings) -> _ssh_diagnosis.Login:
    return _ssh_diagnosis.Login(
        instance_id=settings["instance_id"],
        public_key=settings["public_key_file"],
        known_hosts=(
            f"; with host_keys: console also in {settings['known_hosts']}, where the keys are that the instance "
            "printed to its console output"
        ),
        host_key_advice="If the instance has new keys for a reason that you know, delete the old ones.",
        may_have_been_open=True,
    )


_UNREACHABLE = (
    "Look at the security group of the instance (port 22 from this machine) and at its route. If it cannot be reached "
    "from here, go through an EC2 Instance Connect Endpoint: ansible_ec2_instance_connect_tunnel: always."
)
_NO_HOST_KEYS = (
    "Add its keys to known_hosts under the instance id, or let ssh trust what the instance shows the first time: "
    "ansible_ec2_instance_connect_host_keys: accept-new."
)
_NO_STATE = "Set XDG_STATE_HOME in the environment of ansible-playbook to a folder that you can write to."
# Said of an address of the user's, where auto found no endpoint.
NO_ENDPOINT = "It was tried directly, because its VPC has no EC2 Instance Connect Endpoint."
_WITHOUT_ENDPOINT = (
    "Look at the security group of the instance (port 22 from this machine) and at its route. If it cannot be reached "
    "from here, create an endpoint in a subnet of the VPC: aws ec2 create-instance-connect-endpoint."
)
_SECURITY_GROUP = "The security group of the instance must allow port 22 from that of the endpoint."

# What a step says, and what to do about it. The first that matches counts.
_HINTS = {
    Step.CONNECT: (
        ("refused", "It may still be booting, or its sshd listens on another port (ansible_port)."),
        ("not known|resolution|resolve|no address", "Set ansible_host to an address."),
        (NO_ENDPOINT, _WITHOUT_ENDPOINT),
        ("", _UNREACHABLE),
    ),
    Step.TUNNEL: (("Unable to connect to target", _SECURITY_GROUP),),
    Step.TUNNEL_ENDED: (("Unable to connect to target", _SECURITY_GROUP),),
    Step.HOST_KEYS: (("cannot be written to", _NO_STATE), ("", _NO_HOST_KEYS)),
}


def _hint(step: Step, sentence: str) -> str:
    for pattern, hint in _HINTS.get(step, ()):
        if re.search(pattern, sentence):
            return f" {hint}"
    return ""
