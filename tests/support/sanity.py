# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test sanity on a copy of the checkout, with every test and no ignore file.

ansible-test resolves links and demands the path ansible_collections/NAMESPACE/NAME, hence the copy.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from checkout import BIN, ROOT, copy_to, environment, run

# ansible-test makes its environments without pip and fetches get-pip.py from a host of its own unless it finds it here.
CACHE = Path.home() / ".ansible" / "test" / "cache"
GET_PIP = ("get_pip_24_2.py", "get_pip_25_2.py")  # ansible-core 2.19; 2.20 and 2.21
STAND_IN = """\
# Stand-in for get-pip.py: the pip that this Python carries.
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--quiet", *arguments]))
"""


def main() -> None:
    """Refuse ignore files, then run."""
    if (ROOT / "tests" / "sanity").exists():
        raise SystemExit("tests/sanity exists: correct what it ignores instead.")
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in GET_PIP:
        if not (CACHE / name).exists():
            (CACHE / name).write_text(STAND_IN, encoding="utf-8")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    with tempfile.TemporaryDirectory(prefix="tollgate-sanity-") as directory:
        copy = copy_to(Path(directory))
        variables = environment(Path(directory))
        variables.pop("ANSIBLE_CONFIG")
        variables.pop("PYTHONPATH")  # ansible-test makes its own
        run(BIN / "ansible-test", "sanity", "--color", "no", "--python", version, cwd=copy, env=variables)


if __name__ == "__main__":
    main()
