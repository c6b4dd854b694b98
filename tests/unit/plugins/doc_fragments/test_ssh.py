# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of ssh that the connection has, too."""

from __future__ import annotations

from typing import Any

import yaml
from ansible.plugins.connection import ssh
from ansible_collections.sshkeys.aws.plugins.doc_fragments import _ssh

OURS = yaml.safe_load(_ssh.ModuleDocFragment.DOCUMENTATION)
THEIRS = yaml.safe_load(ssh.DOCUMENTATION)


def names_in(value: Any) -> set[str]:
    """Return all names at any depth."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set(value if isinstance(value, dict) else ()).union(*map(names_in, inner))


def test_every_option_of_ssh_is_there_and_nothing_else() -> None:
    assert set(OURS) == {"options"}
    assert OURS["options"].keys() == THEIRS["options"].keys()
    assert {"host", "private_key_file", "ssh_common_args"} <= OURS["options"].keys()


def test_the_versions_of_ansible_core_are_not_taken_for_those_of_the_collection() -> None:
    assert "version_added" in names_in(THEIRS)
    assert names_in(OURS) == names_in({"options": THEIRS["options"]}) - {"version_added"}
