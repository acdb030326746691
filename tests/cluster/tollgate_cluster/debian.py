# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Things from Debian's archive: tools for this machine, and root file systems for images."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass

from .cache import remove
from .workshop import Workshop


def release() -> str:
    """The distribution's name and version, such as debian-12."""
    about = platform.freedesktop_os_release()
    return f"{about['ID']}-{about.get('VERSION_ID', 'unknown')}"


@dataclass(frozen=True)
class HostTools:
    """Packages of this machine's own release, unpacked beside it instead of installed."""

    packages: tuple[str, ...]
    release: str
    needs: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def make(self, shop: Workshop) -> None:
        downloads = shop.target / ".packages"
        downloads.mkdir()
        options = ("-o", "APT::Sandbox::User=root")
        try_update = 'apt-get "$@" || { apt-get -qq update && apt-get "$@"; }'
        words = ["sh", "-c", try_update, "apt-get", "-qq", *options, "download", *self.packages]
        shop.run("download packages", words, directory=downloads)
        for package in sorted(downloads.glob("*.deb")):
            shop.run(f"unpack {package.name}", ["dpkg-deb", "--extract", package, shop.target])
            package.unlink()
        downloads.rmdir()
        for folder in ("bin", "lib", "sbin"):  # older packages lie beside usr
            if (shop.target / folder).is_dir():
                shutil.copytree(shop.target / folder, shop.target / "usr" / folder, symlinks=True, dirs_exist_ok=True)
        for folder in ("bin", "lib", "sbin", "usr/share", "etc", "var"):
            remove(shop.target / folder)
