#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation alone: the action plugin of this name does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_config
short_description: Let ssh reach the EC2 instances of an inventory by hand
version_added: 0.2.0
description:
  - Writes a file for OpenSSH with a C(Host) block for each host of the inventory that is an EC2 instance or a managed
    node. The playbook C(sshkeys.aws.ssh_config) calls it.
  - With the file included in C(~/.ssh/config), C(ssh), C(scp), C(sftp), C(rsync), C(git), the remote modes of editors
    and M(ansible.posix.synchronize) reach the hosts as P(sshkeys.aws.ec2_instance_connect#connection) does. A key is
    pushed when ssh connects, and a host without a public address is reached through a tunnel.
  - The options of the connection apply to each host as its variables, C(ansible.cfg) and the environment set them. The
    connection documents them. Options that hold arguments of ssh, such as C(ansible_ssh_common_args), do not apply.
  - The first ssh of a user starts a process that makes the connections (C(broker.py)). It keeps a key pair in
    C($XDG_RUNTIME_DIR), or in a folder of its own in C($TMPDIR) or C(/tmp). It ends when it has been idle for
    O(idle_timeout), and the key goes with the last of these processes.
  - The file has no secret. Credentials and profile are those of the shell that ssh runs in, unless the inventory names
    a profile in C(ansible_ec2_instance_connect_profile). Shells with different credentials have a process each.
  - It is an action. Whatever host the task is for, the file is on the controller.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
requirements:
  - boto3 and botocore, on the controller
  - websockets >= 15.0, on the controller, for tunnels
  - OpenSSH 7.8 or later, on the controller. Older versions read no lines as long as those of the file.
  - In OpenSSH before 9.6, the fix for CVE-2023-51385, which distributions have backported. Without it, a user name in a
    URL that you did not write, such as that of a git submodule, can run a command.
notes:
  - The file names the Python of C(ansible-playbook) and the collection by their paths. If one of them moves, run the
    playbook again.
  - ssh takes the first value that it finds, so include the file before other C(Host) blocks. What stands in front of
    it, and options on the command line, such as C(ssh -l root), still apply.
  - The user of the instance is C(ansible_user). Without it, ssh takes the name that you have on the controller.
  - The public address of an instance is asked of EC2 (C(ec2:DescribeInstances)) when ssh connects, because it may
    change. Facts of AWS and closed ways are remembered for a minute.
seealso:
  - plugin: sshkeys.aws.ec2_instance_connect
    plugin_type: connection
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
options:
  path:
    description:
      - The file. Its folder is made if it is not there.
      - A file that this module has not written is left as it is, and the task fails.
      - Give each inventory a file of its own.
    type: path
    default: ~/.ssh/sshkeys.aws.config
  state:
    description:
      - V(present) writes the file if it differs. V(absent) deletes it.
    type: str
    choices: [present, absent]
    default: present
  hosts:
    description:
      - The inventory names of the hosts.
      - Required if O(state=present).
    type: list
    elements: str
  idle_timeout:
    description:
      - The seconds without a connection after which the process that makes the connections ends.
    type: int
    default: 1800
"""

EXAMPLES = r"""
# The playbook does it for all hosts of an inventory, and prints the line for ~/.ssh/config:
#
#   ansible-playbook -i fleet.aws_ec2.yml sshkeys.aws.ssh_config
#   ssh web-1

- name: Let ssh reach the web servers by hand
  hosts: web
  gather_facts: false
  tasks:
    - name: Write the file
      sshkeys.aws.ssh_config:
        hosts: "{{ ansible_play_hosts_all }}"
        path: ~/.ssh/web.config
        idle_timeout: 600
      run_once: true
      delegate_to: localhost
      register: written

    - name: Say what to add to ~/.ssh/config
      ansible.builtin.debug:
        msg: "{{ written.include }}"
      run_once: true

- name: Take the file away
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Delete the file
      sshkeys.aws.ssh_config:
        path: ~/.ssh/web.config
        state: absent
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
  sample: /home/alice/.ssh/sshkeys.aws.config
hosts:
  description: The hosts in the file, in its order. It is empty if O(state=absent).
  returned: success
  type: list
  elements: dict
  contains:
    names:
      description: The names by which ssh reaches the host.
      type: list
      elements: str
    instance_id:
      description: The id of the instance or the managed node.
      type: str
  sample:
    - names: [web-1, i-0123456789abcdef0]
      instance_id: i-0123456789abcdef0
left_out:
  description: What is not in the file, and why.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: The inventory name.
      type: str
    reason:
      description: A sentence.
      type: str
  sample:
    - host: Web Server 1
      reason: "ssh takes no such name. Use its instance id: ssh i-0123456789abcdef0"
include:
  description: The line for the top of C(~/.ssh/config).
  returned: success
  type: str
  sample: Include sshkeys.aws.config
is_included:
  description: Whether C(~/.ssh/config) includes the file for all hosts, before its first C(Host) or C(Match).
  returned: success
  type: bool
  sample: false
says:
  description: What was done and what is left to do, as sentences for the user.
  returned: success
  type: list
  elements: str
  sample:
    - ssh finds 12 hosts in /home/alice/.ssh/sshkeys.aws.config.
    - "Add this line at the top of ~/.ssh/config: Include sshkeys.aws.config"
"""
