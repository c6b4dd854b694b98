# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin of each module: what happens on the controller before the module runs.

1. A private key goes no further. Where an option holds one, the task fails here, before the module and its options are
   sent anywhere or logged.
2. Where the module would run on this controller anyway, its function is called in the worker process of the task:
   starting an interpreter and unpacking the module in it takes longer than all that the module does.
3. In every other case the module gets a process of its own, as other modules do, and always where the system is not
   Linux: macOS kills a forked process that reads the proxy settings.

The parent process imports the action plugins, and with them the SDK, and reads the SDK's descriptions of the services
and the CA bundle, once, before it forks its workers. Nothing else happens in it: no session, no socket, no thread. So
the parent prints a warning of an amazon.aws import once, and no result repeats it.

Unlike a module, a worker can report the progress of a fleet while it works.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from types import ModuleType
from typing import Any, ClassVar

from ansible import constants as C  # noqa: N812 - as ansible-core names it
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.plugins.connection.local import Connection as LocalConnection
from ansible.utils.display import Display
from ansible_collections.amazon.aws.plugins.module_utils.botocore import check_sdk_version_supported
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleBotocoreError
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec
from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import faults_of_inner_options
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import preload
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._entry import report_of
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import watched
from ansible_collections.sshkeys.aws.plugins.plugin_utils._refusal import CORE_MASKS, refusal

# What ansible-core writes instead of a value.
_BLOTTED = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

# The variable that gives every module a process of its own.
SWITCH = "sshkeys_aws_fast_path"

# Variables that are read at each call, not when the interpreter starts, so the worker can still set them. HOME is not
# among them: the SDK reads it for the folder with a user's own descriptions of services when it is imported.
_ENVIRONMENT_OF_CALLS = re.compile(
    r"AWS_|BOTO_|(?:https?|all|no)_proxy$|(?:XDG_CACHE_HOME|SSL_CERT_FILE|SSL_CERT_DIR)$", re.IGNORECASE
)

# In the parent, which imports this file before it makes its workers.
_preloaded = preload()


def _is_sdk_supported() -> bool:
    """Return whether amazon.aws accepts the version of the SDK without a warning."""
    said: list[str] = []
    try:
        return bool(check_sdk_version_supported(warn=said.append)) and not said
    except AnsibleBotocoreError:
        return False


_CAN_RUN_HERE = sys.platform == "linux" and _preloaded is not None and _is_sdk_supported()


