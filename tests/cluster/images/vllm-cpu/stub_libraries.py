# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let PyPI's torch, a CUDA build, be loaded without NVIDIA's libraries: stub_libraries.py SITE_PACKAGES

cudart and cupti (29 MiB) are real. Every other library that torch is linked with and that is not installed gets a stub
of the same SONAME in torch/lib, where torch's RPATH ends. It defines the symbols that torch takes from it; each prints
its name and aborts when it is called, which nothing does without a GPU. No file of torch is changed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

# SONAME without its version: how its symbols begin.
PREFIXES = {
    "libcublas": "cublas",
    "libcublasLt": "cublasLt",
    "libcudnn": "cudnn",
    "libcufft": "cufft",
    "libcufile": "cuFile",
    "libcurand": "curand",
    "libcusparse": "cusparse",
    "libcusparseLt": "cusparseLt",
    "libnccl": "nccl",
    "libnvrtc": "nvrtc",
    "libnvshmem_host": "nvshmem",
}
TRAP = """\
#include <stdio.h>
#include <stdlib.h>
__attribute__((visibility("hidden"))) void stub_called(const char *name)
{
    fprintf(stderr, "%s was called, but its library is a stub\\n", name);
    abort();
}
"""


def output(*command: str | Path) -> str:
    """What a program prints."""
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout


def undefined(libraries: list[Path]) -> dict[str, str]:
    """The symbols that these libraries take from others, each with its version or an empty one."""
    found = {}
    for library in libraries:
        for line in output("nm", "-D", "--undefined-only", library).splitlines():
            kind, symbol = line.split()[-2:]
            if kind == "U":
                name, _at, version = symbol.partition("@")
                found[name] = version.lstrip("@")
    return found


def needed(libraries: list[Path]) -> set[str]:
    """The SONAMEs that these libraries are linked with."""
    return {name for each in libraries for name in re.findall(r"\(NEEDED\).*\[(.+?)\]", output("readelf", "-dW", each))}


def of(soname: str, symbols: dict[str, str]) -> dict[str, str]:
    """Those that belong to one library, by the longest prefix that fits."""
    prefix = PREFIXES[soname.partition(".so")[0]]
    longer = [other for other in PREFIXES.values() if other != prefix and other.startswith(prefix)]
    return {
        name: version
        for name, version in symbols.items()
        if name.startswith(prefix) and not any(name.startswith(other) for other in longer)
    }


def make_stub(target: Path, symbols: dict[str, str]) -> None:
    """Compile the stub of one library."""
    lines = ['.section .note.GNU-stack,"",@progbits', ".text"]
    for name in sorted(symbols):
        lines += [f".globl {name}", f".type {name},@function", f"{name}: leaq 1f(%rip), %rdi", "  jmp stub_called"]
        lines += [f'1: .asciz "{name}"']
    versions = sorted({version for version in symbols.values() if version})
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "symbols.s").write_text("\n".join(lines) + "\n", encoding="ascii")
        (place / "trap.c").write_text(TRAP, encoding="ascii")
        command: list[str | Path] = ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{target.name}", "-o", target]
        if versions:
            script = "".join(
                f"{version} {{ global: {' '.join(f'{name};' for name in symbols if symbols[name] == version)} }};\n"
                for version in versions
            )
            (place / "versions").write_text(script, encoding="ascii")
            command.append(f"-Wl,--version-script={place / 'versions'}")
        output(*command, place / "symbols.s", place / "trap.c")


def main() -> None:
    """Make every stub that is missing."""
    packages = Path(sys.argv[1]).resolve()
    folder = packages / "torch" / "lib"
    libraries = sorted(folder.glob("lib*.so"))
    symbols = undefined(libraries)
    present = {path.name for path in folder.iterdir()} | {path.name for path in packages.glob("nvidia/*/lib/*")}
    for soname in sorted(needed(libraries) - present):
        if soname.partition(".so")[0] in PREFIXES:
            own = of(soname, symbols)
            make_stub(folder / soname, own)
            print(f"{soname}: {len(own)} symbols")


if __name__ == "__main__":
    main()
