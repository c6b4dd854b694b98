# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup sshkeys.aws.private_key_files, for the playbook transfer_rotate."""

from __future__ import annotations

DOCUMENTATION = r"""
name: private_key_files
short_description: The private key file of a rotation, and the private keys beside it
version_added: 0.1.0
description:
  - Says which private keys there are in a file that the playbook C(sshkeys.aws.transfer_rotate) replaces, in the file
    with C(.new) after its name, and in those with C(.old-) and a time after it.
  - It asks C(ssh-keygen), which must be on the controller, and reads no private key itself.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  _terms:
    description: The absolute path of the private key file, which need not exist. Nothing is found for an empty string.
    type: list
    elements: str
    required: true
seealso:
  - plugin: sshkeys.aws.transfer_replaces
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Say which private keys there are
  ansible.builtin.debug:
    msg: "{{ lookup('sshkeys.aws.private_key_files', '/home/deploy/.ssh/nightly').private_keys }}"
"""

RETURN = r"""
_raw:
  description:
    - A dictionary for each term, with C(private_keys) and C(is_half_moved).
    - C(private_keys) has, by path, what C(ssh-keygen -l) prints about each file. Empty text for a file that it cannot
      read.
    - C(is_half_moved) says whether a rotation was killed after it had moved the private key of the new pair and before
      it moved the public one.
  type: list
  elements: dict
"""

import os
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_files import (
    is_half_moved,
    private_keys_among,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import openssh
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible-core has no types
    """The lookup sshkeys.aws.private_key_files."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Return a dictionary for each term. Raises AnsibleLookupError where there is no ssh-keygen."""
        self.set_options(var_options=variables, direct=kwargs)
        return [_found(term) for term in plain(terms)]


def _found(path: str) -> dict[str, Any]:
    files = _files_in(os.path.dirname(path)) if path else []
    lines = {file: _line_about(teller) for file, teller in private_keys_among(path, files).items()} if path else {}
    return {"private_keys": lines, "is_half_moved": bool(path) and is_half_moved(path, files)}


def _files_in(folder: str) -> list[str]:
    try:
        paths = [os.path.join(folder, name) for name in os.listdir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise AnsibleLookupError(f"The folder {folder} cannot be read: {printable(error)}.") from error
    return [path for path in paths if os.path.isfile(path)]


def _line_about(file: str) -> str:
    try:
        done = openssh.run(["ssh-keygen", "-l", "-f", file])
    except OSError as error:
        raise AnsibleLookupError(
            f"ssh-keygen cannot be run: {printable(error)}. Install OpenSSH's client on the controller."
        ) from error
    return done.stdout if not done.returncode else ""
