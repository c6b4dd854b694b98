# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections!

"""The common documentation of the modules that push a key."""

from __future__ import annotations


class ModuleDocFragment:
    """The options and notes of a push, written once."""

    DOCUMENTATION = r"""
options:
  public_key:
    description:
      - The public key to push, the line of a C(.pub) file or the content of an RFC 4716 file.
      - V(ssh-ed25519) and V(ssh-rsa) keys work. The service also accepts V(ecdsa-sha2-nistp*) keys, but the instance
        ignores them and refuses ssh, so this module refuses them.
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
      - The remaining seconds that an earlier push of the same key needs to count, V(0) to V(60).
      - Raise it if later tasks need longer to open their connection.
    type: int
    default: 15
attributes:
  check_mode:
    support: full
    details:
      - The arguments, the key, the region and the credentials are checked, and nothing is sent. The service has no call
        that checks whether an instance would accept the key.
  diff_mode:
    support: none
    details:
      - The service has no call that lists live keys.
  idempotent:
    support: partial
    details:
      - The service has no call that lists live keys. So every accepted push leaves a I(lease) on the host that runs
        the module. While it has O(min_validity) seconds left, the same key is not pushed to the same target again, and
        the module returns RV(ignore:changed=false). After that, and with O(force=true), it pushes again and returns
        RV(ignore:changed=true).
notes:
  - A lease is a small file below C($XDG_CACHE_HOME/sshkeys.aws/leases), or C(~/.cache/sshkeys.aws/leases), that only
    its owner can read. It holds no secret. You can delete it at any time; the next run then pushes again.
  - A key lives for 60 seconds, counted here from before the request was sent. A connection that was opened in this
    time stays open.
  - Throttled requests, errors of the service and broken connections are tried again, up to eight times in all. Set
    C(retries) in O(aws_config) to change that.
"""
