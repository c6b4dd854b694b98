# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A step that fails, whose answer it was, and whether it closes the way to the instance."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ArgumentError,
    NoEndpointError,
    ServiceError,
    SetUpError,
    SshKeysError,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import FailedError, WayIsOpenError, taking
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.websocket import RefusedError


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize(
    ("error", "is_answer_of_aws"),
    [
        (ServiceError("AuthException", "No", "Allow it."), True),
        (NoEndpointError("The VPC has no endpoint."), True),
        (SetUpError("No region is configured."), False),
        (ArgumentError("There is no address."), False),
        (SshKeysError("It failed."), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_raised_on_purpose_names_the_step(step: Step, error: SshKeysError, is_answer_of_aws: bool) -> None:
    with pytest.raises(FailedError) as caught, taking(step):
        raise error
    assert (caught.value.step, str(caught.value)) == (step, str(error))
    assert caught.value.is_answer_of_aws is is_answer_of_aws
    assert caught.value.__cause__ is error


def service_error(code: str) -> ServiceError:
    return ServiceError(code, "No", "Look.")


@pytest.mark.parametrize(
    ("step", "error", "closes"),
    [
        # A permission may be missing for one way, and not for another one.
        (Step.FIND, service_error("UnauthorizedOperation"), True),
        (Step.TUNNEL, service_error("UnauthorizedOperation"), True),
        (Step.TUNNEL, service_error("AccessDenied"), True),
        (Step.FIND, service_error("AccessDeniedException"), True),
        (Step.FIND, service_error("EndpointConnectionError"), True),
        (Step.TUNNEL, service_error("ConnectTimeoutError"), True),
        (Step.FIND, service_error("ProxyConnectionError"), True),
        # What else EC2 answers is the same for each way that needs it.
        (Step.FIND, service_error("InvalidInstanceID.NotFound"), False),
        (Step.FIND, service_error("RequestLimitExceeded"), False),
        (Step.TUNNEL, service_error("InvalidInstanceConnectEndpointId.NotFound"), False),
        # Session Manager is a way of its own.
        (Step.SESSION, service_error("TargetNotConnected"), True),
        (Step.SESSION, service_error("AccessDeniedException"), True),
        (Step.SESSION, service_error("EndpointConnectionError"), True),
        (Step.SESSION, service_error("InternalServerError"), True),
        # It is asked too often, by others perhaps. That passes.
        (Step.SESSION, service_error("ThrottlingException"), False),
        (Step.SESSION, service_error("RequestLimitExceeded"), False),
        (Step.TUNNEL, NoEndpointError("There is none."), True),
        (Step.TUNNEL, ArgumentError("It cannot be reached."), True),
        (Step.SESSION, ArgumentError("It does not answer."), True),
        (Step.CONNECT, ArgumentError("timed out."), True),
        (Step.SESSION, SetUpError("No region is configured."), True),
        # There is one who answers.
        (Step.CONNECT, WayIsOpenError("Connection refused."), False),
        (Step.TUNNEL, WayIsOpenError("It is full."), False),
        (Step.SESSION, WayIsOpenError("It is full."), False),
    ],
    ids=str,
)
def test_what_closes_a_way(step: Step, error: SshKeysError, closes: bool) -> None:
    with pytest.raises(FailedError) as caught, taking(step):
        raise error
    assert caught.value.closes_way is closes


@pytest.mark.parametrize(
    ("error", "lasts"),
    [
        (service_error("TargetNotConnected"), True),
        (service_error("InternalServerError"), False),
        (ServiceError("ReadTimeoutError", "No", "Look.", in_doubt=True), False),
        (RefusedError("No.", 403, "AccessDenied"), True),
        (RefusedError("No.", 503, "Unavailable"), False),
        (ArgumentError("It does not answer."), True),
    ],
    ids=str,
)
def test_what_the_service_failed_to_do_for_once_does_not_last(error: SshKeysError, lasts: bool) -> None:
    with pytest.raises(FailedError) as caught, taking(Step.SESSION):
        raise error
    assert caught.value.is_lasting is lasts


def test_a_failure_closes_nothing_unless_it_is_said() -> None:
    failure = FailedError(Step.PUSH, "No.")
    assert (failure.closes_way, failure.is_answer_of_aws) == (False, False)


def test_what_nobody_meant_stays_what_it_is() -> None:
    with pytest.raises(KeyError), taking(Step.PUSH):
        raise KeyError("instance_id")


def test_a_step_within_a_step_is_the_one_that_failed() -> None:
    with pytest.raises(FailedError) as caught, taking(Step.TUNNEL), taking(Step.FIND):
        raise ArgumentError("There is no address.")
    assert caught.value.step is Step.FIND


def test_a_step_that_works_raises_nothing() -> None:
    done = []
    with taking(Step.PUSH):
        done.append(1)
    assert done
