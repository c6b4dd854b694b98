# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup local_tmp: the folder that ansible-playbook deletes when it ends."""

from __future__ import annotations

import pytest
from ansible import constants
from ansible.errors import AnsibleLookupError
from ansible_collections.sshkeys.aws.plugins.lookup import local_tmp


def lookup() -> local_tmp.LookupModule:
    made = local_tmp.LookupModule()
    # Up to ansible-core 2.18 the loader of plugins does this.
    made._load_name = "sshkeys.aws.local_tmp"
    return made


def test_the_folder_of_this_process() -> None:
    assert lookup().run([]) == [constants.DEFAULT_LOCAL_TMP]


def test_terms_are_refused() -> None:
    with pytest.raises(AnsibleLookupError):
        lookup().run(["something"])
