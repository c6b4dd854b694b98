# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a connection, which the broker is handed: a JSON file in its folder."""

from __future__ import annotations

from typing import Any, TypedDict


class Settings(TypedDict):
    """The settings of a connection to a host. Empty and None both mean unknown.

    host: the address, if the user has set one; name: the destination on ssh's command line, perhaps the instance id;
    ssh: a command that prints the configuration of ssh for the host;
    configuration: what is needed of it, if it is known: user, port and hostname;
    timeout: seconds that each step may wait; known_hosts: the file for the keys of the instance;
    global_known_hosts: other files that ssh reads;
    public_key_file: its private half is the file of the same name without ``.pub``; is_key_of_the_run: whether that
    pair is made for the run;
    aws: options of amazon.aws's modules, a secret perhaps as the name of an environment variable;
    region_source: the source of the region in ``aws``, if it has one;
    controller: the process id of ansible-playbook, None for a user who logs in by hand;
    connection: a name for what ssh shares a connection by: where its socket is, the host, its user and port;
    collection_paths: where ansible-core looks for collections.
    """

    connection: str
    instance_id: str
    availability_zone: str | None
    private_ip_address: str | None
    public_ip_address: str | None
    vpc_id: str | None
    subnet_id: str | None
    host: str | None
    name: str
    ssh: list[str]
    configuration: dict[str, str] | None
    timeout: int
    tunnel: str
    instance_connect_endpoint_id: str | None
    instance_connect_endpoint_dns_name: str | None
    max_tunnel_duration: int
    host_keys: str
    known_hosts: str
    global_known_hosts: list[str]
    public_key_file: str
    is_key_of_the_run: bool
    aws: dict[str, Any]
    region_source: str | None
    collection_paths: list[str]
    controller: int | None
