"""Pin and hash every dependency, without recording where it was downloaded from.

Run through `make requirements`; needs pip-tools, which it installs into the environment on demand.
"""

import subprocess
import sys

FLAGS = [
    "--quiet", "--generate-hashes", "--no-strip-extras", "--allow-unsafe", "--no-header",
    "--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host",
]  # fmt: skip
TARGETS = {
    "requirements/run.txt": [],  # a server
    "requirements/rehearsal.txt": ["rehearsal"],  # and the rehearsal interviewer's synthesiser, which is GPL
    "requirements/dev.txt": ["rehearsal", "dev"],
}

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "pip-tools"], check=True)
for output, extras in TARGETS.items():
    chosen = [flag for extra in extras for flag in ("--extra", extra)]
    command = [
        sys.executable,
        "-m",
        "piptools",
        "compile",
        *FLAGS,
        *sys.argv[1:],
        *chosen,
        "-o",
        output,
        "pyproject.toml",
    ]
    subprocess.run(command, check=True)  # noqa: S603
    print(f"wrote {output}")  # noqa: T201
