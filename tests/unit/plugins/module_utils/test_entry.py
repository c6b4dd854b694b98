# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How what a module's function raises becomes a report."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._entry import report_of
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import PrivateKeyError


def report_where(error: Exception) -> Report:
    """Return the report of a function that raises an error."""

    def run(*_params: Any, **_options: Any) -> Report:
        raise error

    return report_of(run, {}, check_mode=False, session=Session({}))


def test_a_typed_error_is_a_failed_report() -> None:
    assert report_where(ArgumentError("No.")) == Report(failure="No.")


def test_a_refused_private_key_has_no_invocation_to_be_shown_in() -> None:
    assert report_where(PrivateKeyError("No.")) == Report({"invocation": {}}, failure="No.")


def test_any_other_error_is_a_fault_of_the_program() -> None:
    with pytest.raises(ZeroDivisionError):
        report_where(ZeroDivisionError())
