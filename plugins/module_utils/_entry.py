# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The front of a module: run its function, put typed errors into words once, and keep secrets out of the result."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Iterator, Mapping

from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.sshkeys.aws.plugins.module_utils import _client
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SshKeysError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import (
    could_be_a_secret,
    holds_private_key,
    reads_as_public,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report

# A module's function: (parameters, check mode, a way to get a client) -> what to report. Raises SshKeysError.
Run = Callable[..., Report]


def front(module: AnsibleAWSModule, run: Run, service: str) -> Report:
    """Run a module's function and return its report. Exits nowhere.

    service: the service that the function gets its client of, as _client.connect names it.
    """
    try:
        connect = partial(_client.connect, module.params, service)
        report = run(module.params, check_mode=module.check_mode, connect=connect)
    except SshKeysError as error:
        report = Report(failure=str(error))
    _show_what_is_public(module)
    for warning in report.warnings:
        # Not module.warn: amazon.aws 10 then hands its warnings to exit_json, which ansible-core 2.19 complains about.
        warn(warning)
    return report


def _show_what_is_public(module: AnsibleAWSModule) -> None:
    """Let the result show the keys that turned out to be public, and hide a private key wherever it was pasted.

    The options with keys are declared no_log, so that a private key reaches neither the system log nor the result. What
    reads as a public key is none of that, and people want to see it.
    """
    hidden = _hidden_values(module)
    credentials = {module.params.get("secret_key"), module.params.get("session_token")}
    for text, is_suspect in _texts(module.params):
        if holds_private_key(text) or (is_suspect and not reads_as_public(text)):
            hidden.add(text)
        elif text not in credentials and not could_be_a_secret(text):
            hidden.discard(text)


def _hidden_values(module: AnsibleAWSModule) -> set[str]:
    """Return the set of what ansible-core blots out of the result, to be changed in place."""
    # In amazon.aws 9.0.0 the module does not hand on the attributes of the AnsibleModule that it wraps.
    wrapped = module if hasattr(module, "no_log_values") else module._module  # noqa: SLF001
    hidden: set[str] = wrapped.no_log_values
    return hidden


def _texts(value: Any, *, is_suspect: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield each string inside the options of a task, and whether it stands in one list with a private key.

    A key may have been split into its lines, and its last line alone looks harmless.
    """
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        among_secrets = any(could_be_a_secret(inner) for inner in value if isinstance(inner, str))
        for inner in value:
            yield from _texts(inner, is_suspect=among_secrets)
    elif value is not None:
        yield str(value), is_suspect
