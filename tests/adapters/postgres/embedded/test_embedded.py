"""The embedded server: shared by processes, stopped by the last, and in order again after any
kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from adapters.postgres.dsn import normalise
from adapters.postgres.embedded.cluster import Cluster
from adapters.postgres.embedded.server import EmbeddedPostgres
from domain.errors import StoreError

ROOT = Path(__file__).parents[4]
USER_PROCESS = """
import sys
from pathlib import Path
from adapters.postgres.embedded.server import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]))
print(server.pid, flush=True)
sys.stdin.read()
server.stop()
"""


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _user_process(folder: Path) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-c", USER_PROCESS, str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate("", timeout=30)


def test_what_was_committed_is_there_after_a_stop_and_a_start(server_folder: Path) -> None:
    """The folder is the database."""
    with EmbeddedPostgres.start(server_folder) as server, psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
    assert not _answers(server.dsn)
    with EmbeddedPostgres.start(server_folder) as server, psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (1,)


def test_the_last_of_several_processes_stops_the_server(server_folder: Path) -> None:
    """The user that leaves first leaves the server running for the others."""
    process, pid = _user_process(server_folder)
    server = EmbeddedPostgres.start(server_folder)
    assert server.pid == pid
    _end(process)
    assert _answers(server.dsn)
    assert server.stop() is True
    assert not _answers(server.dsn)
    assert server.stop() is False


def test_a_killed_user_does_not_keep_the_server_alive_for_ever(server_folder: Path) -> None:
    """The lock of a killed process is gone with it: the next user takes the server over and can
    stop it."""
    process, pid = _user_process(server_folder)
    process.kill()
    process.communicate(timeout=30)
    with EmbeddedPostgres.start(server_folder) as server:
        assert server.pid == pid
    assert not _answers(server.dsn)


def test_a_killed_server_recovers_on_the_next_start(server_folder: Path) -> None:
    """Committed rows survive `kill -9` of Postgres; the stale pid file is no obstacle."""
    first = EmbeddedPostgres.start(server_folder)
    with psycopg.connect(first.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    with EmbeddedPostgres.start(server_folder) as second, psycopg.connect(second.dsn) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (1,)
        first.stop()


def test_a_server_that_died_is_revived_and_one_that_lives_is_left_alone(server_folder: Path) -> None:
    """Each user may look after it; after leaving, it is nobody's business any more."""
    with EmbeddedPostgres.start(server_folder) as server:
        assert server.revive() is False
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        while not server.revive():
            pass  # it is still dying
        assert _answers(server.dsn)
    assert server.revive() is False
    assert not _answers(server.dsn)


def test_a_recycled_process_id_does_not_pass_for_a_server(server_folder: Path) -> None:
    """After a reboot the id in the lock files may be anyone's, here our own: the server is started
    all the same."""
    with EmbeddedPostgres.start(server_folder):
        pid_file = server_folder / "cluster" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    for left_behind in (pid_file, server_folder / "cluster" / ".s.PGSQL.5432.lock"):
        left_behind.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with EmbeddedPostgres.start(server_folder) as server:
        assert server.pid != os.getpid()
        assert _answers(server.dsn)


def test_a_folder_whose_path_is_too_long_for_a_socket_works(server_folder: Path) -> None:
    """The socket moves to the temporary folder then."""
    folder = server_folder / ("deep-" * 20) / "and it's odd, too"
    with EmbeddedPostgres.start(folder) as server:
        assert _answers(server.dsn)


def test_a_folder_whose_name_a_shell_would_change_is_refused(server_folder: Path) -> None:
    """`pg_ctl` passes the path through a shell in double quotes: better a sentence than a
    surprise."""
    with pytest.raises(StoreError, match="shell"):
        EmbeddedPostgres.start(server_folder / "a$HOME")


def test_a_cluster_of_another_version_is_refused_with_advice(server_folder: Path) -> None:
    """Postgres cannot read another major version's files; the message says what to do."""
    data = server_folder / "cluster"
    data.mkdir()
    (data / "PG_VERSION").write_text("11\n")
    with pytest.raises(StoreError, match="dump it with the old version"):
        Cluster(data, data, {}).ensure_created()


def test_connection_strings_of_other_databases_are_refused() -> None:
    """A typed error instead of a traceback from a driver."""
    assert normalise("postgres://u@h/d") == "postgresql://u@h/d"
    assert normalise("postgresql+asyncpg://someone@somewhere:5433/viva") == "postgresql://someone@somewhere:5433/viva"
    with pytest.raises(StoreError, match="postgresql://"):
        normalise("mysql://u@h/d")
