# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.transfer_replaces."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_replaces
short_description: Which keys of a Transfer Family user a rotation replaces
version_added: 0.1.0
description:
  - Decides which keys of a user are replaced by new ones, for the playbook C(sshkeys.aws.transfer_rotate).
  - Without O(replaces) these are, with O(private_key_file), the keys that the file holds or held, and with
    O(public_keys) the only other key of the user. Several other keys are a fault.
  - A new key is never replaced.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  _input:
    description: The keys of the user, as P(sshkeys.aws.transfer_ssh_key_info#module) returns them.
    type: list
    elements: dict
    required: true
  who:
    description: The user and its server, for sentences.
    type: str
    required: true
  replaces:
    description:
      - The keys to replace, by fingerprint, id or comment, as a list or as text with commas. V(all) means all.
      - What the user lacks is a fault, unless it has all new keys.
    type: raw
  public_keys:
    description: The new keys, if they are given. Each element is the text of a key or of a file with keys.
    type: list
    elements: str
    default: []
  public_key_files:
    description: The files that the last elements of O(public_keys) were read from, for sentences.
    type: list
    elements: path
    default: []
  private_key_file:
    description: The file of the private key that a new one takes the place of, instead of O(public_keys).
    type: path
    default: ""
  private_keys:
    description:
      - What C(ssh-keygen -l) prints, by path, for O(private_key_file), for the file with C(.new) after that name, and
        for each with C(.old-) and a time after it. Empty text for a file that it cannot read.
    type: dict
    default: {}
  keep_old_keys:
    description: Whether nothing is removed for now.
    type: bool
    default: false
  logs_in:
    description: Whether a login is to prove the new key before an old one is removed.
    type: bool
    default: false
seealso:
  - plugin: sshkeys.aws.transfer_ssh_key
    plugin_type: module
"""

EXAMPLES = r"""
- name: Say what new keys would replace
  ansible.builtin.debug:
    msg: "{{ decision.faults or decision.says }}"
  vars:
    decision: >-
      {{ read.users[0].ssh_public_keys | sshkeys.aws.transfer_replaces(
         who='partner', replaces='alice@laptop', public_keys=[lookup('file', 'alice-2026.pub')]) }}
"""

RETURN = r"""
_value:
  description: The decision.
  type: dict
  contains:
    faults:
      description: Sentences that say why no key may be replaced. An empty list where nothing is wrong.
      type: list
      elements: str
    replaced:
      description: The keys that are replaced, as they were given.
      type: list
      elements: dict
    stays:
      description: The keys that stay, as they were given.
      type: list
      elements: dict
    ids:
      description: The ids of the replaced keys.
      type: list
      elements: str
    ids_before_move:
      description: Those of them to remove before a new pair takes the place of O(private_key_file).
      type: list
      elements: str
    ids_after_move:
      description: Those of them to remove after that, since O(private_key_file) holds or held them.
      type: list
      elements: str
    only_removes:
      description: Whether an earlier rotation is unfinished, and only the removal is left of it.
      type: bool
    may_make_room:
      description:
        - Whether one of the replaced keys may be removed before the new one is in, where the user has as many keys as
          AWS allows. This is only with O(private_key_file), and never with O(logs_in).
      type: bool
    login_file:
      description: The private key file that a login is to prove. An empty string without O(private_key_file).
      type: str
    file_fingerprint:
      description: The fingerprint of the key in O(private_key_file), or an empty string.
      type: str
    is_backed_up:
      description: Whether one of the files with C(.old-) holds that key too.
      type: bool
    says:
      description: Lines that tell what is new, what is replaced and what stays.
      type: list
      elements: str
    later:
      description: What becomes of the keys that stay for now with O(keep_old_keys), or an empty string.
      type: str
"""

from dataclasses import asdict
from typing import Any, Callable, Mapping, Sequence

from ansible.errors import AnsibleFilterError
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.replaces import decide
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def transfer_replaces(held: Sequence[Mapping[str, Any]], who: str, **options: Any) -> dict[str, Any]:
    """Return the decision as a dict. Raises AnsibleFilterError where replaces is neither a list nor text."""
    try:
        decision = asdict(decide(plain(held), who=plain(who), **plain(options)))
    except ArgumentError as error:
        raise AnsibleFilterError(str(error)) from error
    result: dict[str, Any] = plain(decision)
    return result


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transfer_replaces": transfer_replaces}
