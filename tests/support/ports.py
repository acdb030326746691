# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP ports for test gateways: outside the kernel's ephemeral range, where any client's connection could take one."""

from __future__ import annotations

import random
import socket

RANGE = range(25000, 26000)


def listening(port: int) -> bool:
    """Whether something accepts connections on this port of the loopback."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _free(port: int) -> bool:
    with socket.socket() as server:
        # As servers do: a connection of an ended gateway that is still in TIME_WAIT blocks nobody.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("", port))
        except OSError:
            return False
    return True


def free(count: int) -> list[int]:
    """Ports that nobody uses now. Raises RuntimeError when there are not enough of them."""
    found: list[int] = []
    for port in random.sample(RANGE, len(RANGE)):
        if _free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"of the ports {RANGE[0]} to {RANGE[-1]} only {len(found)} are free, {count} are needed")
