# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab as the tests see it, and the modules as they run in it: their own function, their own client, real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import Preloaded, preload
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SshKeysError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report

_LAB = Path(__file__).parent / "lab"

# What happens to a client before it is used.
Prepare = Callable[[Any], None]


class PreparedSession(Session):
    """A session whose clients are prepared."""

    def __init__(self, params: Mapping[str, Any], preloaded: Preloaded | None, prepare: Prepare) -> None:
        """Take the options of a task. prepare: is called with each client."""
        super().__init__(params, preloaded)
        self._prepare = prepare

    def client(self, service: str, *, reads_only: bool = False) -> Any:
        """Make a client, and prepare it."""
        client = super().client(service, reads_only=reads_only)
        self._prepare(client)
        return client


@contextmanager
def start_lab(state: Path) -> Iterator[RunningLab]:
    """Run a lab of its own in the folder ``state``, until the block ends or this process does, even by SIGKILL."""
    # cat ends when this process has closed its standard input, and the lab ends with its command.
    command = ["sh", "-c", "echo; exec cat"]
    with subprocess.Popen(
        [sys.executable, str(_LAB), "run", "--state", str(state), "--", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A Ctrl-C is for pytest, whose end ends the lab.
        start_new_session=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"\n", "The lab did not start: see its message above."
        yield RunningLab(json.loads((state / "lab.json").read_text(encoding="utf-8"))["lab"])
        # Popen closes the standard input, and waits.


def calls_in(requests: Sequence[Mapping[str, Any]], *operations: str, **parameters: object) -> list[dict[str, Any]]:
    """Return the parameters of the calls of these operations in a journal that have these parameters."""
    found = [request["parameters"] for request in requests if request["operation"] in operations]
    return [each for each in found if parameters.items() <= each.items()]


@dataclass(frozen=True)
class RunningLab:
    """A running lab, as lab.json describes it."""

    lab: Mapping[str, Any]

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables that lead AWS clients and OpenSSH's programs to the lab, and nowhere else."""
        environment: Mapping[str, str] = self.lab["environment"]
        return environment

    # -- The lab -------------------------------------------------------------------------------------------------------

    def control(self, method: str, path: str, **body: object) -> dict[str, Any]:
        """Make a request to the control API (tests/lab/README.md), and return its answer."""
        answer: dict[str, Any] = json.loads(self._request(f"{self.lab['control_url']}/{path}", method, body))
        return answer

    def misbehave(self, *faults: Mapping[str, object]) -> None:
        """Put these faults in force instead of all others."""
        self.control("PUT", "faults", faults=list(faults))

    def requests(self) -> list[dict[str, Any]]:
        """Return the journal."""
        requests: list[dict[str, Any]] = self.control("GET", "requests")["requests"]
        return requests

    def hold(self, name: str, keys: Sequence[str]) -> None:
        """Make a Transfer user hold exactly these keys, the first one for the longest time."""
        dated = [{"body": body, "date_imported": 1_600_000_000 + number} for number, body in enumerate(keys)]
        self.control("PUT", f"transfer/users/{name}", keys=dated)

    def held(self, name: str) -> list[str]:
        """Return the keys that a Transfer user holds, sorted."""
        return sorted(self._text(f"transfer/{self.server_id}/users/{name}/authorized-keys"))

    def live(self, instance_id: str, os_user: str) -> list[str]:
        """Return the keys that open a user of an instance."""
        return self._text(f"instances/{instance_id}/authorized-keys/{os_user}")

    def _text(self, path: str) -> list[str]:
        return self._request(f"{self.lab['endpoint_url']}/{path}", "GET", {}).splitlines()

    def _request(self, url: str, method: str, body: Mapping[str, object]) -> str:
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(url, method=method, data=data, headers={"X-Lab-Key": self.lab["access_key"]})
        with urllib.request.urlopen(request) as answer:
            text: str = answer.read().decode()
            return text

    @property
    def aws(self) -> dict[str, str]:
        """The options of a task that lead it to the lab."""
        return {name: self.lab[name] for name in ("endpoint_url", "region", "access_key", "secret_key")}

    @property
    def server_id(self) -> str:
        """The Transfer server of the lab."""
        return str(self.lab["transfer"]["server_id"])

    @property
    def homes_of_instances(self) -> Path:
        """The folder with what sessions on the instances have left, in their home folders."""
        return Path(self.environment["LAB_STATE"]).parent / "instances"

    @property
    def instance_ids(self) -> list[str]:
        """The instances that run and take a key for their serial console, too."""
        return [
            each["instance_id"]
            for each in self.lab["instances"]
            if each["serial_console"] and each["port"] and each["state"] == "running"
        ]

    # -- The modules ---------------------------------------------------------------------------------------------------

    @cached_property
    def _preloaded(self) -> Preloaded | None:
        return preload()

    def run(
        self,
        module: ModuleType,
        options: Mapping[str, Any],
        *,
        check_mode: bool = False,
        prepare: Prepare = lambda _client: None,
        aws_config: Mapping[str, object] | None = None,
    ) -> Report:
        """Run a module's function as ``main`` does. Returns its report.

        prepare: is called with each client that it makes. aws_config: as the option of that name.
        """
        validated = ArgumentSpecValidator(module.SPEC.options).validate(options)
        assert not validated.error_messages
        params = {
            **validated.validated_parameters,
            **self.aws,
            "validate_certs": True,
            "aws_config": aws_config,
        }
        session = self._session(params, prepare)
        try:
            return module.run(params, check_mode=check_mode, session=session)  # type: ignore[no-any-return]
        except SshKeysError as error:
            return Report(failure=str(error))

    def _session(self, params: Mapping[str, Any], prepare: Prepare) -> Session:
        return PreparedSession(params, self._preloaded, prepare)
