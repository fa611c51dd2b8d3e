"""Postgres without installing one: a server of our own on a folder, for laptops, tests and single
machines.

It listens on a Unix socket that only its owner (and root) can reach, never on the network. Several
processes may use the same folder: each holds a shared lock on a file in it while it does, and the
one that leaves last stops the server. The kernel drops the locks of a process that dies, so a `kill
-9` leaves nothing to clean up: the next user finds the server running, or starts it and lets it
recover.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from urllib.parse import quote

import psycopg
from psycopg import sql

from adapters.postgres.embedded.cluster import PORT, Cluster
from domain.errors import StoreError, StoreUnavailableError

_START_TIMEOUT_S = 10.0
_READY_TIMEOUT_S = 120.0
_STOP_TURN_S = 1.0
_POLL_S = 0.1
_LONGEST_SOCKET_FOLDER = 85
"""Bytes. The kernel allows 107 (macOS 103) for the path of a socket, of which Postgres needs 16 for
its name."""


_in_use_here: set["EmbeddedPostgres"] = set()


class EmbeddedPostgres:
    """One user of the server on a folder. `start` and `stop` block; use them outside the event loop
    or in a thread."""

    def __init__(self, cluster: Cluster, dsn: str, folder: Path) -> None:
        """Become a user of the server, which need not run yet."""
        self.dsn = dsn
        """For asyncpg, psycopg and libpq alike."""
        self._cluster = cluster
        self._folder = folder
        self._in_use: int | None = os.open(folder / "in-use.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._in_use, fcntl.LOCK_SH)
        _in_use_here.add(self)

    @classmethod
    def start(
        cls, folder: Path, *, database: str = "viva", settings: Mapping[str, str] | None = None
    ) -> "EmbeddedPostgres":
        """Use the server on `folder`: made, started and given `database` where that is needed.

        `settings` are server parameters, for the one who starts it. Raises `StoreError` or
        `StoreUnavailableError`.
        """
        folder = folder.expanduser().resolve()
        if odd := set(str(folder)) & set('"$`\\\n'):
            raise StoreError(f"{folder} holds {odd}, which a shell would change: keep the data in another folder")
        folder.mkdir(parents=True, exist_ok=True)
        data = folder / "cluster"
        sockets = _socket_folder(data)
        cluster = Cluster(data, sockets, settings or {})
        with _alone(folder):
            server = cls(cluster, _dsn(sockets, database), folder)
            try:
                cluster.ensure_created()
                _start(cluster, _dsn(sockets, "postgres"))
                _ensure_database(_dsn(sockets, "postgres"), database)
            except BaseException:
                server._forget()
                raise
        return server

    @property
    def pid(self) -> int | None:
        """The server's process id."""
        return self._cluster.pid()

    def revive(self) -> bool:
        """Start the server again if it has died. Returns whether that was needed. Raises
        `StoreUnavailableError`."""
        if self._cluster.is_running():
            return False
        with _alone(self._folder):
            if self._in_use is None or self._cluster.is_running():
                return False
            _start(self._cluster, self.dsn)
            return True

    def stop(self) -> bool:
        """Leave the server. Returns whether this was its last user, which stops it. Leaving twice
        is harmless.

        Takes a few seconds at most: a server that does not stop is killed, which loses nothing that
        was committed.
        """
        try:
            with _alone(self._folder, _STOP_TURN_S):
                return self._leave(self._cluster.stop)
        except TimeoutError:  # somebody has been starting it all the while
            return self.kill()

    def kill(self) -> bool:
        """Leave the server without waiting for anything. Returns whether this was its last user,
        which kills it."""
        return self._leave(self._cluster.kill)

    def _leave(self, end: Callable[[], object]) -> bool:
        if self._in_use is None:
            return False
        try:
            fcntl.flock(self._in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            end()
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            self._forget()

    def _forget(self) -> None:
        in_use, self._in_use = self._in_use, None
        _in_use_here.discard(self)
        if in_use is not None:
            os.close(in_use)

    def __enter__(self) -> "EmbeddedPostgres":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def leave_at_once() -> None:
    """For a process that ends now: `kill` for every server that it uses, also those that are being
    stopped."""
    for server in list(_in_use_here):
        server.kill()


@contextmanager
def _alone(folder: Path, within_s: float | None = None) -> Iterator[None]:
    """One starter or stopper of the server on `folder` at a time, across processes. Raises
    `TimeoutError`."""
    lock = os.open(folder / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if within_s is None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        else:
            _lock_within(lock, within_s)
        yield
    finally:
        os.close(lock)


def _lock_within(lock: int, within_s: float) -> None:
    began = monotonic()
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if monotonic() - began > within_s:
                raise TimeoutError(f"somebody else has been starting the server for {within_s} s") from None
        Event().wait(_POLL_S)


def _socket_folder(data: Path) -> Path:
    """Beside the data, or under the system's temporary folder where that path is too long or oddly
    named."""
    if len(os.fsencode(data)) <= _LONGEST_SOCKET_FOLDER and not set(str(data)) & set(",'"):
        return data
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()).resolve() / f"viva-{name}"


def _dsn(sockets: Path, database: str) -> str:
    return f"postgresql://postgres@/{quote(database)}?host={quote(str(sockets), safe='/')}&port={PORT}"


def _start(cluster: Cluster, dsn: str) -> None:
    """Run the server until it answers.

    After a `kill -9` the old process may still be dying, its children may still hold its memory,
    and the new one may have much to recover: so tries are repeated, for longer once a server is
    there.
    """
    began = monotonic()
    while True:
        try:
            cluster.ensure_running()
            psycopg.connect(dsn, connect_timeout=5).close()
            return
        except (psycopg.OperationalError, StoreUnavailableError) as error:
            if monotonic() - began > (_READY_TIMEOUT_S if cluster.is_running() else _START_TIMEOUT_S):
                raise StoreUnavailableError(f"the embedded Postgres did not start: {error}") from error
            Event().wait(_POLL_S)


def _ensure_database(dsn: str, database: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
