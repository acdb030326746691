# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that make the node: their commands, and the configuration that supervisord starts them with."""

from __future__ import annotations

import resource
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .places import LOGS
from .state import RUN, SCRATCH, SOCKET, SUPERVISORD

DESCRIPTORS = 65536
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Tools:
    """Where the finished components lie."""

    kubernetes: Path
    host: Path
    volume_provisioner: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the unpacked Debian programs need to find each other and their libraries."""
        libraries = sorted(str(path) for path in (self.host / "usr" / "lib").glob("*-linux-gnu*"))
        path = [str(self.host / "usr" / "sbin"), str(self.host / "usr" / "bin"), SYSTEM_PATH]
        return {"PATH": ":".join(path), "LD_LIBRARY_PATH": ":".join(libraries)}


@dataclass(frozen=True)
class Program:
    """One supervised process of the node."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    wave: int = 1  # those of one wave are started together, when those before are ready
    seconds: int = 1  # it has to run for this long, or the start has failed
    retries: int = 30  # starts that fail at once, each a second later than the last, until it is given up

    def section(self) -> str:
        """Its part of supervisord's configuration."""
        environment = {"TMPDIR": str(SCRATCH), **self.environment}
        lines = {
            "command": shlex.join(self.command),
            "autostart": "false",  # `up` starts one wave after the other
            "autorestart": "true",
            "startsecs": str(self.seconds),
            "startretries": str(self.retries),
            "stopwaitsecs": "20",
            "redirect_stderr": "true",
            "stdout_logfile": str(log(self.name)),
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": "2",
            "environment": ",".join(f'{key}="{value}"' for key, value in sorted(environment.items())),
        }
        text = "".join(f"{key} = {value.replace('%', '%%')}\n" for key, value in lines.items())
        return f"[program:{self.name}]\n{text}"


def log(name: str) -> Path:
    """The log of a component."""
    return LOGS / f"{name}.log"


def supervisord(programs: Sequence[Program]) -> str:
    """The whole configuration."""
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = DESCRIPTORS if most == resource.RLIM_INFINITY else min(DESCRIPTORS, most)
    lines = {
        "logfile": log("supervisord"),
        "logfile_maxbytes": "5MB",
        "logfile_backups": "1",
        "pidfile": RUN / "supervisord.pid",
        "nodaemon": "true",
        "silent": "true",
        "user": "root",  # it wants that said
        "umask": "022",
        "minfds": descriptors,
    }
    text = "".join(f"{key} = {value}\n" for key, value in lines.items())
    sections = "\n".join(program.section() for program in programs)
    return (
        f"; {SUPERVISORD}\n[supervisord]\n{text}\n"
        f"[unix_http_server]\nfile = {SOCKET}\nchmod = 0700\n\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\n"
        f"{sections}"
    )
