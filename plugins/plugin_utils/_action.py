# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fast path: a module that would run on the controller itself runs inside the worker process of its task.

Starting an interpreter and unpacking the module in it takes longer than all that the module does. So where a task runs
with the local connection, as the same user and with the same interpreter, the module's own ``main`` is called in the
worker, which is a process of the task's own. ansible-core does the rest as for any module: it completes the arguments,
and reads the result from what ``main`` prints. Whatever is not known to be the same there goes the usual way.

The parent process imports the action plugins, and with them the SDK, and reads the SDK's descriptions of the services
and the CA bundle, once, before it forks its workers. Nothing else happens in it: no session, no socket, no thread. So
what an import of amazon.aws warns of is told once, by the parent, and is no part of each result.

A worker can also say something while it works, which a module cannot: how far a fleet is that takes its time.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

from ansible import constants as C  # noqa: N812 - as ansible-core names it
from ansible.executor import module_common
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.plugins.connection.local import Connection as LocalConnection
from ansible.utils.display import Display
from ansible_collections.sshkeys.aws.plugins.module_utils import _client
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import watched

try:
    from ansible.module_utils import _internal
except ImportError:
    _internal = None

# The variable that switches the fast path off.
SWITCH = "sshkeys_aws_fast_path"

# What is read when it is needed, not when an interpreter starts: setting it in the worker is early enough.
_ENVIRONMENT_OF_CALLS = re.compile(
    r"AWS_|BOTO_|(?:https?|all|no)_proxy$|(?:HOME|XDG_CACHE_HOME|SSL_CERT_FILE|SSL_CERT_DIR)$", re.IGNORECASE
)


# In the parent, which imports this file before it makes its workers.
_prepared = _client.prepare()

# ansible-core 2.18 does not tell a controller from a target.
_side = _internal if hasattr(_internal, "is_controller") else SimpleNamespace(is_controller=False)


class FastPath(NormalAction):  # type: ignore[misc]  # ansible-core has no types
    """The action plugin of a module that can run in the worker. A subclass names the module."""

    module: ClassVar[ModuleType]

    _is_here = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Any:
        """Run the module, in the worker where that is the same. Returns its result."""
        environment = self._environment_here() if self._can_run_here(task_vars or {}) else None
        self._is_here = environment is not None
        if environment is None:
            return super().run(tmp, task_vars)
        # Whatever core would send over the connection is the module: there is nothing else to do on the way.
        self._connection.exec_command = partial(self._run_module, environment)
        try:
            return super().run(tmp, task_vars)
        finally:
            del self._connection.exec_command

    def _can_run_here(self, task_vars: Mapping[str, Any]) -> bool:
        """Return whether the module would run with this interpreter, as this user and on this host.

        Its environment aside.
        """
        task = self._task
        return (
            self._connection.__class__ is LocalConnection
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

    # -- What ansible-core asks on its way to a module -----------------------------------------------------------------

    def _is_pipelining_enabled(self, module_style: str, wrap_async: bool = False) -> bool:
        return self._is_here or bool(super()._is_pipelining_enabled(module_style, wrap_async))

    def _configure_module(self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> Any:
        if not self._is_here:
            return super()._configure_module(module_name, module_args, task_vars)
        payload = json.dumps({"ANSIBLE_MODULE_ARGS": module_args}).encode()
        built = {"module_style": "new", "shebang": f"#!{sys.executable}", "b_module_data": payload}
        if not hasattr(module_common, "_BuiltModule"):
            # ansible-core 2.18
            return (*built.values(), self.module.__file__)
        return module_common._BuiltModule(**built, serialization_profile="legacy"), self.module.__file__  # noqa: SLF001

    # -- The module ----------------------------------------------------------------------------------------------------

    def _run_module(
        self, environment: Mapping[str, str], _command: str, in_data: bytes, **_options: object
    ) -> tuple[int, bytes, bytes]:
        """Run the module's main, in place of the connection's exec_command. Returns exit status, stdout and stderr.

        environment: what the task sets in the environment of its module.
        """
        printed = io.StringIO()
        folder = self._connection.cwd or os.getcwd()
        # Descriptions of somebody's own would be in the home folder.
        prepared = None if "HOME" in environment else _prepared
        watch = watched(partial(_telling, self._task.action))
        with _as_module(in_data), _environment(environment), _client.using(prepared), contextlib.chdir(folder), watch:
            try:
                with contextlib.redirect_stdout(printed):
                    self.module.main()
            except SystemExit as end:
                return int(end.code or 0), printed.getvalue().encode(), b""
            except Exception:  # noqa: BLE001 - as an interpreter ends that has nobody to tell
                return 1, printed.getvalue().encode(), traceback.format_exc().encode()
        return 0, printed.getvalue().encode(), b""


# For how long nothing is said, first and between two sentences.
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


def _is_plain(value: Any) -> bool:
    """Return whether a value is JSON by itself; a secret from a vault, for example, is not."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


@contextlib.contextmanager
def _as_module(arguments: bytes) -> Iterator[None]:
    """Let ansible-core's module side find these arguments, and do as in a process of a module.

    arguments: what a module gets on its standard input, JSON.
    """
    # The items of a loop share a worker, and what one has warned of is not the next one's.
    for told in (warnings._global_warnings, warnings._global_deprecations):  # noqa: SLF001
        told.clear()
    ours = {"_ANSIBLE_ARGS": arguments, "_ANSIBLE_PROFILE": "legacy"}
    before = {name: getattr(basic, name, None) for name in ours}
    is_controller = _side.is_controller
    vars(basic).update(ours)
    # On a controller a warning is shown at once, and is no part of the result.
    _side.is_controller = False
    try:
        yield
    finally:
        _side.is_controller = is_controller
        vars(basic).update(before)


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
