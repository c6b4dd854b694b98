# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup local_tmp: the folder that ansible-playbook deletes when it ends."""

from __future__ import annotations

import pytest
from ansible import constants
from ansible.errors import AnsibleLookupError
from ansible.plugins.loader import lookup_loader


def test_the_folder_of_this_process() -> None:
    assert lookup_loader.get("sshkeys.aws.local_tmp").run([]) == [constants.DEFAULT_LOCAL_TMP]


def test_terms_are_refused() -> None:
    with pytest.raises(AnsibleLookupError):
        lookup_loader.get("sshkeys.aws.local_tmp").run(["something"])
