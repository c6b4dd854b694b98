# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup sshkeys.aws.transfer_declarations, for the role ssh_access."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_declarations
short_description: What is declared for the users of Transfer Family servers, and what is wrong with it
version_added: 0.1.0
description:
  - Reads the public keys of users from texts, files and folders on the controller, judges all of them, and returns what
    M(sshkeys.aws.transfer_ssh_key) is to be called with. The role P(sshkeys.aws.ssh_access#role) uses it.
  - The name of a file or a folder counts as it is written. A relative path begins at the folder of the playbook.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  _terms:
    description:
      - The servers, each a dictionary as the variable C(ssh_access_transfer_servers) of the role
        P(sshkeys.aws.ssh_access#role) has them.
    type: list
    elements: dict
    required: true
  unsupported_keys:
    description:
      - What to do with a sound key of a type that Transfer Family does not take, as the option of the same name of
        M(sshkeys.aws.transfer_ssh_key).
    type: str
    choices: [fail, skip]
    default: fail
  looks_for_old_keys:
    description:
      - Whether to allow a user for whom no key is declared, because the role looks for its old keys.
    type: bool
    default: false
seealso:
  - module: sshkeys.aws.transfer_ssh_key
"""

EXAMPLES = r"""
- name: Refuse a declaration that cannot be meant
  ansible.builtin.assert:
    that: declarations.faults == []
    fail_msg: "{{ declarations.faults | join(' ') }}"
  vars:
    declarations: "{{ query('sshkeys.aws.transfer_declarations', *ssh_access_transfer_servers) | first }}"
"""

RETURN = r"""
_raw:
  description:
    - One element, a dictionary with C(servers) and C(faults).
    - C(servers) has a dictionary for each server, with C(name), C(server_id), C(region), C(profile), C(aws),
      C(user_names), and C(declared), a list for the option O(sshkeys.aws.transfer_ssh_key#module:users).
    - C(faults) has a sentence for everything that is wrong.
  type: list
  elements: dict
"""

import os
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.declarations import read_declarations


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible-core has no types
    """The lookup sshkeys.aws.transfer_declarations."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Return one element, what read_declarations returns as a dict."""
        self.set_options(var_options=variables, direct=kwargs)
        reads_files = lookup_loader.get("ansible.builtin.file", loader=self._loader, templar=self._templar)
        found = read_declarations(
            terms,
            _Controller(self, reads_files, variables),
            unsupported_keys=self.get_option("unsupported_keys"),
            looks_for_old_keys=self.get_option("looks_for_old_keys"),
        )
        return [found._asdict()]


class _Controller:
    """The files of the controller, as lookups of Ansible find and read them."""

    def __init__(self, lookup: Any, reads_files: Any, variables: Any) -> None:
        """reads_files: the lookup ansible.builtin.file, which decrypts what ansible-vault has encrypted."""
        self._lookup, self._reads_files, self._variables = lookup, reads_files, variables

    def find(self, name: str) -> str | None:
        """Return the path of a file or a folder, None where there is none."""
        found = self._lookup.find_file_in_search_path(self._variables, "files", name, ignore_missing=True)
        return str(found) if found else None

    def read(self, path: str) -> str:
        """Return the text of a file. Raises ArgumentError where it cannot be read."""
        try:
            (text,) = self._reads_files.run([path], self._variables)
        except (AnsibleError, OSError, ValueError) as error:
            raise ArgumentError(f"The file {path} cannot be read: {printable(error)}") from error
        return str(text)

    def public_keys_in(self, folder: str) -> list[str] | None:
        """Return the paths of the ``*.pub`` files in a folder, sorted; None where there is no such folder."""
        path = self.find(folder)
        if path is None or not os.path.isdir(path):
            return None
        names = [name for name in os.listdir(path) if name.endswith(".pub") and not name.startswith(".")]
        paths = [os.path.join(path, name) for name in sorted(names)]
        return [path for path in paths if os.path.isfile(path)]