class ModuleAction(NormalAction):  # type: ignore[misc]  # ansible-core has no types
    """The action plugin of a module. A subclass names the module, which has a SPEC and a function run."""

    module: ClassVar[ModuleType]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Any:
        """Run the module, or refuse its options. Returns its result."""
        refused = refusal(self.module.SPEC, self._task.args)
        if refused:
            return refused
        misfits = faults_of_inner_options(self.module.SPEC.options, self._task.args)
        if misfits:
            return {"failed": True, "msg": f"{'. '.join(misfits)}."}
        variables = task_vars or {}
        environment = self._environment_here() if self._can_run_here(variables) else None
        if environment is None:
            return super().run(tmp, task_vars)
        result = self._run_here(environment)
        if not _shows_invocation(variables):
            del result["invocation"]
        return result

    # -- Whether it makes a difference where the module runs -----------------------------------------------------------

    def _can_run_here(self, task_vars: Mapping[str, Any]) -> bool:
        """Return whether the module would run on this host, as this user and with this interpreter.

        _environment_here checks its environment.
        """
        task = self._task
        return (
            _CAN_RUN_HERE
            and self._connection.__class__ is LocalConnection
            and not self._connection.become
            and not task.async_val
            # A worker that is interrupted in the middle of its calls ends otherwise than one that waits for a module.
            and not task.timeout
            and not C.DEFAULT_KEEP_REMOTE_FILES
            and boolean(self._templar.template(task_vars.get(SWITCH, True)), strict=False)
            and self._interpreter(task_vars) == sys.executable
            # This one hooks into a logger of the process.
            and not boolean(task.args.get("debug_botocore_endpoint_logs", False), strict=False)
            and "ANSIBLE_DEBUG_BOTOCORE_LOGS" not in os.environ
            and _is_plain(task.args)
            and not _warns_of(task.args, self._options)
        )

    def _interpreter(self, task_vars: Mapping[str, Any]) -> str:
        """Return the interpreter that the task names; it is "auto" where one would have to be looked for."""
        host_vars = task_vars
        if self._task.delegate_to:
            host_vars = task_vars.get("ansible_delegated_vars", {}).get(self._task.delegate_to, {})
        named = C.config.get_config_value("INTERPRETER_PYTHON", variables=host_vars)
        return str(self._templar.template(named))

    def _environment_here(self) -> dict[str, str] | None:
        """Return what the task sets in the environment of its module; None where that is too late in the worker."""
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        if not all(_ENVIRONMENT_OF_CALLS.match(name) for name in environment):
            return None
        return {name: str(value) for name, value in environment.items()}

    # -- The module in the worker --------------------------------------------------------------------------------------

    @cached_property
    def _options(self) -> dict[str, Any]:
        """The argument spec of the module with the options of amazon.aws."""
        return {**aws_argument_spec(), **self.module.SPEC.options}

    def _run_here(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """Validate the options and call the module's function. Returns its result.

        environment: what the task sets in the environment of its module.
        """
        spec = self.module.SPEC
        # As a module gets them, without what ansible-core notes about texts of a playbook.
        arguments = json.loads(json.dumps(self._task.args))
        with _environment(environment), contextlib.chdir(self._connection.cwd or os.getcwd()):
            validated = ArgumentSpecValidator(
                self._options, mutually_exclusive=spec.mutually_exclusive, required_one_of=spec.required_one_of
            ).validate(arguments)
            params = validated.validated_parameters
            result: dict[str, Any] = {}
            warnings: Sequence[str] = ()
            if validated.error_messages:
                is_unsupported = isinstance(validated.errors[0], UnsupportedError)
                about = f"Unsupported parameters for ({self._task.action}) module: " if is_unsupported else ""
                result.update(failed=True, msg=f"{about}{validated.error_messages[0]}")
            else:
                session = Session(params, _preloaded)
                with watched(partial(_telling, self._task.action)):
                    report = report_of(self.module.run, params, check_mode=self._task.check_mode, session=session)
                result.update(report.result)
                if report.failure:
                    result.update(failed=True, msg=report.failure)
                warnings = report.warnings
        # The order is that of a module's process.
        result.setdefault("invocation", {"module_args": params})
        if warnings:
            result["warnings"] = list(dict.fromkeys(warnings))
        return self._without_credentials(result, params)

    def _without_credentials(self, result: dict[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
        """Return a result without the values of credentials in it."""
        secrets = {
            name: params[name]
            for option, about in self._options.items()
            if about.get("no_log")
            for name in (option, *about.get("aliases", ()))
            if params.get(name)
        }
        if not CORE_MASKS:
            blotted: dict[str, Any] = _blot_out(result, list(secrets.values()))
            return blotted
        shown = result["invocation"].get("module_args")
        if shown:
            result["invocation"] = {"module_args": {**shown, **dict.fromkeys(secrets, _BLOTTED)}}
        return result


def _shows_invocation(task_vars: Mapping[str, Any]) -> bool:
    """Return whether results have their invocation: since ansible-core 2.21 only where the user asks for it."""
    try:
        return bool(C.config.get_config_value("INJECT_INVOCATION", variables=task_vars))
    except AnsibleError:
        return True


def _is_plain(value: Any) -> bool:
    """Return whether a value is JSON by itself; a secret from a vault, for example, is not."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _warns_of(arguments: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether ansible-core may warn of arguments: an option with two names, or one that is deprecated."""
    for name, about in options.items():
        names = [given for given in (name, *about.get("aliases", ())) if given in arguments]
        is_deprecated = about.get("removed_in_version") or about.get("removed_at_date")
        deprecated = [alias["name"] for alias in about.get("deprecated_aliases", ())]
        if len(names) > 1 or (names and is_deprecated) or not set(names).isdisjoint(deprecated):
            return True
    return False


def _blot_out(value: Any, secrets: Sequence[str]) -> Any:
    """Return a value without secrets in any of its texts, as the process of a module returns it."""
    if isinstance(value, dict):
        return {name: _blot_out(inner, secrets) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_blot_out(inner, secrets) for inner in value]
    if not isinstance(value, str):
        return value
    if value in secrets:
        return _BLOTTED
    for secret in secrets:
        value = value.replace(secret, "********")
    return value


# The pause before the first progress message, and the longest pause between two of them.
_FIRST_SILENCE_SECONDS = 5.0
_LONGEST_SILENCE_SECONDS = 30.0


@contextlib.contextmanager
def _telling(name: str, total: int) -> Iterator[Callable[[], None]]:
    """Tell the user from time to time how far a module is. Yields what is called when one more call has ended."""
    done: list[None] = []
    began, has_ended = time.monotonic(), threading.Event()

    def tell() -> None:
        silence = _FIRST_SILENCE_SECONDS
        while not has_ended.wait(silence):
            seconds = time.monotonic() - began
            # Standard output may be read by a program, as that of a callback which writes JSON.
            Display().display(f"{name}: {len(done)} of {total} done after {seconds:.0f} seconds.", stderr=True)
            silence = min(2 * silence, _LONGEST_SILENCE_SECONDS)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield partial(done.append, None)
    finally:
        has_ended.set()
        teller.join()


@contextlib.contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment, and then set them back."""
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
