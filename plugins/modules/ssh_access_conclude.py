#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation alone: the action plugin of this name does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_access_conclude
short_description: Wait until ssh accepts the key of the role ssh_access
version_added: 0.1.0
description:
  - The last task of the role P(sshkeys.aws.ssh_access#role), which alone uses it. It can change at any time.
  - It waits for the connection to a host that was opened. Then it says what was opened for whom until when, or what
    ssh said and what that means. For Transfer Family it says what was declared, changed and removed.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  opening:
    description: What M(sshkeys.aws.ssh_access_apply) has returned for this host. Without it, nothing is waited for.
    type: dict
  transfer:
    description: What M(sshkeys.aws.ssh_access_apply) has returned for the servers of Transfer Family.
    type: dict
  said_by:
    description: The host that tells of the servers for all hosts.
    type: str
    required: true
  timeout:
    description: As C(ssh_access_timeout) of the role.
    type: int
    default: 30
  port:
    description: The port of sshd, for sentences.
    type: int
    default: 22
"""

EXAMPLES = r"""
- name: Wait until ssh accepts the key, and say what was done
  sshkeys.aws.ssh_access_conclude:
    opening: "{{ applied.hosts[inventory_hostname] }}"
    said_by: "{{ applied.said_by }}"
"""

RETURN = r"""
msg:
  description: What was done, or why it failed.
  returned: if there is something to tell
  type: raw
summary:
  description: What was done before something failed.
  returned: on failure
  type: list
  elements: str
"""
