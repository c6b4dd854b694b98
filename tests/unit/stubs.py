# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client of botocore that reaches nothing and plays a script."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.tests.unit.sdk_data import plain_session
from botocore.stub import Stubber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report


class StubbedService:
    """A service that expects exactly the calls of a script, in order, and counts how often a client was asked for."""

    def __init__(self, name: str) -> None:
        """Take a client of a service, such as "transfer", without a script."""
        self.client = _client(name)
        self.stubber = Stubber(self.client)
        self.connections = 0

    def connect(self) -> Any:
        """Hand out the client."""
        self.connections += 1
        return self.client

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Play the script, and check at the end that every expected call was made."""
        with self.stubber:
            yield
            self.stubber.assert_no_pending_responses()

    def run_module(self, module: Any, given: Mapping[str, Any], *, check_mode: bool, **of_amazon: Any) -> Report:
        """Run a module's function with a task's options, and check that every expected call was made.

        of_amazon: options of amazon.aws, which its module class adds.
        """
        validated = ArgumentSpecValidator(module.SPEC.options).validate(given)
        assert not validated.error_messages
        params = {**of_amazon, **validated.validated_parameters}
        with self.playing():
            report: Report = module.run(params, check_mode=check_mode, session=StubbedSession(params, self.connect))
        return report


@cache
def _client(name: str) -> Any:
    """Return the client of a service, one for all tests. A Stubber leaves it when its test no longer plays."""
    session = plain_session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "secret")
    return session.create_client(name, region_name="us-east-1")


class StubbedSession(Session):
    """A session with a region and an endpoint of its options, whose clients are another's."""

    def __init__(self, params: Mapping[str, Any], connect: Callable[[], Any]) -> None:
        """Take the options of a task. connect: hands out the client."""
        super().__init__(params)
        self._connect = connect

    def client(self, service: str, *, reads_only: bool = False) -> Any:
        """Hand out the client."""
        del service, reads_only
        return self._connect()
