# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What to do about an error of a call for a Transfer user. Pure.

AWS documents codes but no messages, and one code, InvalidRequestException, for many reasons. So the wording of the
message decides, and what it does not tell apart gets the hint for all reasons of the call.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError

_OTHER_PROVIDER = (
    "Only a server with the identity provider SERVICE_MANAGED has users of its own. For any other server, manage users "
    "and keys in its identity provider."
)
_TOO_MANY_TAGS = "A user has at most 50 tags. Take some away: purge_tags=true removes all that are not declared."
_TAG = (
    "Check the names and values of the tags: letters, digits, blanks and _ . : / = + - @, and no name that begins with "
    "aws:."
)
_TOO_MANY_USERS = "The server has as many users as AWS allows. Delete one, or ask AWS to raise the quota of users."
_MAPPING = (
    "Check home_directory and home_directory_mappings: paths are absolute, no target ends with a slash, and each entry "
    "is mapped once. Mappings need home_directory_type LOGICAL, and with it home_directory is a path that the user "
    "sees, so it must be an entry or below one: set it anew, or to an empty text."
)
_ROLE = (
    "Check role_arn: the role must exist in this account, its trust policy must allow transfer.amazonaws.com to assume "
    "it, and these credentials need iam:PassRole on it."
)
_POLICY = (
    "Check policy: an IAM policy document with Version and Statement, of at most 2048 characters. It applies only to "
    "servers whose domain is S3."
)
_PROFILE = "Check posix_profile: a server whose domain is EFS needs it, and one whose domain is S3 does not take it."
_KEY = "Check public_keys: Transfer Family refused the first key, with which the user was to be created."

# The first pattern that a message matches decides. What a message names as the reason comes before the words in it that
# only tell the place.
_REASONS = (
    (r"identity.?provider|SERVICE_MANAGED|service.managed", _OTHER_PROVIDER),
    (r"public key|SshPublicKey", _KEY),
    (
        r"\btags?\b.*(limit|quota|exceed|maximum|too many)|(limit|quota|exceed|maximum|too many).*\btags?\b",
        _TOO_MANY_TAGS,
    ),
    (r"\btags?\b|\btag.?keys?\b", _TAG),
    (
        r"\busers?\b.*(limit|quota|exceed|maximum|too many)|(limit|quota|exceed|maximum|too many).*\busers?\b",
        _TOO_MANY_USERS,
    ),
    (r"home.?directory|mapping|\bentry\b|\btarget\b", _MAPPING),
    (r"posix|\buid\b|\bgid\b", _PROFILE),
    (r"\broles?\b|assume|trust|pass.?role", _ROLE),
    (r"policy", _POLICY),
)
_REFUSALS = frozenset(
    {
        "InvalidRequestException",
        "ValidationException",
        "ConflictException",
        "LimitExceededException",
        "ServiceQuotaExceededException",
    }
)
_UNTOLD = (
    "Check that the server manages its users itself (identity provider SERVICE_MANAGED), that Transfer Family may "
    "assume the role, and that paths are absolute."
)


def with_hint(error: ServiceError) -> ServiceError:
    """Return the error of a call for a user with the remedy for its reason."""
    if error.code.startswith("AccessDenied") and re.search("pass.?role", error.message, re.IGNORECASE):
        return replace(error, hint=_ROLE)
    if error.code not in _REFUSALS:
        return error
    # The names in an ARN are the user's own.
    words = re.sub(r"\barn:\S+", "", error.message)
    for pattern, hint in _REASONS:
        if re.search(pattern, words, re.IGNORECASE):
            return replace(error, hint=hint)
    return replace(error, hint=_UNTOLD)
