# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies below the images: small Debians and pieces of them."""

from __future__ import annotations

from ..component import Component
from ..debian_root import DebianFiles, DebianRoot
from ..image import Image

SUITE = "trixie"
PYTHON = "3.13"  # what SUITE has

ROWS = (
    Component(
        "debian",
        SUITE,
        DebianRoot(SUITE, ("ca-certificates", "curl")),
        (
            Image(
                (f"docker.io/library/debian:{SUITE}-slim", f"docker.io/library/debian:{SUITE}"),
                base=("debian",),
                command=("bash",),
                user="",
                real="Debian's packages",
                differs="has curl and certificates too",
            ),
        ),
    ),
    Component(
        "python",
        PYTHON,
        DebianRoot(SUITE, ("ca-certificates", "curl", "python3", "libstdc++6", "libpq5"), base="debian"),
        (
            Image(
                (f"docker.io/library/python:{PYTHON}-slim-{SUITE}", f"docker.io/library/python:{PYTHON}-slim"),
                base=("debian", "python"),
                links={"/usr/local/bin/python": "/usr/bin/python3"},
                command=("python3",),
                user="",
                real="CPython, Debian's package",
                differs="no pip",
            ),
        ),
    ),
    Component(
        "c-library",
        SUITE,
        DebianFiles(
            "debian",
            (
                "lib64/ld-linux-x86-64.so.2",
                *(
                    f"lib/x86_64-linux-gnu/{name}"
                    for name in (
                        *("libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"),
                        *("libresolv.so.2", "libnss_dns.so.2", "libnss_files.so.2"),
                    )
                ),
            ),
        ),
    ),
    Component("certificates", SUITE, DebianFiles("debian", ("etc/ssl/certs/ca-certificates.crt",))),
)
