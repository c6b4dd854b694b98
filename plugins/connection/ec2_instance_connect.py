# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's own ssh, with a ProxyCommand that pushes the key and makes the connection.

Every task of every host loads this file in a separate process, so it does and imports as little as it can. The
ProxyCommand does all slow work: ssh runs it only when it opens a new connection.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: ec2_instance_connect
short_description: ssh to EC2 instances without keys, bastions or open ports
version_added: 0.1.0
description:
  - The P(ansible.builtin.ssh#connection) connection, with all its options. Before ssh opens a connection, a public key
    is pushed to the instance with EC2 Instance Connect. It opens one OS user for 60 seconds.
  - The key pair is made for the run and deleted when the run ends, unless you give your own.
  - An instance without a public address is reached through an EC2 Instance Connect Endpoint of its VPC, or else through
    Session Manager of AWS Systems Manager, without the AWS CLI and without session-manager-plugin.
  - Managed nodes (C(mi-...)) are reached through Session Manager, with a key of your own.
  - A host is identified by its instance id, so it does not matter if its address changes.
  - Its own options are O(tunnel), O(host_keys), O(public_key), O(instance_connect_endpoint_id),
    O(instance_connect_endpoint_dns_name) and O(max_tunnel_duration); for AWS, O(region), O(profile), O(access_key),
    O(secret_key), O(session_token), O(assume_role_arn) and O(endpoint_url); and from the inventory, O(instance_id),
    O(placement), O(private_ip_address), O(public_ip_address), O(vpc_id), O(subnet_id), O(address), O(inventory_name)
    and O(delegate_to). All others are those of ssh.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
requirements:
  - boto3 >= 1.28.0 and botocore >= 1.31.0, on the controller
  - websockets >= 15.0, on the controller, for tunnels
  - OpenSSH 7.6 or later, on the controller
notes:
  - All work is done on the controller. The AWS SDK looks for credentials there.
  - A key is pushed when ssh opens a connection, unless AWS accepted it less than 45 seconds ago for the same user of
    the same instance. Tasks that share a connection (C(ControlPersist), the default of Ansible) share a push.
  - One process makes the connections of a run. It ends with the run and the last tunnel.
  - A session of Session Manager is terminated when its connection ends. ssh asks the instance for a sign of life every
    50 seconds (C(ServerAliveInterval)), so that a quiet task outlives the idle timeout of the session. To set another
    interval, add it to C(ansible_ssh_common_args).
  - A managed node of Systems Manager (C(mi-...)) is no EC2 instance. No key can be pushed to it, so set
    C(ansible_private_key_file) or O(public_key) to a key that its user accepts already. It has no console output, so
    its host keys must be known to ssh, or O(host_keys) must be V(accept-new) or V(ssh).
  - With C(-vvv), each new connection says which way it took, how long each step lasted, and whether it pushed the key.
  - Secrets in variables are written to a file on the controller's disk for the duration of the run. Only its owner can
    read it. Secrets from the environment or a profile are not written.
  - ansible-core 2.22 and later print C($REDACTED$) instead of O(secret_key) and O(session_token).
  - A host that you do not trust may send facts with the names of these variables. Set C(inject_facts_as_vars) to false
    in C(ansible.cfg), so that such facts are ignored.
  - Set the connection of a play with the keyword C(connection), as the examples do. The variable C(ansible_connection)
    of a play applies to C(localhost) too, and so to C(delegate_to=localhost) and C(local_action).
  - ssh, sftp and scp get the name of the host, so that C(Host) blocks in the configuration of ssh apply to it. If one
    of them would not accept it as a host name, such as C(Web Server 1) or C(app@prod), they get the instance id.
  - C(ProxyCommand) and C(ProxyJump) cannot be used with this connection, which sets its own. It refuses one in the
    options of Ansible or in the configuration of ssh. To ignore one in the configuration of ssh for this connection,
    add C(-o ProxyCommand=none) to C(ansible_ssh_common_args).
  - In check mode the connection does connect, and pushes a key, because tasks need the host to predict their changes.
seealso:
  - module: sshkeys.aws.ec2_instance_connect_key
  - plugin: ansible.builtin.ssh
    plugin_type: connection
extends_documentation_fragment:
  - sshkeys.aws._secret
  - sshkeys.aws._ssh
  - connection_pipelining
options:
  instance_id:
    description:
      - The id of the instance. The P(amazon.aws.aws_ec2#inventory) inventory sets the variable C(instance_id).
      - Or the id of a managed node of Systems Manager, such as V(mi-0123456789abcdef0).
      - Without it, C(ansible_host) or the name of the host is used if it is an instance id.
    type: str
    vars:
      - name: instance_id
      - name: ansible_ec2_instance_connect_instance_id
  placement:
    description:
      - The placement of the instance, as the P(amazon.aws.aws_ec2#inventory) inventory sets it. C(availability_zone) is
        sent with the push, and C(region) is used if O(region) is not set for the host.
    type: dict
    vars:
      - name: placement
  private_ip_address:
    description:
      - The private address of the instance. EC2 is asked for it if it is needed and not given.
    type: str
    vars:
      - name: private_ip_address
      - name: ansible_ec2_instance_connect_private_ip_address
  public_ip_address:
    description:
      - The public address of the instance. An empty text means that it has none.
    type: str
    vars:
      - name: public_ip_address
      - name: ansible_ec2_instance_connect_public_ip_address
  vpc_id:
    description:
      - The VPC of the instance, which is searched for an endpoint.
    type: str
    vars:
      - name: vpc_id
      - name: ansible_ec2_instance_connect_vpc_id
  subnet_id:
    description:
      - The subnet of the instance. An endpoint in the same subnet is preferred.
    type: str
    vars:
      - name: subnet_id
      - name: ansible_ec2_instance_connect_subnet_id
  address:
    description:
      - The address to connect to, instead of the public or the private address of the instance.
      - The inventory name of the host does not count as an address. Ansible sets C(ansible_host) to it for a task that
        is delegated to the host.
    type: str
    vars:
      - name: ansible_host
      - name: ansible_ssh_host
  inventory_name:
    description:
      - The name of the host in the inventory, which Ansible sets.
    type: str
    vars:
      - name: inventory_hostname
  delegate_to:
    description:
      - The host to which a task is delegated, from the keyword of the task.
    type: str
    keyword:
      - name: delegate_to
  tunnel:
    description:
      - The way to the instance.
      - V(auto) tries these ways in this order, and takes the first that is open. (1) If the instance has a public
        address, directly, as V(never). (2) Through an EC2 Instance Connect Endpoint, if the VPC has one. (3) If
        O(address) is set, or C(HostName) in the configuration of ssh, directly to that address. (4) Through Session
        Manager. (5) Directly to the private address. The run remembers which ways to a host were closed.
      - A way counts as closed if there is none, if the permission for it is missing, or if nothing answers. If an
        address refuses the connection, the instance is there, and no other way is tried.
      - With O(instance_connect_endpoint_id), V(auto) tries only the first two.
      - V(endpoint) goes through an EC2 Instance Connect Endpoint, which reaches only the ports 22 and 3389.
      - V(session_manager) goes through Session Manager, which needs the SSM agent on the instance. It reaches the
        loopback address of the instance, at any port.
      - V(never) connects to C(HostName) from the configuration of ssh if it is set for the host, else to O(address),
        else to the public address, else to the private one.
    type: str
    choices: [auto, endpoint, session_manager, never]
    default: auto
    vars:
      - name: ansible_ec2_instance_connect_tunnel
    env:
      - name: ANSIBLE_EC2_INSTANCE_CONNECT_TUNNEL
    ini:
      - section: ec2_instance_connect_connection
        key: tunnel
  instance_connect_endpoint_id:
    description:
      - The endpoint to use, such as V(eice-0123456789abcdef0). The default is the one in the subnet of the instance,
        else the first one in its VPC.
    type: str
    vars:
      - name: ansible_ec2_instance_connect_endpoint_id
  instance_connect_endpoint_dns_name:
    description:
      - The DNS name of O(instance_connect_endpoint_id). With both options, EC2 is not asked for the endpoint.
    type: str
    vars:
      - name: ansible_ec2_instance_connect_endpoint_dns_name
  max_tunnel_duration:
    description:
      - The seconds after which AWS ends a tunnel through an endpoint, 1 to 3600. The next task opens a new one.
    type: int
    default: 3600
    vars:
      - name: ansible_ec2_instance_connect_max_tunnel_duration
  host_keys:
    description:
      - The host keys to trust, besides those in the known_hosts files of ssh. ssh looks them up under the instance id.
      - V(console) trusts exactly the keys that the instance printed to its console output when it booted
        (C(ec2:GetConsoleOutput)). They are kept on the controller, below C(~/.local/state/sshkeys.aws/known_hosts), or
        below C($XDG_STATE_HOME). EC2 is asked only about an instance whose keys are not known yet.
      - V(accept-new) trusts the key that an instance shows the first time, and adds it to the known_hosts file of ssh.
      - V(ssh) leaves host keys to ssh and its configuration. This also applies if host key checking is off, or if the
        ssh arguments in Ansible's options contain C(StrictHostKeyChecking), C(HostKeyAlias),
        C(GlobalKnownHostsFile) or C(KnownHostsCommand).
    type: str
    choices: [console, accept-new, ssh]
    default: console
    vars:
      - name: ansible_ec2_instance_connect_host_keys
    env:
      - name: ANSIBLE_EC2_INSTANCE_CONNECT_HOST_KEYS
    ini:
      - section: ec2_instance_connect_connection
        key: host_keys
  public_key:
    description:
      - The public half of a key in the ssh agent, to push instead of a key made for the run.
      - For a key in a file, set C(ansible_private_key_file) instead.
    type: str
    vars:
      - name: ansible_ec2_instance_connect_public_key
  region:
    description:
      - The region of the instance. The default comes from O(placement), the environment, or the profile.
    type: str
    aliases: [aws_region, ec2_region]
    vars:
      - name: ansible_ec2_instance_connect_region
    env:
      - name: EC2_REGION
      - name: AWS_DEFAULT_REGION
      - name: AWS_REGION
  profile:
    description:
      - A profile of the AWS configuration.
    type: str
    aliases: [aws_profile]
    vars:
      - name: ansible_ec2_instance_connect_profile
    env:
      - name: AWS_DEFAULT_PROFILE
      - name: AWS_PROFILE
  access_key:
    description:
      - The AWS access key id.
    type: str
    aliases: [aws_access_key_id, aws_access_key]
    vars:
      - name: ansible_ec2_instance_connect_access_key
    env:
      - name: AWS_ACCESS_KEY
      - name: AWS_ACCESS_KEY_ID
  secret_key:
    description:
      - The AWS secret access key.
    type: str
    aliases: [aws_secret_access_key, aws_secret_key]
    vars:
      - name: ansible_ec2_instance_connect_secret_key
    env:
      - name: AWS_SECRET_KEY
      - name: AWS_SECRET_ACCESS_KEY
  session_token:
    description:
      - The session token of temporary credentials.
    type: str
    aliases: [aws_session_token]
    vars:
      - name: ansible_ec2_instance_connect_session_token
    env:
      - name: AWS_SESSION_TOKEN
  assume_role_arn:
    description:
      - The ARN of an IAM role to assume.
    type: str
    aliases: [iam_role_arn]
    vars:
      - name: ansible_ec2_instance_connect_assume_role_arn
  endpoint_url:
    description:
      - The URL of the AWS endpoint, instead of the one of the region. It is used for EC2 Instance Connect, EC2, Systems
        Manager and STS.
    type: str
    aliases: [aws_endpoint_url]
    vars:
      - name: ansible_ec2_instance_connect_endpoint_url
    env:
      - name: AWS_URL
"""

EXAMPLES = r"""
# A private fleet: no bastion, no open port, no key that outlives the run. fleet.aws_ec2.yml is an inventory of
# amazon.aws.aws_ec2, which sets all variables that the connection needs:
#
#   ansible-playbook -i fleet.aws_ec2.yml play.yml
- name: Set up the private fleet
  hosts: all
  connection: sshkeys.aws.ec2_instance_connect
  remote_user: ec2-user
  tasks:
    - name: Install chrony
      ansible.builtin.dnf:
        name: chrony
        state: present
      become: true

    # The keyword connection does not apply to localhost.
    - name: Tell the controller about it
      ansible.builtin.debug:
        msg: "{{ inventory_hostname }} is set up."
      delegate_to: localhost

- name: Connect to one instance by its id alone
  hosts: i-0123456789abcdef0
  connection: sshkeys.aws.ec2_instance_connect
  remote_user: ubuntu
  vars:
    ansible_ec2_instance_connect_region: eu-central-1
  tasks:
    - name: Say hello
      ansible.builtin.ping:

- name: Reach private instances through Session Manager, without looking for another way
  hosts: web
  connection: sshkeys.aws.ec2_instance_connect
  remote_user: ec2-user
  vars:
    ansible_ec2_instance_connect_tunnel: session_manager
  tasks:
    - name: Say hello
      ansible.builtin.ping:

- name: Reach a managed node, with a key that its user accepts already
  hosts: mi-0123456789abcdef0
  connection: sshkeys.aws.ec2_instance_connect
  remote_user: admin
  vars:
    ansible_ec2_instance_connect_region: eu-central-1
    ansible_ec2_instance_connect_host_keys: accept-new
    ansible_private_key_file: ~/.ssh/id_ed25519
  tasks:
    - name: Say hello
      ansible.builtin.ping:

- name: Connect with your own key, and never through a tunnel
  hosts: web
  connection: sshkeys.aws.ec2_instance_connect
  remote_user: ec2-user
  vars:
    ansible_private_key_file: ~/.ssh/id_ed25519
    ansible_ec2_instance_connect_tunnel: never
  tasks:
    - name: Say hello
      ansible.builtin.ping:
"""

import contextlib
import importlib.util
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ansible import constants as C  # noqa: N812 - as ansible-core names it
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ssh
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible.utils.display import Display
from ansible.utils.path import unfrackpath

_PLUGINS = os.path.normpath(os.path.join(os.path.dirname(__file__), os.pardir))

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.plugins.module_utils import _ssh_options
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import broker_session, host_options, run_folder
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
else:

    def _module(name: str) -> ModuleType:
        """Import a file of this collection as Python does, which keeps what it has compiled.

        ansible-core's importer compiles it in every task of every host, and that takes longer than all that is done
        with it.
        """
        path = os.path.join(_PLUGINS, *name.split(".")) + ".py"
        whole = f"ansible_collections.sshkeys.aws.plugins.{name}"
        if whole not in sys.modules:
            spec = importlib.util.spec_from_file_location(whole, path)
            module = sys.modules[whole] = importlib.util.module_from_spec(spec)
            try:
                spec.loader.exec_module(module)
            except BaseException:
                del sys.modules[whole]
                raise
        return sys.modules[whole]

    _ssh_options = _module("module_utils._ssh_options")
    broker_session = _module("plugin_utils._connect.broker_session")
    host_options = _module("plugin_utils._connect.host_options")
    run_folder = _module("plugin_utils._connect.run_folder")


def _define_options() -> None:
    """Define the options of this plugin for ansible-core, if it has read those of ssh, as ansible-playbook has.

    Otherwise it reads the long documentation of ssh again for each task of each host, as slow as a short task.
    """
    of_ssh = C.config.get_configuration_definitions("connection", "ssh")
    if of_ssh:
        try:
            ours = run_folder.made_once(
                run_folder.run_folder(), f"options-{os.stat(__file__).st_mtime_ns}.json", _own_options
            )
        except (run_folder.RunFolderError, OSError):
            # It is said when a task connects.
            ours = _own_options()
        C.config.initialize_plugin_configuration_definitions("connection", __name__, {**of_ssh, **ours})


def _own_options() -> dict[str, Any]:
    """Return the definitions of the options that ssh does not have. To read them takes as long as to load this file."""
    import yaml  # noqa: PLC0415 - once in a run
    from ansible_collections.sshkeys.aws.plugins.doc_fragments import _secret  # noqa: PLC0415

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    ours, secret = (
        yaml.load(documentation, Loader=loader)["options"]  # noqa: S506 - a safe loader
        for documentation in (DOCUMENTATION, _secret.ModuleDocFragment.DOCUMENTATION)
    )
    for name, mark in secret.items():
        ours[name].update(mark)
    defined: dict[str, Any] = ours
    return defined


_define_options()

_display = Display()
_PROGRAMS = os.path.join(_PLUGINS, "plugin_utils", "_connect")
_BROKER = os.path.join(_PROGRAMS, "broker.py")
_TEMPORARY_FOLDER = "Ansible's folder for temporary files (ANSIBLE_LOCAL_TEMP)"
_PROXIES = frozenset({"proxyjump", "proxycommand"})
_SSH_ARGUMENTS = ("ssh_args", "ssh_common_args", "ssh_extra_args")
_WHOM_TO_TRUST = frozenset({"stricthostkeychecking", "hostkeyalias", "globalknownhostsfile", "knownhostscommand"})


class _NotTried(AnsibleConnectionFailure):  # type: ignore[misc]  # ansible-core has no types
    """ssh was not started, for the reason in the message."""


class _Explained(AnsibleConnectionFailure):  # type: ignore[misc]  # ansible-core has no types
    """ssh has failed, and the message says what a user needs to know."""


class Connection(ssh.Connection):  # type: ignore[misc]  # ansible-core has no types
    """The connection sshkeys.aws.ec2_instance_connect."""

    # The file with the settings of the last command, and the settings.
    _handed_on: tuple[str, Settings] | None = None
    # As ansible-core has it, with a name for the folder; what ssh is told is set as the option.
    _control_path: str | None = None
    _opens_connections = True
    _known_broker: broker_session.Broker | None = None
    # That command, as far as the broker knows of it.
    _command: broker_session.Command | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start the broker of the run, which loads the SDK while the first task is being prepared."""
        super().__init__(*args, **kwargs)
        # Else ssh starts it, or says why not.
        with contextlib.suppress(run_folder.RunFolderError, OSError):
            self._broker(run_folder.run_folder()).start()

    # -- The command line of ssh ---------------------------------------------------------------------------------------

    def _build_command(self, binary: str, subsystem: str, *other_args: bytes | str) -> list[bytes]:
        self._refuse_proxies()
        try:
            self._of_host.check(self._name())
        except host_options.RefusedError as error:
            raise _NotTried(str(error)) from None
        instance_id = self._instance_id()
        command = self._command_of_ssh(binary, subsystem, instance_id)
        try:
            folder = run_folder.run_folder()
        except run_folder.RunFolderError as error:
            raise _NotTried(str(error)) from error
        public_key_file, identity_file = self._key(folder)
        settings = self._settings(instance_id, folder, public_key_file)
        if instance_id.startswith("mi-"):
            refusal = _refusals().managed_node(settings)
            if refusal:
                raise _NotTried(refusal)
        file = run_folder.write_once(folder, json.dumps(settings, sort_keys=True), ".json")
        self._handed_on = file, settings
        # The program needs only the standard library: with -I and -S it starts in half the time.
        parts = [
            sys.executable,
            "-I",
            "-S",
            os.path.join(_PROGRAMS, "proxy_command.py"),
            file,
            self._broker(folder).name,
        ]
        program = _ssh_options.proxy_command(parts)
        # ssh uses the first value that it gets, so the user's "none" only overrides the configuration of ssh.
        way = _as_arguments(f"ProxyCommand={program}", "ProxyUseFdpass=yes")
        after_the_program = command.index(os.fsencode(binary)) + 1
        command[after_the_program:after_the_program] = way
        told = host_options.for_ssh(
            instance_id,
            tunnel=settings["tunnel"],
            host_keys=settings["host_keys"],
            known_hosts=self._quoted_known_hosts(settings),
            identity_file=self._quoted(identity_file, _TEMPORARY_FOLDER) if identity_file else None,
        )
        options = [f"{keyword}={value}" for keyword, value in told.items()]
        self._add_args(command, _as_arguments(*options), "a key for the instance is pushed when ssh connects")
        if self._opens_connections:
            self._begin(file)
        return command + [other if isinstance(other, bytes) else other.encode() for other in other_args]

    def _quoted_known_hosts(self, settings: Settings) -> str:
        if settings["host_keys"] != "console":
            return ""
        return self._quoted(settings["known_hosts"], "The folder for host keys (XDG_STATE_HOME)", expands=False)

    def _command_of_ssh(self, binary: str, subsystem: str, instance_id: str) -> list[bytes]:
        """Return ansible-core's command line for ssh, with each path quoted for ssh."""
        folder = unfrackpath(self.get_option("control_path_dir"))
        self._name_connection(instance_id, folder)
        try:
            command: list[bytes] = super()._build_command(binary, subsystem)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            if folder not in str(error):
                raise
            raise _NotTried(_refusals().control_path(folder)) from error
        identities = {
            os.path.expanduser(self.get_option("private_key_file") or ""): "ansible_private_key_file",
            self._populated_agent_file(): _TEMPORARY_FOLDER,
        }
        for path, of in identities.items():
            raw = os.fsencode(f'IdentityFile="{path}"')
            if path and raw in command:
                command[command.index(raw)] = os.fsencode(f"IdentityFile={self._quoted(path, of)}")
        return command

    def _connection(self, instance_id: str) -> str:
        """Return a name for what ssh shares a connection by."""
        port, user = self.get_option("port"), self.get_option("remote_user")
        return f"{self.get_option('control_path')} {self.host} {port} {user} {instance_id}"

    def _name_connection(self, instance_id: str, folder: str) -> None:
        """Name persistent connections also by the inventory name and the instance.

        A new instance must not reuse the connection of an old one with the same name. Two names must not share one
        because ssh connects to the same address or instance id. Another way needs another connection.
        folder: for their sockets. ansible-core would quote it without escapes.
        """
        if self._control_path is None:
            path = self.get_option("control_path")
            if not path:
                port, user = self.get_option("port"), self.get_option("remote_user")
                names = f"{self._name()} {self.host} {self.get_option('tunnel')}"
                path = self._create_control_path(names, port, user, instance_id)
            self._control_path = path
        self._socket_of_ssh = self._control_path % {"directory": folder}
        of = "The folder for the sockets of ssh (ANSIBLE_SSH_CONTROL_PATH_DIR)"
        value = self._control_path % {"directory": self._quoted(folder, of)[1:-1]}
        self.set_option("control_path", value.replace("%", "%%"))

    def _quoted(self, path: str, of: str, *, expands: bool = True) -> str:
        """Return a path as the value of an option of ssh. Raises AnsibleConnectionFailure if no value can express it.

        of: the holder of the path, for a sentence. expands: see _ssh_options.escaped.
        """
        try:
            value = _ssh_options.quoted(path, expands=expands)
        except _ssh_options.UnusablePathError as error:
            raise _NotTried(f"{of} {error}") from error
        if _ssh_options.has_escapes(path):
            from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import openssh  # noqa: PLC0415 - rarely needed

            version = openssh.version(self.get_option("ssh_executable"))
            if version and version < openssh.FIRST_WITH_ESCAPES:
                raise _NotTried(_refusals().escapes(of, version))
        return value

    def _refuse_proxies(self) -> None:
        """Raise AnsibleConnectionFailure if options of Ansible set a proxy, which would bypass the push."""
        programs = {"sftp_extra_args": "sftp", "scp_extra_args": "scp"}
        for option in (*_SSH_ARGUMENTS, *programs):
            for told in self._told(option, programs.get(option, "ssh")):
                refusal = _refusals().proxy(option, told) if told.keyword in _PROXIES else ""
                if refusal:
                    raise _NotTried(refusal)

    def _is_told_whom_to_trust(self) -> bool:
        """Return whether options of Ansible set the trusted host keys. ssh uses them, because they come first."""
        return self.get_option("host_key_checking") is False or any(
            told.keyword in _WHOM_TO_TRUST for option in _SSH_ARGUMENTS for told in self._told(option, "ssh")
        )

    def _told(self, option: str, program: str) -> Iterator[_ssh_options.Told]:
        """Yield the ssh options in an option of Ansible. program: the program that gets them."""
        return _ssh_options.options_in(self._split_ssh_args(self.get_option(option) or ""), program)

    # -- The identity of the host --------------------------------------------------------------------------------------

    @property
    def _of_host(self) -> host_options.HostOptions:
        return host_options.HostOptions(self.get_option, self._variables_of)

    def _variables_of(self, option: str) -> list[str]:
        """Return the names of the environment variables that an option may come from."""
        defined = C.config.get_configuration_definition(option, "connection", self._load_name) or {}
        return [entry["name"] for entry in defined.get("env") or ()]

    def _name(self) -> str:
        """Return the inventory name of the host."""
        return self._of_host.name(self.host)

    def _instance_id(self) -> str:
        try:
            return self._of_host.instance_id(self._name())
        except host_options.RefusedError as error:
            raise _NotTried(str(error)) from None

    def _tell_ssh_whom(self) -> None:
        """Let ansible-core give ssh, sftp and scp a host name that all of them accept."""
        host = str(self.get_option("host") or self._play_context.remote_addr or "")
        self.set_option("host", _ssh_options.name_for_ssh(host, self._instance_id()))

    # -- The settings of the ProxyCommand ------------------------------------------------------------------------------

    def _settings(self, instance_id: str, folder: str, public_key_file: str) -> Settings:
        """Return the settings of the connection."""
        region, region_source = self._of_host.region()
        return {
            "private_ip_address": self.get_option("private_ip_address"),
            "public_ip_address": self.get_option("public_ip_address"),
            "vpc_id": self.get_option("vpc_id"),
            "subnet_id": self.get_option("subnet_id"),
            "tunnel": self.get_option("tunnel"),
            "instance_connect_endpoint_id": self.get_option("instance_connect_endpoint_id"),
            "instance_connect_endpoint_dns_name": self.get_option("instance_connect_endpoint_dns_name"),
            "max_tunnel_duration": self.get_option("max_tunnel_duration"),
            "connection": self._connection(instance_id),
            "instance_id": instance_id,
            "availability_zone": self._of_host.availability_zone(),
            "host": self._of_host.address(self._name(), instance_id),
            "name": str(self.host),
            "timeout": int(self.get_option("timeout")),
            "host_keys": "ssh" if self._is_told_whom_to_trust() else self.get_option("host_keys"),
            "global_known_hosts": list(host_options.GLOBAL_KNOWN_HOSTS),
            "known_hosts": os.path.join(run_folder.state_folder(), "known_hosts", instance_id),
            "public_key_file": public_key_file,
            "is_key_of_the_run": public_key_file == os.path.join(folder, f"{run_folder.PAIR}.pub"),
            "aws": {**self._of_host.aws(), "region": region},
            "region_source": region_source,
            "ssh": self._ssh_question(),
            "configuration": None,
            "collection_paths": list(AnsibleCollectionConfig.collection_paths),
            "controller": run_folder.controller(),
        }

    def _key(self, folder: str) -> tuple[str, str | None]:
        """Return the file of the public key to push, and the identity to give to ssh, None if it already has one."""
        if self.get_option("public_key"):
            # ssh finds the private half in its agent.
            file = run_folder.write_once(folder, f"{self.get_option('public_key').strip()}\n", ".pub")
            return file, file
        if self._populated_agent_file():
            return self._populated_agent_file(), None
        if self.get_option("private_key_file"):
            return f"{os.path.expanduser(self.get_option('private_key_file'))}.pub", None
        # The ProxyCommand makes the key before ssh reads it.
        key = os.path.join(folder, run_folder.PAIR)
        return f"{key}.pub", key

    def _populated_agent_file(self) -> str:
        """Return the file of the public key that ansible-core 2.19 and later put into an agent, or an empty string."""
        return str(getattr(self, "_populated_agent", None) or "")

    def _ssh_question(self) -> list[str]:
        """Return a command that prints ssh's configuration for the host. The order matters: the first value counts."""
        before, *after = (self._split_ssh_args(self.get_option(name) or "") for name in _SSH_ARGUMENTS)
        port, user = self.get_option("port"), self.get_option("remote_user")
        named = [*(["-p", str(port)] if port else []), *(["-l", user] if user else [])]
        return [self.get_option("ssh_executable"), *before, *named, *itertools.chain(*after), "-G", str(self.host)]

    # -- Commands, and their failures explained ------------------------------------------------------------------------

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command on the instance."""
        execute = super().exec_command
        ended: tuple[int, bytes, bytes] = self._work(lambda: execute(cmd, in_data=in_data, sudoable=sudoable))
        return ended

    def put_file(self, in_path: str, out_path: str) -> Any:
        """Copy a file to the instance."""
        put = super().put_file
        return self._work(lambda: put(in_path, out_path))

    def fetch_file(self, in_path: str, out_path: str) -> Any:
        """Copy a file from the instance."""
        fetch = super().fetch_file
        return self._work(lambda: fetch(in_path, out_path))

    def reset(self) -> None:
        """Close the connection that persists."""
        self._tell_ssh_whom()
        # It opens no connection, so it needs no place for one.
        self._opens_connections = False
        try:
            super().reset()
        finally:
            self._opens_connections = True

    def _work(self, work: Callable[[], Any]) -> Any:
        """Do something over ssh. Adds to an error which of push, tunnel and ssh failed, and the remedy."""
        self._tell_ssh_whom()
        is_first = True
        try:
            while True:
                try:
                    return work()
                except AnsibleConnectionFailure as error:
                    if isinstance(error, (_NotTried, _Explained)) or not self._handed_on:
                        # ssh was not started, or this copies a file by commands, one of which has failed.
                        raise
                    if not (is_first and self._lacks_a_push(str(error))):
                        raise _Explained(self._explained(str(error))) from None
                is_first = False
        finally:
            self._end()

    def _broker(self, folder: str) -> broker_session.Broker:
        """Return the broker of the run. folder: that of the run."""
        if not self._known_broker:
            paths = list(AnsibleCollectionConfig.collection_paths)
            self._known_broker = broker_session.Broker(
                folder, run_folder.broker_name(_BROKER), run_folder.controller(), paths
            )
        return self._known_broker

    def _begin(self, settings_file: str) -> None:
        """Tell the broker that a command begins, which may have to wait for a place of an endpoint."""
        self._end()
        # Without the broker, a connection that persists goes on; and a new one says what is wrong.
        with contextlib.suppress(OSError):
            self._command = self._broker(os.path.dirname(settings_file)).begin(
                settings_file, self._socket_of_ssh, wait=lambda sentence: _display.v(sentence, host=self.host)
            )

    def _end(self) -> None:
        """Tell the broker that the command has ended."""
        if self._command:
            if _display.verbosity:
                self._hear()
            self._command.end()
            self._command = None

    def _hear(self) -> None:
        """Read what the broker has said of the command, and show what is for the user."""
        if self._command:
            for message in self._command.hear():
                if "waits" in message:
                    _display.v(message["waits"], host=self.host)
                steps = message.get("made") or message.get("steps")
                if steps:
                    _display.vvv(steps, host=self.host)

    def _lacks_a_push(self, said: str) -> bool:
        """Return whether sshd has refused a key that was not pushed for this, and so is pushed next time.

        It was accepted a moment ago, but something took it from the instance. said: by ssh.
        """
        from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import explain  # noqa: PLC0415 - otherwise every task would compile it

        self._hear()
        if not self._handed_on or not self._command or not self._command.relied_on_an_earlier_push:
            return False
        file, settings = self._handed_on
        if not explain.is_refusal(said, settings):
            return False
        with contextlib.suppress(OSError):
            self._broker(os.path.dirname(file)).ask("forget", file)
        return True

    def _explained(self, said: str) -> str:
        """Return what a user is told when ssh failed. said: by ssh."""
        from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import explain  # noqa: PLC0415

        if not self._handed_on:
            return said
        self._hear()
        file, settings = self._handed_on
        failed = self._command.failed if self._command else None
        if not failed and (not self._command or self._command.has_lost_the_broker):
            try:
                failed = self._broker(os.path.dirname(file)).ask("failure", file).get("failed")
            except OSError as error:
                failed = explain.unreachable_broker(error)
        command = self._command
        return explain.failure(
            said,
            settings,
            failed,
            closed_ways=command.closed_ways if command else "",
            has_lost_the_broker=bool(command and command.has_lost_the_broker),
        )


def _as_arguments(*options: str) -> list[bytes]:
    return [os.fsencode(argument) for option in options for argument in ("-o", option)]


def _refusals() -> ModuleType:
    """Return the module of refusals. It is rarely needed, and otherwise every task would compile it."""
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import refusals  # noqa: PLC0415

    return refusals
