# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.transfer_rotate_request."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_rotate_request
short_description: What the playbook transfer_rotate is asked to do, and what is wrong with it
version_added: 0.1.0
description:
  - Reads and checks the variables of the playbook C(sshkeys.aws.transfer_rotate), which says what each of them means.
  - A relative path is made absolute, and begins in the current folder.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  _input:
    description: The values of the variables, by name. V(null) for one that is not set.
    type: dict
    required: true
  defined:
    description: The names of all variables that are set, to find misspelt ones.
    type: list
    elements: str
    default: []
  cut_off:
    description: The variable C(_raw_params), into which Ansible puts what it cuts off an argument of C(-e) at a blank.
    type: str
    default: ""
seealso:
  - plugin: sshkeys.aws.transfer_replaces
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse variables that cannot be used
  ansible.builtin.fail:
    msg: "{{ request.faults | join(' ') }}"
  when: request.faults | length > 0
  vars:
    variables: "{{ {'server_id': server_id, 'user_name': user_name, 'private_key_file': '~/.ssh/partner'} }}"
    request: "{{ variables | sshkeys.aws.transfer_rotate_request(defined=query('ansible.builtin.varnames', '.')) }}"
"""

RETURN = r"""
_value:
  description: The request.
  type: dict
  contains:
    faults:
      description:
        - Sentences that say why the rotation must not begin. An empty list where nothing is wrong.
        - Where the variables cannot even be read, C(public_keys), C(public_key_files) and C(private_key_file) are
          empty.
      type: list
      elements: str
    server_id:
      description: The id of the server.
      type: str
    user_name:
      description: The name of the user.
      type: str
    who:
      description: The user and its server, for sentences.
      type: str
      sample: partner on s-01234567890abcdef
    public_keys:
      description: The given keys.
      type: list
      elements: str
    public_key_files:
      description: The absolute paths of the files with given keys.
      type: list
      elements: str
    replaces:
      description: What names the keys to replace, as it was given.
      type: raw
    private_key_file:
      description: The absolute path of the private key file. An empty string with given keys.
      type: str
    folder:
      description: The folder of C(private_key_file).
      type: str
    new_file:
      description: The file of the new private key until it takes the place of C(private_key_file).
      type: str
    key_comment:
      description: The comment of the new pair.
      type: str
    keep_old_keys:
      description: Whether nothing is removed for now.
      type: bool
    sftp_host:
      description: Where to log in with the new key. An empty string where no login is asked for.
      type: str
    sftp_port:
      description: The port there.
      type: str
    sftp_user:
      description: The user there.
      type: str
    ssh_args:
      description: More arguments for sftp.
      type: str
    checks_host_key:
      description: Whether the server must show a host key that the service states.
      type: bool
"""

from dataclasses import asdict
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import read_rotate_request
from ansible_collections.sshkeys.aws.plugins.plugin_utils._paths import ControllerPaths
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def transfer_rotate_request(
    variables: Mapping[str, Any], defined: Sequence[str] = (), cut_off: str = ""
) -> dict[str, Any]:
    """Return the request as a dict."""
    request = read_rotate_request(plain(variables), ControllerPaths(), defined=plain(defined), cut_off=plain(cut_off))
    result: dict[str, Any] = plain(asdict(request))
    return result


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transfer_rotate_request": transfer_rotate_request}
