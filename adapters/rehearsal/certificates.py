"""A certificate authority of the rehearsal's own, made once and kept, so that a client can trust
it.

Only the authority is stored (key 0600); the server's certificate for this machine is issued at
every start.
"""

import os
import ssl
from pathlib import Path

import trustme

CA_FILE = "rehearsal-ca.pem"
_KEY_FILE = "rehearsal-ca.key"
_NAMES = ("localhost", "127.0.0.1", "::1")


def ca_file(data_dir: Path) -> Path:
    """Where the authority's certificate is kept, for clients to trust."""
    return data_dir / CA_FILE


def server_context(data_dir: Path) -> ssl.SSLContext:
    """A TLS context that proves to be localhost to a client that trusts `ca_file(data_dir)`.
    Blocking: touches the disk."""
    authority = _load_or_make(data_dir)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*_NAMES).configure_cert(context)
    return context


def _load_or_make(data_dir: Path) -> trustme.CA:
    certificate, key = data_dir / CA_FILE, data_dir / _KEY_FILE
    if certificate.exists() and key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    authority = trustme.CA(organization_name="Viva rehearsal")
    data_dir.mkdir(parents=True, exist_ok=True)
    _write_private(key, authority.private_key_pem.bytes())
    _write_private(certificate, authority.cert_pem.bytes())
    return authority


def _write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, and that is never there in part."""
    draft = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    draft.replace(path)
