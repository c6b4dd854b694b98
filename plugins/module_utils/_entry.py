# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The entry of a module: run its function, and put typed errors into words once."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SshKeysError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import PrivateKeyError, Spec

# A module's function: (parameters, check mode, the AWS side of the task) -> what to report. Raises SshKeysError.
Run = Callable[..., Report]


def enter(spec: Spec, run: Run) -> None:
    """Run a module in a process of its own, and exit."""
    module = AnsibleAWSModule(
        argument_spec=dict(spec.options),
        mutually_exclusive=spec.mutually_exclusive,
        required_one_of=spec.required_one_of,
        supports_check_mode=True,
    )
    report = report_of(run, module.params, check_mode=module.check_mode, session=Session(module.params))
    for warning in report.warnings:
        # Not module.warn: amazon.aws 10 then hands its warnings to exit_json, which ansible-core 2.19 complains about.
        warn(warning)
    if report.failure:
        module.fail_json(msg=report.failure, **report.result)
    module.exit_json(**report.result)


def report_of(run: Run, params: Mapping[str, Any], *, check_mode: bool, session: Session) -> Report:
    """Run a module's function and return its report, also of what it raises on purpose."""
    try:
        return run(params, check_mode=check_mode, session=session)
    except PrivateKeyError as error:
        # Otherwise the options would be shown as those of this invocation.
        return Report({"invocation": {}}, failure=str(error))
    except SshKeysError as error:
        return Report(failure=str(error))
