# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies where in the state directory of the running cluster."""

from __future__ import annotations

from .places import STATE

OWNER = STATE / "owner.json"  # whose cluster it is; the first thing written and the last removed
FINGERPRINT = STATE / "fingerprint"  # of everything that the running processes were started with
CERTIFICATES = STATE / "certificates"
CONFIGURATION = STATE / "etc"
RUN = STATE / "run"
BINARIES = STATE / "bin"
VOLUMES = STATE / "volumes"
ETCD_DATA = STATE / "etcd"
SCRATCH = STATE / "tmp"

# What the node has in place of this machine's directories: other container runtimes keep theirs there.
NODE_LIB = STATE / "node" / "lib"  # /var/lib
NODE_LOG = STATE / "node" / "log"  # /var/log

# The one process that is the node: its command line names this file, so it is found again without a pid file.
SUPERVISORD = CONFIGURATION / "supervisord.conf"
SOCKET = RUN / "supervisor.sock"
