# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""A call to AWS: made, tried, and its failure in words."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, NamedTuple

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import (
    NEVER_SENT,
    SERVER_ERRORS,
    BotoCoreError,
    ClientError,
    ResponseParserError,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ServiceError,
    hint_for,
    hint_for_sdk_error,
    printable,
)


class Answer(NamedTuple):
    """What a call returned.

    content: the members of the answer, with ResponseMetadata.
    sent_at: when the attempt that was answered was sent, seconds since the epoch.
    """

    content: dict[str, Any]
    sent_at: float


@dataclass
class _Attempts:
    """What became of the attempts of one call, as botocore's events tell it.

    sent_at: when the last attempt was sent, seconds since the epoch.
    lost: whether an attempt was sent and no answer tells what became of it.
    """

    sent_at: float
    lost: bool = False


# In the context of a request, which botocore hands to all events of one call, and in what the call ends with.
_ATTEMPTS = "sshkeys_aws_attempts"


def attach(client: Any, service: str) -> None:
    """Let the calls of a client tell when they were sent and whether they are in doubt. service: as in sdk.py."""
    events = client.meta.events
    # Last, because signing may fetch credentials first.
    events.register_last(f"request-created.{service}", _note_attempt)
    events.register(f"needs-retry.{service}", _note_end_of_attempt)
    events.register(f"after-call.{service}", _hand_on_with_answer)
    events.register(f"after-call-error.{service}", _hand_on_with_error)


def _note_attempt(request: Any, **_event: object) -> None:
    now = time.time()
    request.context.setdefault(_ATTEMPTS, _Attempts(now)).sent_at = now


def _note_end_of_attempt(
    response: Any, caught_exception: Exception | None, request_dict: Mapping[str, Any], **_event: object
) -> None:
    attempts = request_dict["context"].get(_ATTEMPTS)
    if attempts is None:
        return
    if caught_exception is not None:
        attempts.lost = attempts.lost or not isinstance(caught_exception, NEVER_SENT)
    elif response is not None and response[0].status_code in SERVER_ERRORS:
        attempts.lost = True


def _hand_on_with_answer(parsed: Any, context: Mapping[str, Any], **_event: object) -> None:
    if isinstance(parsed, dict) and _ATTEMPTS in context:
        parsed.setdefault("ResponseMetadata", {})[_ATTEMPTS] = context[_ATTEMPTS]


def _hand_on_with_error(exception: Exception, context: Mapping[str, Any], **_event: object) -> None:
    vars(exception)[_ATTEMPTS] = context.get(_ATTEMPTS)


def call(method: Callable[..., Any], **arguments: Any) -> Answer:
    """Make a call. Returns its answer. Raises ServiceError when it failed for good, which says whether it is in doubt.

    method: of a client that has been attached to (see attach); of another one, all attempts count as one.
    """
    began = _Attempts(time.time())
    try:
        content = method(**arguments)
        attempts = content.get("ResponseMetadata", {}).pop(_ATTEMPTS, began)
        return Answer(content, attempts.sent_at)
    except ClientError as error:
        raise _refusal(error) from error
    except BotoCoreError as error:
        code = type(error).__name__
        if "Invalid header value" in str(error):
            # The message repeats the header, which is a session token or an access key.
            raise ServiceError(
                code, "A credential holds a character that HTTP does not allow.", _CREDENTIAL_HINT
            ) from None
        attempts = vars(error).get(_ATTEMPTS) or began
        in_doubt = attempts.lost or not isinstance(error, NEVER_SENT)
        raise ServiceError(code, sentence(error), hint_for_sdk_error(error), in_doubt=in_doubt) from error
    except (AttributeError, KeyError, OSError, ResponseParserError, TypeError, ValueError) as error:
        # botocore's parser takes the types of an answer on trust; and a credential process may vanish in the middle.
        raise unexpected({}, f"form that botocore can read ({type(error).__name__})") from error


def read(method: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Make a call that changes nothing, so that a failure leaves nothing in doubt.

    Returns the members of the answer. Raises ServiceError.
    """
    try:
        return call(method, **arguments).content
    except ServiceError as error:
        raise replace(error, in_doubt=False) from error


_CREDENTIAL_HINT = "Check access_key and session_token for line breaks."

# Of a page of HTML, which a proxy may send, the beginning is enough.
_MAX_MESSAGE_LENGTH = 500


def _refusal(error: ClientError) -> ServiceError:
    details = error.response.get("Error", {})
    metadata: dict[str, Any] = dict(error.response.get("ResponseMetadata", {}))
    attempts = metadata.get(_ATTEMPTS)
    code = printable(details.get("Code") or "UnknownError")
    message = printable(details.get("Message") or "AWS gave no message")[:_MAX_MESSAGE_LENGTH]
    tries = metadata.get("RetryAttempts", 0) + 1
    facts = [f"tried {tries} times"] if tries > 1 else []
    if metadata.get("RequestId"):
        facts.append(f"request id {printable(metadata['RequestId'])}")
    return ServiceError(
        code,
        f"{message.rstrip('.')} ({', '.join(facts)})" if facts else message,
        hint_for(code),
        in_doubt=(attempts is not None and attempts.lost) or metadata.get("HTTPStatusCode") in SERVER_ERRORS,
        resource_type=printable(error.response.get("ResourceType", "")),
    )


def unexpected(answer: Mapping[str, Any], missing: str, *, in_doubt: bool = True) -> ServiceError:
    """Return the error for an answer that lacks what the service always sends: something else answered."""
    request_id = printable(answer.get("ResponseMetadata", {}).get("RequestId", ""))
    return ServiceError(
        "UnexpectedAnswer",
        f"The answer has no {missing}" + (f" (request id {request_id})" if request_id else ""),
        hint_for("ResponseParserError"),
        in_doubt=in_doubt,
    )


def sentence(error: Exception) -> str:
    """Return what an exception of the SDK says, as a sentence that is safe to print."""
    return printable(error).rstrip(".") + "."
