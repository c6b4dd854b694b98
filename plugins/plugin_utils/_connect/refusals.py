# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The refusals of a connection before ssh is started, each as a sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import shown
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_options import Told
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings

# Characters of a user's value in a sentence.
_SHOWN = 60


def proxy(option: str, told: Told) -> str:
    """Return the refusal of a proxy in an option of Ansible, or an empty string if it is harmless.

    option: such as ``ssh_common_args``. told: its ProxyCommand or ProxyJump.
    """
    text = f"{told.text:.{_SHOWN}}"
    if told.value.lower() != "none":
        return (
            f"{option} contains {text}, but ansible_connection: sshkeys.aws.ec2_instance_connect makes its own way to "
            f"the instance. Remove it from {option}, or keep it and use ansible_connection: ssh with the role "
            "sshkeys.aws.ssh_access, which pushes the key and leaves the way to ssh."
        )
    if text.startswith("-J"):
        return (
            f"{option} contains {text}, which ssh does not accept with a ProxyCommand, and ansible_connection: "
            "sshkeys.aws.ec2_instance_connect sets one. Write -o ProxyJump=none."
        )
    return ""


def name(variable: str, value: str) -> str:
    """Return the refusal of an impossible name of a host or a user. variable: the one that holds it."""
    return f"{variable} is {shown(value)}, which is not a valid name. Look for a stray character in it."


def tunnel_duration(seconds: int, longest: int) -> str:
    """Return the refusal of a duration of tunnels that AWS does not allow. longest: in seconds, too."""
    return (
        f"ansible_ec2_instance_connect_max_tunnel_duration is {seconds}, and AWS allows 1 to {longest} seconds for a "
        "tunnel through an EC2 Instance Connect Endpoint."
    )


def instance(host: str, given: str, *, is_localhost: bool) -> str:
    """Return the refusal of a host whose instance id is unknown.

    host: its name in the inventory. given: the value of its instance id, if any.
    is_localhost: whether the name means the controller itself.
    """
    if given:
        return (
            f"The instance id of {host}, {shown(given)}, is not valid: it must be 'i-' and hexadecimal digits, such as "
            "i-0123456789abcdef0, or the id of a managed node, such as mi-0123456789abcdef0."
        )
    if is_localhost:
        return (
            f"This task runs on {host}, which is not an EC2 instance. The variable ansible_connection applies to "
            f"{host} too, even if a task is delegated to it. Set the connection of the play with the keyword instead: "
            "connection: sshkeys.aws.ec2_instance_connect. If the inventory has localhost, set ansible_connection: "
            "local for it there."
        )
    return (
        f"The instance id of {host} is unknown. Set the variable instance_id, as the amazon.aws.aws_ec2 inventory "
        "does, or name the host by its instance id. If that inventory has hostvars_prefix or hostvars_suffix, let its "
        "compose set instance_id, placement, private_ip_address, public_ip_address, vpc_id and subnet_id, such as "
        "instance_id: aws_instance_id for hostvars_prefix: aws_."
    )


def managed_node(settings: Settings) -> str:
    """Return the refusal of a managed node, or an empty string if it can be reached with these settings."""
    node = settings["instance_id"]
    if settings["is_key_of_the_run"]:
        return (
            f"{node} is a managed node of Systems Manager, and EC2 Instance Connect pushes keys only to EC2 instances. "
            "Set ansible_private_key_file to a key that the user there accepts already, or "
            "ansible_ec2_instance_connect_public_key to the public half of one in the ssh agent."
        )
    if settings["tunnel"] == "endpoint":
        return (
            f"{node} is a managed node of Systems Manager, and no EC2 Instance Connect Endpoint leads to one. Set "
            "ansible_ec2_instance_connect_tunnel to session_manager or auto."
        )
    return ""


def secrets(options: Sequence[str]) -> str:
    """Return the refusal of AWS credentials in variables of a host. options: their names."""
    variables = " and ".join(f"ansible_ec2_instance_connect_{option}" for option in options)
    return (
        f"Its credentials are in {variables}, and the file for ssh holds no secret. Name a profile instead, in "
        "ansible_ec2_instance_connect_profile."
    )


def user(value: str) -> str:
    """Return the refusal of a user that the file for ssh cannot hold."""
    return (
        f"ansible_user is {shown(value)}, and the file for ssh holds no user with a quotation mark, '%', '${{' or a "
        "backslash at its end. Leave it out there, and name the user with ssh -l."
    )


def port(value: int) -> str:
    """Return the refusal of an impossible port."""
    return f"ansible_port is {value}, which is no port: it must be from 1 to 65535."


def control_character(variable: str, value: str) -> str:
    """Return the refusal of a value that no line of the file for ssh holds. variable: the one that holds it."""
    return (
        f"{variable} is {shown(value)}, which has a control character, such as a line break. Look for a stray "
        "character in it."
    )


def escapes(of: str, version: tuple[int, int]) -> str:
    """Return the refusal of a path that no option can hold. of: the holder of the path. version: of OpenSSH."""
    return (
        f"{of} has a quotation mark or a backslash that no option of OpenSSH {version[0]}.{version[1]} can hold. Use a "
        "path without it, or OpenSSH 8.7 or later."
    )


def control_path(folder: str) -> str:
    """Return the refusal of an unusable folder for ssh's sockets."""
    return (
        f"The folder for the sockets of ssh, {folder}, cannot be written to. Set control_path_dir in the section "
        "[ssh_connection] of ansible.cfg, or ANSIBLE_SSH_CONTROL_PATH_DIR, to a folder that can."
    )
