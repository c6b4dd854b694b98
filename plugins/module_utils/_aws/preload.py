# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Preloading of the data for clients, which is most of the work of making one."""

from __future__ import annotations

import contextlib
from typing import NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import (
    HAS_SDK,
    INSTANCE_CONNECT,
    TRANSFER,
    BotoCoreError,
    Loader,
    create_loader,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ssl_context import CABundle, read_bundle


class Preloaded(NamedTuple):
    """The data that the clients of a process share.

    loader: botocore's Loader, which has read the descriptions of the services.
    bundle: the CA bundle; None if it could not be read, and then each client reads it.
    """

    loader: Loader
    bundle: CABundle | None


def preload(services: Sequence[str] = (INSTANCE_CONNECT, TRANSFER)) -> Preloaded | None:
    """Read the data for clients of services, as in sdk.py. Makes no session. Returns None if there is no SDK."""
    if not HAS_SDK:
        return None
    loader = create_loader()
    # Data that a different botocore lacks, or keeps elsewhere, is read when a client needs it.
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        with contextlib.suppress(BotoCoreError):
            loader.load_data(name)
    for service in services:
        for kind in ("service-2", "endpoint-rule-set-1"):
            with contextlib.suppress(BotoCoreError):
                loader.load_service_model(service, kind)
    return Preloaded(loader, read_bundle())
