# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""A call to AWS, with the record of its attempts, and its failure as an error with a hint."""

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
    """The answer to a call.

    content: the members of the answer, with ResponseMetadata.
    sent_at: the time at which the answered attempt was sent, in seconds since the epoch.
    """

    content: dict[str, Any]
    sent_at: float


@dataclass
class _Attempts:
    """The attempts of one call, recorded from botocore's events.

    sent_at: the time of the last attempt, in seconds since the epoch.
    lost: whether the fate of an attempt that was sent is unknown.
    """

    sent_at: float
    lost: bool = False


# The key of the record in the request's context, which all events of a call share, and in its answer or error.
_ATTEMPTS = "sshkeys_aws_attempts"


def attach(client: Any, service: str) -> None:
    """Record when the calls of a client are sent and whether they are in doubt. service: as in sdk.py."""
    events = client.meta.events
    # Last, because signing may first fetch credentials.
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
    """Make a call. Returns its answer. Raises ServiceError, with in_doubt set, if the call failed.

    method: of a client passed to ``attach``; for any other client, all attempts count as one.
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
            # The exception's message repeats the header, which is a session token or an access key.
            raise ServiceError(
                code, "A credential contains a character that HTTP does not allow.", _CREDENTIAL_HINT
            ) from None
        attempts = vars(error).get(_ATTEMPTS) or began
        in_doubt = attempts.lost or not isinstance(error, NEVER_SENT)
        raise ServiceError(code, sentence(error), hint_for_sdk_error(error), in_doubt=in_doubt) from error
    except RuntimeError as error:
        # botocore raises it if refreshed credentials have expired, before it sends anything.
        code = "CredentialRetrievalError"
        raise ServiceError(code, sentence(error), hint_for(code)) from error
    except (AttributeError, KeyError, OSError, ResponseParserError, TypeError, ValueError) as error:
        # botocore's parser does not check the types in an answer; and a credential process may disappear during a call.
        raise unexpected({}, f"format that botocore can read ({type(error).__name__})") from error


def read(method: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Make a call that changes nothing, so a failure is never in doubt.

    Returns the members of the answer. Raises ServiceError.
    """
    try:
        return call(method, **arguments).content
    except ServiceError as error:
        raise replace(error, in_doubt=False) from error


_CREDENTIAL_HINT = "Check access_key and session_token for line breaks."

# The message may be a page of HTML from a proxy: its beginning is enough.
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
    """Return the error for an answer that lacks a member that the service always sends, and so is not from it."""
    request_id = printable(answer.get("ResponseMetadata", {}).get("RequestId", ""))
    return ServiceError(
        "UnexpectedAnswer",
        f"The answer has no {missing}" + (f" (request id {request_id})" if request_id else ""),
        hint_for("ResponseParserError"),
        in_doubt=in_doubt,
    )


def sentence(error: Exception) -> str:
    """Return the message of an exception of the SDK, as a sentence that is safe to print."""
    return printable(error)[:_MAX_MESSAGE_LENGTH].rstrip(".") + "."
