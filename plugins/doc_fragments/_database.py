# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This fragment is private: other collections must not use it.

from __future__ import annotations


class ModuleDocFragment:
    """The option that says where a database is; C(in_cluster) for modules that reach one through a Service."""

    DOCUMENTATION = r"""
options:
  database:
    description: The database, straight to the server (never through a pooler).
    type: dict
    required: true
    suboptions:
      url_file:
        description: A file that holds the database's URL. The other options then don't count.
        type: path
      host:
        description: The server.
        type: str
        default: 127.0.0.1
      port:
        description: Its port.
        type: int
        default: 5432
      name:
        description: The database.
        type: str
        default: litellm
      user:
        description: The role.
        type: str
        default: litellm
      password_file:
        description: A file that holds the role's password.
        type: path
"""

    # Whole again: sanity reads no joined texts.
    IN_CLUSTER = r"""
options:
  database:
    description: The database, straight to the server (never through a pooler).
    type: dict
    required: true
    suboptions:
      url_file:
        description: A file that holds the database's URL. The other options then don't count.
        type: path
      host:
        description: The server.
        type: str
        default: 127.0.0.1
      port:
        description: Its port.
        type: int
        default: 5432
      name:
        description: The database.
        type: str
        default: litellm
      user:
        description: The role.
        type: str
        default: litellm
      password_file:
        description: A file that holds the role's password.
        type: path
      service:
        description:
          - The Service of a cluster behind which the database is. It is reached through a port-forward that ends with
            the module, in place of O(database.host) and O(database.port), and of those in O(database.url_file).
          - A server that is named in a URL can't be verified by its certificate that way.
        type: dict
        suboptions:
          name:
            description: The Service, such as the C(-rw) one of a CloudNativePG cluster.
            type: str
            required: true
          namespace:
            description: Its namespace.
            type: str
            required: true
          port:
            description: The Service's port, by number or name.
            type: str
            required: true
      password_secret:
        description: The secret that holds the role's password, in the store of O(secrets_namespace) or its siblings.
        type: str
"""
