# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's own temporary folder of this run, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
name: local_tmp
short_description: The temporary folder of this run on the controller
version_added: 0.1.0
description:
  - Returns the path of the folder that C(ansible-playbook) makes for itself when it starts, below the one that
    C(DEFAULT_LOCAL_TMP) names. Only its owner can read it.
  - C(ansible-playbook) deletes it when it ends, also after a failure and after Ctrl-C. So it is the place for what must
    not outlive the run, such as a private key. After C(SIGKILL) or C(SIGTERM) the folder stays.
  - All tasks of a run get the same path. The P(ansible.builtin.config#lookup) lookup makes a new folder each time that
    it is asked for C(DEFAULT_LOCAL_TMP).
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options: {}
seealso:
  - plugin: ansible.builtin.config
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Make a key pair that is gone when the run ends
  ansible.builtin.command:
    argv: [ssh-keygen, -q, -t, ed25519, -N, "", -f, "{{ file }}"]
    creates: "{{ file }}"
  vars:
    file: "{{ lookup('sshkeys.aws.local_tmp') }}/id_ed25519"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
_raw:
  description: One element, the path.
  type: list
  elements: path
  sample:
    - /home/alice/.ansible/tmp/ansible-local-4711o2v3gs8h
"""

from typing import Any

from ansible import constants
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible-core has no types
    """The lookup sshkeys.aws.local_tmp."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Return the path. Raises AnsibleLookupError where it is asked for something."""
        if terms:
            raise AnsibleLookupError(f"sshkeys.aws.local_tmp takes no terms, and was given {len(terms)}.")
        self.set_options(var_options=variables, direct=kwargs)
        # A constant is read once, before ansible-playbook starts its workers.
        return [constants.DEFAULT_LOCAL_TMP]
