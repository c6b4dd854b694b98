# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A declaration of keys, and the one that has none."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.key_options import declared_keys
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import DSS, key, line


def declared(texts: Any, *, present: bool = True, allow_empty: bool = False, unsupported_keys: str = "fail") -> Any:
    """Read public_keys for "partner"."""
    return declared_keys(texts, "partner", present=present, allow_empty=allow_empty, unsupported_keys=unsupported_keys)


def test_keys_are_read_once() -> None:
    assert declared([line(1), f"{line(2)}\n{line(1)}"]) == ((key(1), key(2)), [])


@pytest.mark.parametrize("texts", [[], "", [""], ["# nothing\n"]])
def test_a_declaration_without_a_key_is_refused_unless_it_is_allowed(texts: Any) -> None:
    with pytest.raises(ArgumentError, match="If the user 'partner' may have no key, set allow_empty=true"):
        declared(texts)
    assert declared(texts, allow_empty=True)[0] == ()
    with pytest.raises(ArgumentError, match="Give the keys to remove from the user 'partner'"):
        declared(texts, present=False, allow_empty=True)


def test_a_key_that_the_service_does_not_take() -> None:
    with pytest.raises(ArgumentError, match="ssh-dss"):
        declared([line(1), DSS])
    keys, warnings = declared([line(1), DSS], unsupported_keys="skip")
    assert keys == (key(1),)
    assert "skipped" in warnings[0]
    assert len(declared([line(1), DSS], present=False)[0]) == 2
