# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Hosts of a play that are opened with EC2 Instance Connect: what is wrong with one, and which of them share a call.

Pure, but for the question whether a file exists. Rules:
- A value that the service does not take is a fault of its own host, and does not stop the call for the others.
- Hosts with the same key, the same AWS options and the same limits share a call of ec2_instance_connect_key.
- Two names of one instance are one target. If they name different Availability Zones, the last one in order counts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import holds_private_key
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target


@dataclass(frozen=True)
class HostOptions:
    """What the variables of the role say of a host, each without ``ssh_access_``. Empty means that it is not set."""

    instance_id: str = ""
    os_user: str = ""
    availability_zone: str = ""
    private_key_file: str = ""
    public_key: str = ""

    @property
    def uses_pair_of_the_run(self) -> bool:
        """Whether the user has given no key."""
        return not (self.private_key_file or self.public_key)

    def target(self) -> Target:
        """Return what ec2_instance_connect_key pushes to. Raises ArgumentError for a value that it does not take."""
        return Target(self.instance_id, self.os_user, self.availability_zone or None)

    def faults(self, is_file: Callable[[str], bool]) -> list[str]:
        """Return a sentence for each thing that is wrong. is_file: whether a path names a file on the controller."""
        return [
            *self._faults_of_target(),
            *([] if self.uses_pair_of_the_run else self._faults_of_key(is_file)),
        ]

    def _faults_of_target(self) -> list[str]:
        if not self.instance_id:
            return [_NO_INSTANCE_ID]
        try:
            self.target()
        except ArgumentError as error:
            # Its sentences begin with the option, and the variable of the role has the same name behind its prefix.
            return [f"ssh_access_{error}"]
        return []

    def _faults_of_key(self, is_file: Callable[[str], bool]) -> list[str]:
        faults = []
        file = self.private_key_file
        if file and not self.public_key and not is_file(f"{file}.pub"):
            faults.append(
                f"The public half of ssh_access_private_key_file, {file}.pub, is not a file on the controller. Write "
                "it with ssh-keygen -y, or give the key as ssh_access_public_key."
            )
        if file and not is_file(file):
            faults.append(f"ssh_access_private_key_file, {file}, is not a file on the controller.")
        if holds_private_key(self.public_key):
            faults.append(
                "ssh_access_public_key is a private key, so it is not shown here. Give its public half, the .pub file."
            )
        return faults


_NO_INSTANCE_ID = (
    "It has no instance id. The aws_ec2 inventory sets instance_id; where another variable has it, set "
    "ssh_access_instance_id to that variable."
)


class Call(NamedTuple):
    """What hosts must have in common to share a call.

    public_key: as text. aws: the options of amazon.aws that are set. region_source: the variable that names the region,
    empty if none of the role does. is_pair_of_the_run: whether nothing of the push outlives the run.
    pretends: whether nothing is sent, as in check mode.
    """

    public_key: str
    aws: Mapping[str, str]
    region_source: str
    min_validity: int
    concurrency: int
    is_pair_of_the_run: bool
    pretends: bool


class Host(NamedTuple):
    """A host that is to be opened. private_key_file: what ssh is given, which may be a public key for its agent."""

    name: str
    target: Target
    call: Call
    private_key_file: str

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Host:
        """Return the host that as_dict has described."""
        return cls(asked["name"], Target(**asked["target"]), Call(**asked["call"]), asked["private_key_file"])

    def as_dict(self) -> dict[str, Any]:
        """Return the host as a variable of Ansible holds it."""
        target = {name: value for name, value in asdict(self.target).items() if value is not None}
        return {**self._asdict(), "target": target, "call": self.call._asdict()}


class SharedCall(NamedTuple):
    """A call, and the hosts that share it."""

    call: Call
    hosts: list[Host]

    @property
    def targets(self) -> list[dict[str, str]]:
        """The targets, each once, as the option ``targets`` of ec2_instance_connect_key takes them."""
        return _targets([host.target for host in self.hosts])


def shared_calls(hosts: Sequence[Host]) -> list[SharedCall]:
    """Return the calls that open the hosts, each once, in the order of the hosts."""
    calls: list[SharedCall] = []
    for host in hosts:
        shared = next((shared for shared in calls if shared.call == host.call), None)
        if shared is None:
            calls.append(SharedCall(host.call, [host]))
        else:
            shared.hosts.append(host)
    return calls


def _targets(targets: Sequence[Target]) -> list[dict[str, str]]:
    found: dict[tuple[str, str | None], str] = {}
    for target in targets:
        name = target.instance_id, target.os_user
        found[name] = max(found.get(name, ""), target.availability_zone or "")
    return [
        {"instance_id": instance_id, "os_user": str(os_user), **({"availability_zone": zone} if zone else {})}
        for (instance_id, os_user), zone in found.items()
    ]


@dataclass(frozen=True)
class Opening:
    """What became of a host.

    result: the fact ssh_access_instance_connect_result, whose ``msg`` is empty unless the push failed.
    region: the region of the call and what named it, for a sentence.
    """

    host: Host
    result: dict[str, Any]
    region: str

    @property
    def is_open(self) -> bool:
        """Whether the key lives on the instance. It does not after a push that check mode has only predicted."""
        return not self.result["msg"] and self.result.get("pushed_at") is not None

    def as_dict(self) -> dict[str, Any]:
        """Return it as a variable of Ansible holds it."""
        return {
            "result": self.result,
            "is_open": self.is_open,
            "os_user": self.host.target.os_user,
            "instance_id": self.host.target.instance_id,
            "private_key_file": self.host.private_key_file,
            "is_pair_of_the_run": self.host.call.is_pair_of_the_run,
            "says": self.sentence(),
        }

    def sentence(self) -> str:
        """Return what is told of the host: what was opened for whom until when, or why not."""
        name, target, result = self.host.name, self.host.target, self.result
        opens = f"{target.instance_id} for {target.os_user}"
        if result["msg"]:
            where = f"{opens} in {self.region}"
            return f"{name}: the key could not be pushed to {where}, so ssh was not tried. {result['msg']}"
        if self.is_open:
            # Such as 2026-11-25T10:01:00Z.
            until = str(result["expires_at"]).partition("T")[2].rstrip("Z")
            key = result["fingerprint"]
            return f"{name}: opened {opens} until {until} UTC (key {key})."
        return (
            f"{name}: the key would be pushed to {opens}. Check mode pushes nothing, so ssh has no way "
            f"in, and the play ends here for {name}. With ssh_access_connect_in_check_mode set to true, the "
            "key is pushed and check mode goes on."
        )


def opening_of(host: Host, answer: Mapping[str, Any]) -> Opening:
    """Return what became of a host. answer: the result of ec2_instance_connect_key for its call."""
    pushed = _pushed(host.target, answer.get("targets") or ())
    result = {
        **pushed,
        "private_key_file": host.private_key_file,
        "fingerprint": (answer.get("key") or {}).get("fingerprint", ""),
        "msg": "" if pushed.get("success") else _reason(pushed, answer),
    }
    region = answer.get("region") or host.call.aws.get("region") or "the default region"
    source = host.call.region_source or answer.get("region_source") or "no region is set"
    return Opening(host, result, f"{region} ({source})")


def _pushed(target: Target, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    for result in results:
        if (result["instance_id"], result["os_user"]) == (target.instance_id, target.os_user):
            return dict(result)
    return {}


def _reason(pushed: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    error = pushed.get("error")
    if error:
        return str(ServiceError(**error))
    return str(
        answer.get("msg") or "The module ec2_instance_connect_key gave no reason. Run with -vvv to see its result."
    )
