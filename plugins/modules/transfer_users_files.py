#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation alone: the action plugin of this name does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_users_files
short_description: Read AWS Transfer Family users and their keys from a CSV file or a folder
version_added: 0.3.0
description:
  - Reads users from a CSV file, from a folder with their public keys, or from both, on the controller. What it returns
    is what the option C(users) of M(sshkeys.aws.transfer_user) takes. The playbook C(sshkeys.aws.transfer_users) makes
    the users with it.
  - It checks every cell and every key. If anything is wrong, it fails with all faults. Each names the file, the line,
    the column and the value, but never a value that could be a private key.
  - It sends nothing. Relative paths begin in the current folder, and files that C(ansible-vault) has encrypted are
    decrypted.
  - It is an action. Whatever host the task is for, the files are on the controller.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
options:
  csv:
    description:
      - A CSV file. At least one of O(csv) and O(folder) is needed. With both, a user may be in either, and the keys of
        both are added up.
      - Its first line names the columns, in any order. C(user_name) is needed. The others are C(state), C(role_arn),
        C(home_directory), C(home_directory_type), C(home_directory_mappings), C(policy), C(uid), C(gid),
        C(secondary_gids), C(tags), C(public_keys), C(public_key_files), C(exclusive) and C(allow_empty). Each is the
        option of M(sshkeys.aws.transfer_user), and C(uid), C(gid) and C(secondary_gids) are those of its
        C(posix_profile). The API's names, such as C(UserName), count too.
      - An empty cell says nothing. A default of this task counts, and what an existing user has stays. A user without a
        declared key is a fault all the same, unless O(allow_empty) is set.
      - C([]) takes away what an existing user has. In C(home_directory) it takes the path away, in
        C(home_directory_mappings) the mappings, and in C(public_keys) all keys, if O(allow_empty) is set. So does C({})
        in C(policy) and C(tags).
      - A list has C(;) or a line break between its elements, a pair has C(=) between its parts. So
        C(home_directory_mappings) is C(/=/bucket/home;/incoming=/bucket/in), C(tags) is C(team=finance;env=prod),
        and C(secondary_gids) is C(100;200). Mappings and tags may also be JSON. C(policy) is JSON.
      - In C(home_directory), C(home_directory_mappings) and C(home_dir), C({user_name}) stands for the name of the
        user.
      - C(public_keys) are keys as they stand in C(.pub) files. C(public_key_files) are names of files, relative to the
        folder of the CSV file.
      - A user may have several rows, such as one for each key. The keys are added up. Every other cell must be empty,
        or the same in all rows.
      - With C(absent) in C(state) in all rows of a user, the user is deleted with its keys. Nothing else in these rows
        counts.
      - It may come from a spreadsheet. A byte order mark, C(;) or tabs between the cells, a first line C(sep=;), and
        empty rows and columns are fine. It must be UTF-8.
      - The columns C(username), C(home_dir), C(public_key) and C(role_arn) of the module terraform-aws-transfer-family
        are read as that does. C(home_dir) needs O(bucket).
    type: path
  folder:
    description:
      - A folder. It has a file C(NAME.pub), or a folder C(NAME) with C(*.pub) files, for each user C(NAME).
    type: path
  bucket:
    description:
      - The bucket of the paths in a column C(home_dir). The home of the user becomes the mapping of C(/) to
        C(/BUCKET/PATH).
    type: str
  role_arn:
    description: The default of C(role_arn) for all users.
    type: str
  home_directory:
    description:
      - The default of C(home_directory). C({user_name}) stands for the name of each user.
      - A user with C(home_directory_type) or C(home_directory_mappings) of its own takes neither of them, and no
        C(home_directory), from the defaults. A user with only a C(home_directory) of its own stays in the mappings of
        the defaults. To let it see absolute paths, set its C(home_directory_type) to C(PATH).
    type: str
  home_directory_type:
    description: The default of C(home_directory_type).
    type: str
    choices: [PATH, LOGICAL]
  home_directory_mappings:
    description:
      - The default of C(home_directory_mappings), as a list or as in a cell of O(csv). C({user_name}) in it stands for
        the name of each user.
    type: raw
  policy:
    description: The default of C(policy), as a mapping or as JSON.
    type: raw
  posix_profile:
    description: The default of C(posix_profile), with C(uid), C(gid) and C(secondary_gids).
    type: dict
  tags:
    description: The default of C(tags), as a mapping or as in a cell of O(csv).
    type: raw
  allow_empty:
    description:
      - Whether users may have no key. Otherwise a user without a key is a fault, because it could not log in, and
        because an empty file gives the same.
      - If no key is declared for a user, neither in a cell nor in a file, the keys of an existing user stay. Its
        element has no C(public_keys), and C(exclusive) is V(false).
      - If a user is declared to have no key, by C([]) in C(public_keys), by an empty file, or by a folder C(NAME)
        without a C(*.pub) file, its keys are removed by M(sshkeys.aws.transfer_user) with
        O(sshkeys.aws.transfer_user#module:exclusive).
    type: bool
    default: false
  unsupported_keys:
    description:
      - What to do with a sound public key of a type that Transfer Family does not accept. With V(fail) it is a fault.
        With V(skip) it stays in the list, for the same option of M(sshkeys.aws.transfer_user).
    type: str
    choices: [fail, skip]
    default: fail
seealso:
  - module: sshkeys.aws.transfer_user
"""

EXAMPLES = r"""
- name: Read the users
  sshkeys.aws.transfer_users_files:
    csv: users.csv
    folder: keys
    role_arn: arn:aws:iam::123456789012:role/sftp
    home_directory_mappings: "/=/example-bucket/home/{user_name}"
  register: read

- name: Make the users as declared
  sshkeys.aws.transfer_user:
    server_id: s-01234567890abcdef
    users: "{{ read.users }}"
    exclusive: true
    region: us-east-1
"""

RETURN = r"""
users:
  description: The users, in the order of the file and then of the folder, as M(sshkeys.aws.transfer_user) takes them.
  returned: success
  type: list
  elements: dict
  sample:
    - user_name: partner
      role_arn: arn:aws:iam::123456789012:role/sftp
      home_directory_mappings:
        - entry: /
          target: /example-bucket/home/partner
      public_keys:
        - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx alice@laptop
"""
