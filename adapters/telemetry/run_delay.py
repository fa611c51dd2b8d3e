"""How long the machine kept a thread waiting for a core: what no program can do anything about."""

from pathlib import Path

_FILE = Path("/proc/thread-self/schedstat")


def run_delay_s() -> float:
    """Seconds in which the calling thread was ready to run and others ran, since it began; 0 where
    nobody counts them.

    Source: the second field of Linux's schedstat, in nanoseconds.
    """
    try:
        return int(_FILE.read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
