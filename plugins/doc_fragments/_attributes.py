# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections!

"""What every module of the collection says of itself in the same words."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes, written once."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the result that a real run would, without changing anything.
  diff_mode:
    description: Returns what has changed, or would in C(check_mode), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode with the same arguments, the second run indicates no change.
      - This assumes that nobody else has changed the same thing in between.
"""

    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module reads only.
  diff_mode:
    support: N/A
    details:
      - This module reads only.
  idempotent:
    support: full
    details:
      - This module reads only.
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/sshkeys.aws.aws) in C(module_defaults) to set defaults for this module and those of C(amazon.aws).
    support: full
    membership:
      - sshkeys.aws.aws
"""

    # Not amazon.aws.boto3, which names a Python that this collection does not support.
    SDK = r"""
options: {}
requirements:
  - python >= 3.8
  - boto3 >= 1.28.0 and botocore >= 1.31.0, or newer ones if the installed C(amazon.aws) asks for them
"""

    FAST_PATH = r"""
options: {}
notes:
  - A private key in any option is refused on the controller, before the module and its options are sent or logged.
  - On the controller itself, which is where C(delegate_to=localhost) leads, the module runs inside the worker process
    of its task, and takes a fraction of the time. Its result is the same. Only the warnings of an import of amazon.aws
    are told once, and not in each result, and work that takes more than five seconds says on standard error how far it
    is. The module gets a process of its own, as other modules do, where the task has C(become), C(async), C(timeout),
    another Python interpreter, an option under two of its names, or variables in C(environment) that are not about
    AWS, proxies, certificates and C(XDG_CACHE_HOME), where O(debug_botocore_endpoint_logs) is set, where the system is
    not Linux, and where the variable C(sshkeys_aws_fast_path) is V(false).
"""
