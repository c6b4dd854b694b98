# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A step that fails, and whose answer it was."""

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
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import FailedError, taking


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
