# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded PostgreSQL: its cluster made in one step, its configuration, and its copy for a user of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .error import GatewayError
from .files import read_text

# Only password logins over TCP on the loopback. No superuser can log in: it has no password.
HOST_RULES = "# Managed by tollgate.llm\nhost all all 127.0.0.1/32 scram-sha-256\nhost all all ::1/128 scram-sha-256\n"

# Statements and details stay out of the log: they may hold what users send.
SETTINGS = """\
# Managed by tollgate.llm
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
password_encryption = scram-sha-256
max_connections = {connections}
shared_buffers = {shared_buffers}
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = none
"""


@dataclass(frozen=True)
class Cluster:
    """Where one gateway's database lies and how it is set up."""

    state: Path
    installation: Path  # pginstall18 of the wheel
    port: int
    connections: int
    shared_buffers: str
    name: str
    role: str
    password_file: Path
    user: str | None  # as root: the user that PostgreSQL runs as
    home: Path | None  # as root: a directory that this user can reach

    @property
    def base(self) -> Path:
        """C(postgres) in the state directory, or what it points to."""
        return self.home or self.state / "postgres"

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.base / "data"

    @property
    def binaries(self) -> Path:
        """The programs: the runtime's own, or a copy where PostgreSQL's user can reach it."""
        if not self.home:
            return self.installation / "bin"
        return self.base / "program" / self.installation.parent.name / self.installation.name / "bin"

    @property
    def record(self) -> Path:
        """A file that says that the data directory was made, beside what it could be lost with."""
        return self.state / "run" / "database-created"

    def files(self) -> dict[Path, str]:
        """The configuration files and their wanted content."""
        settings = SETTINGS.format(port=self.port, connections=self.connections, shared_buffers=self.shared_buffers)
        return {self.data / "postgresql.conf": settings, self.data / "pg_hba.conf": HOST_RULES}

    def version(self) -> str:
        """The major version of the installation, as in C(PG_VERSION)."""
        return self.installation.name.removeprefix("pginstall")

    def missing(self) -> list[str]:
        """What L(ensure) would do."""
        steps = []
        if self.home and not (self.binaries / "postgres").exists():
            steps.append("programs copied")
        if not (self.data / "PG_VERSION").exists():
            if self.record.exists():
                raise GatewayError(
                    f"database: {self.data} is gone, yet this gateway had a database there.",
                    "A new one would have no spend, and every budget would begin again.",
                    f"Restore it from a backup, or accept that: rm {self.record}",
                )
            return [*steps, "cluster created"]
        found = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != self.version():
            raise GatewayError(
                f"database: {self.data} was made by PostgreSQL {found}, this runtime has {self.version()}.",
                "Its files can't be read by another major version.",
                "Use the version of tollgate.llm that made it, dump and restore, or set gateway_database_url.",
            )
        return steps + [f"{path.name} written" for path, text in self.files().items() if read_text(path) != text]

    def ensure(self) -> list[str]:
        """Bring everything about; each step is whole or absent. Returns what was done."""
        steps = self.missing()
        if not steps:
            return []
        if not self.password_file.is_file():
            raise GatewayError(f"database: {self.password_file} is missing.", next_step="Run the wave secrets first.")
        self._directories()
        if "programs copied" in steps:
            self._copy_programs()
        if "cluster created" in steps:
            self._create()
        else:
            for path, text in self.files().items():
                self._write(path, text)
        return steps

    def _directories(self) -> None:
        self.base.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.home:
            self.base.parent.chmod(0o711)
            self._own(self.base)
            link = self.state / "postgres"
            if not link.is_symlink() and not link.exists():
                link.symlink_to(self.base)

    def _copy_programs(self) -> None:
        program = self.base / "program"
        shutil.rmtree(program, ignore_errors=True)
        package = self.installation.parent
        fresh = self.base / "program.new"
        shutil.rmtree(fresh, ignore_errors=True)
        wanted = shutil.ignore_patterns("*.py", "__pycache__", "include", *_others(package, self.installation))
        shutil.copytree(package, fresh / package.name, symlinks=True, ignore=wanted)
        libraries = package.parent / f"{package.name}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for folder, folders, files in os.walk(fresh):
            for name in (*folders, *files):
                path = Path(folder) / name
                if not path.is_symlink():
                    path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        fresh.chmod(0o755)
        fresh.rename(program)

    def _create(self) -> None:
        fresh = self.base / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        options = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--username=postgres"]
        self._run("initdb", [str(self.binaries / "initdb"), "-D", str(fresh), "--auth=reject", *options])
        password = self.password_file.read_text(encoding="utf-8").strip().replace("'", "''")
        # In single-user mode nobody else can connect before the role exists; each line is one statement.
        script = (
            f"CREATE ROLE \"{self.role}\" LOGIN PASSWORD '{password}'\n"
            f'CREATE DATABASE "{self.name}" OWNER "{self.role}"\n'
        )
        single = [str(self.binaries / "postgres"), "--single", "-j", "-D", str(fresh), "postgres"]
        self._run("create the role", single, script.replace("\n", ";\n\n"))
        for path, text in self.files().items():
            self._write(fresh / path.name, text)
        fresh.rename(self.data)
        self.record.touch(mode=0o600)

    def _write(self, path: Path, text: str) -> None:
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o600)
        self._own(temporary)
        temporary.replace(path)

    def _own(self, path: Path) -> None:
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)

    def _run(self, what: str, command: list[str], script: str = "") -> None:
        done = subprocess.run(
            command,
            input=script,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.base,
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TOLLGATE_RUN": os.environ.get("TOLLGATE_RUN", "")},
        )
        if done.returncode or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
            lines = [line for line in done.stderr.splitlines() if "PASSWORD" not in line]
            raise GatewayError(f"database: {what} failed in {self.base}:", "\n".join(lines[-5:]))


def _others(package: Path, kept: Path) -> list[str]:
    """Installations of other major versions in the same wheel."""
    return [entry.name for entry in package.glob("pginstall*") if entry != kept]
