# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections!

"""Which options of the connection are secret, for an ansible-core that knows secret options."""

from __future__ import annotations

import importlib.util


class ModuleDocFragment:
    """What ansible-core 2.22 and later masks in everything that it prints."""

    DOCUMENTATION = r"""
options:
  secret_key:
    secret: true
  session_token:
    secret: true
"""


# The sanity tests of ansible-core 2.18 refuse the key `secret`. The module arrived with it, in 2.22.
if importlib.util.find_spec("ansible.module_utils.secrets") is None:
    ModuleDocFragment.DOCUMENTATION = "options: {}"
