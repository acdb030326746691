# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""supervisord as the parent of a gateway's processes: its configuration, its start, and what it says of them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import subprocess
import time
import traceback
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import processes
from .error import GatewayError
from .files import read_text, write_file

try:
    from supervisor.xmlrpc import SupervisorTransport
except ImportError:
    SUPERVISOR_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    SUPERVISOR_IMPORT_ERROR = None

# Every process of a gateway carries its id, so that those of a killed supervisord are found again.
GATEWAY_VARIABLE = "TOLLGATE_GATEWAY"
# What a proxy needs from the user's environment to reach model providers; nothing else is inherited.
INHERITED = ("HOME", "USER", "LOGNAME", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class Program:
    """One supervised process."""

    name: str
    command: Sequence[str]
    directory: str
    priority: int  # started in this order, stopped in the reverse
    user: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = "TERM"
    stop_seconds: int = 20
    depends_on: Sequence[str] = ()  # files whose content makes another process of it

    def fingerprint(self) -> str:
        """A digest of the files it reads at its start; a missing one counts as empty (check mode)."""
        digest = hashlib.sha256()
        for name in self.depends_on:
            with contextlib.suppress(OSError):
                digest.update(Path(name).read_bytes())
            digest.update(b"\0")
        return digest.hexdigest()[:16]

    def section(self, log: Path) -> str:
        """Its part of supervisord's configuration. Only the main process is asked to stop: a proxy writes its last
        spend through a child of its own, which must outlive the question."""
        environment = {**self.environment, "TOLLGATE_CONFIG": self.fingerprint()}
        lines = {
            "command": shlex.join(self.command),
            "directory": self.directory,
            "priority": str(self.priority),
            # Never by supervisord itself: a proxy starts only behind its gates (migrations, salt key).
            "autostart": "false",
            "autorestart": "true",
            "startsecs": "2",
            "startretries": "20",
            "stopsignal": self.stop_signal,
            "stopwaitsecs": str(self.stop_seconds),
            "stopasgroup": "false",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": str(log / f"{self.name}.log"),
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "3",
            "environment": ",".join(f'{key}="{value}"' for key, value in sorted(environment.items())),
        }
        if self.user:
            lines["user"] = self.user
        text = "".join(f"{key} = {value.replace('%', '%%')}\n" for key, value in lines.items())
        return f"[program:{self.name}]\n{text}"


class Supervisor:
    """The supervisord of one state directory."""

    def __init__(self, state: Path, gateway_id: str, executable: str = "") -> None:
        self.state = state
        self.id = gateway_id
        self.executable = executable
        self.run = state / "run"
        self.log = state / "log"
        self.socket = self.run / "supervisor.sock"
        self.configuration = self.run / "supervisord.conf"
        self.programs = self.run / "programs"

    @property
    def pid(self) -> int | None:
        """supervisord's pid; None when it does not run."""
        try:
            pid = int((self.run / "supervisord.pid").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        arguments = processes.command_line(pid)
        return pid if str(self.configuration) in arguments and processes.start_time(pid) else None

    def api(self) -> Any:
        """supervisord's XML-RPC interface (http://supervisord.org/api.html)."""
        transport = SupervisorTransport(serverurl=f"unix://{self.socket}")
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def members(self) -> dict[str, dict[str, Any]]:
        """What supervisord says of each process; empty when it does not run."""
        if self.pid is None:
            return {}
        try:
            return {info["name"]: info for info in self.api().getAllProcessInfo()}
        except (OSError, xmlrpc.client.Error):
            return {}

    def differs(self, program: Program) -> bool:
        """Whether this program's configuration on disk is another one, or it does not run."""
        if read_text(self.programs / f"{program.name}.conf") != program.section(self.log):
            return True
        return self.members().get(program.name, {}).get("statename") not in ("RUNNING", "STARTING")

    def apply(self, wanted: Sequence[Program]) -> list[str]:
        """Write the programs' configuration and bring them to it. Returns the names of those (re)started."""
        self.programs.mkdir(mode=0o700, exist_ok=True)
        for program in wanted:
            write_file(self.programs / f"{program.name}.conf", program.section(self.log))
        before = self.members()
        if self.pid is None:
            self._start()
        else:
            self._update()
        for program in wanted:
            if self.members().get(program.name, {}).get("statename") not in ("RUNNING", "STARTING", "BACKOFF"):
                with contextlib.suppress(xmlrpc.client.Fault):
                    self.api().startProcess(program.name, False)
        after = self.members()
        return [name for name, info in after.items() if info.get("pid") != before.get(name, {}).get("pid")]

    def _update(self) -> None:
        api = self.api()
        added, changed, removed = api.reloadConfig()[0]
        for name in [*changed, *removed]:
            api.stopProcessGroup(name)
            api.removeProcessGroup(name)
        for name in [*changed, *added]:
            api.addProcessGroup(name)

    def _start(self) -> None:
        processes.end(self.orphans())
        self.socket.unlink(missing_ok=True)
        write_file(self.configuration, self._main_section())
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        for name in PROXIES:
            environment.update({key: os.environ[key] for key in (name, name.lower()) if key in os.environ})
        environment |= {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", GATEWAY_VARIABLE: self.id}
        done = subprocess.run(
            [self.executable, "-c", str(self.configuration)],
            env=environment,
            cwd=self.state,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            start_new_session=True,
            umask=0o077,
        )
        if done.returncode:
            raise GatewayError("supervisord could not be started:", done.stderr.strip()[-500:])
        deadline = time.monotonic() + 10
        while not self.members():
            if time.monotonic() > deadline:
                raise GatewayError(
                    "supervisord was started but does not answer.",
                    next_step=f"Look into {self.log / 'supervisord.log'}.",
                )
            time.sleep(0.05)

    def _main_section(self) -> str:
        lines = {
            "logfile": self.log / "supervisord.log",
            "logfile_maxbytes": "5MB",
            "logfile_backups": "2",
            "pidfile": self.run / "supervisord.pid",
            "childlogdir": self.log,
            "directory": self.state,
            "umask": "077",
            "minfds": "1024",
        }
        if os.geteuid() == 0:
            lines["user"] = "root"  # supervisord wants that said
        text = "".join(f"{key} = {value}\n" for key, value in lines.items())
        return (
            f"[supervisord]\n{text}\n"
            f"[unix_http_server]\nfile = {self.socket}\nchmod = 0700\n\n"
            "[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\n"
            f"[supervisorctl]\nserverurl = unix://{self.socket}\n\n"
            f"[include]\nfiles = {self.programs}/*.conf\n"
        )

    def orphans(self) -> list[int]:
        """Processes of this gateway that have lost their supervisord."""
        if not self.id or self.pid is not None:
            return []
        return processes.with_environment(GATEWAY_VARIABLE, self.id)

    def stop(self) -> bool:
        """Stop everything, the proxy first and the database last. Returns whether anything ran."""
        pid = self.pid
        if pid is None:
            return bool(processes.end(self.orphans()))
        everyone = {member: processes.start_time(member) for member in processes.family(pid)}
        with contextlib.suppress(OSError, xmlrpc.client.Error):
            self.api().shutdown()
        deadline = time.monotonic() + 90
        while processes.start_time(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        processes.end([member for member, born in everyone.items() if born and processes.start_time(member) == born])
        self.socket.unlink(missing_ok=True)
        return True
