# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Profiles that need an MFA code, for which the SDK prompts on a terminal. There is none. Pure."""

from __future__ import annotations

from typing import Any, Mapping


def needs_code(profiles: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    """Return whether the SDK would ask for an MFA code to assume the role of a profile.

    profiles: as in the configuration of the SDK. name: of the profile that is used. It may name others in
    ``source_profile`` (AWS SDKs and Tools Reference Guide, "Assume role credential provider").
    """
    seen: set[str] = set()
    while name in profiles and name not in seen:
        seen.add(name)
        profile = profiles[name]
        if "role_arn" not in profile or "web_identity_token_file" in profile:
            return False
        if profile.get("mfa_serial"):
            return True
        name = str(profile.get("source_profile", ""))
    return False
