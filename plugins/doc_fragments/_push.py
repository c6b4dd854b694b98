# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections!

"""What the modules that push a key have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The options and notes of a push, written once."""

    DOCUMENTATION = r"""
options:
  public_key:
    description:
      - The public key to push, as it stands in a C(.pub) file, or the content of an RFC 4716 file.
      - V(ssh-ed25519) and V(ssh-rsa) keys work. The service takes V(ecdsa-sha2-nistp*) keys too, but the instance
        ignores them and ssh is then refused, so this module refuses them first.
      - The comment is not sent.
    type: str
    required: true
    aliases: [ssh_public_key]
  force:
    description:
      - Push even if an earlier push of the same key is still live.
    type: bool
    default: false
  min_validity:
    description:
      - For how many seconds an earlier push of the same key must still be live for it to count, V(0) to V(60).
      - Raise it if the tasks that follow need longer to open their connection.
    type: int
    default: 15
attributes:
  check_mode:
    support: full
    details:
      - The arguments, the key, the region and the credentials are checked, and nothing is sent. Whether the instance
        would take the key cannot be asked of the service.
  diff_mode:
    support: none
    details:
      - The service cannot be asked which keys are live.
  idempotent:
    support: partial
    details:
      - The service cannot be asked which keys are live. So every push that was accepted leaves a I(lease) on the host
        that runs the module. While it has O(min_validity) seconds left, the same key is not pushed to the same place
        again, and the module returns RV(ignore:changed=false). After that, and with O(force=true), it pushes again
        and returns RV(ignore:changed=true).
notes:
  - A lease is a small file below C($XDG_CACHE_HOME/sshkeys.aws/leases), or C(~/.cache/sshkeys.aws/leases), that only
    its owner can read. It holds no secret. It may be deleted at any time; the next run then pushes again.
  - A key lives for 60 seconds, counted here from before the request was sent. A connection that was opened in time
    stays open.
  - Throttled requests, errors of the service and broken connections are tried again, up to eight times in all. Set
    C(retries) in O(aws_config) to change that.
"""
