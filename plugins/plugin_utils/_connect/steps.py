# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The failure of a step of a connection, as an exception that names the step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from http import HTTPStatus

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.retries import THROTTLED
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ArgumentError,
    NoEndpointError,
    ServiceError,
    SshKeysError,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step


class WayIsOpenError(ArgumentError):
    """A way leads to the instance, and cannot be used now. So no other way is tried."""


class FailedError(Exception):
    """A step failed. ``str()`` is a sentence.

    is_answer_of_aws: whether the failure may depend on the region.
    closes_way: whether the way to the instance that was tried is closed. is_lasting: whether it may stay so.
    """

    def __init__(
        self,
        step: Step,
        sentence: str,
        *,
        is_answer_of_aws: bool = False,
        closes_way: bool = False,
        is_lasting: bool = True,
    ) -> None:
        super().__init__(sentence)
        self.step = step
        self.is_answer_of_aws = is_answer_of_aws
        self.closes_way = closes_way
        self.is_lasting = is_lasting


# A permission is missing, or this machine has no way to the API of EC2 (codes of EC2, of all services and of the SDK).
_NOT_FOR_US = frozenset(
    {
        "UnauthorizedOperation",
        "AccessDenied",
        "AccessDeniedException",
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ProxyConnectionError",
    }
)


@contextlib.contextmanager
def taking(step: Step) -> Iterator[None]:
    """Turn the collection's errors in this block into a FailedError of the step."""
    try:
        yield
    except SshKeysError as error:
        is_answer_of_aws = isinstance(error, (ServiceError, NoEndpointError))
        raise FailedError(
            step,
            str(error),
            is_answer_of_aws=is_answer_of_aws,
            closes_way=_closes_way(step, error),
            is_lasting=not _is_fault_of_aws(error),
        ) from error


def _closes_way(step: Step, error: SshKeysError) -> bool:
    if isinstance(error, ServiceError) and step is Step.SESSION:
        # Too many calls say nothing about the instance.
        return error.code not in THROTTLED
    if isinstance(error, ServiceError):
        # EC2 is needed for each way but Session Manager. What else it answers is the same for all.
        return error.code in _NOT_FOR_US
    return not isinstance(error, WayIsOpenError)


def _is_fault_of_aws(error: SshKeysError) -> bool:
    """Return whether the service has failed for once."""
    if isinstance(error, ServiceError):
        return error.in_doubt or error.code == "InternalServerError"
    # Of the answer to the opening of a websocket (websocket.py).
    return int(getattr(error, "status", 0)) >= HTTPStatus.INTERNAL_SERVER_ERROR
