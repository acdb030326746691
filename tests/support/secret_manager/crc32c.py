# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRC32C (Castagnoli), bit by bit: an implementation apart from the collection's, which it is to check."""

from __future__ import annotations

POLYNOMIAL = 0x82F63B78


def crc32c(data: bytes) -> int:
    """As Google sends it beside a payload."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _bit in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
