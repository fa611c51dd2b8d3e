"""Tokens, and the key that signs them."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from api.wire.tokens import TokenMint, WeakSecretError, kept_secret
from domain.errors import PeerError

KEY = "k" * 32


def test_a_token_leads_to_its_call() -> None:
    """Given a token, its call is found, and its end is told to the second."""
    call_id = uuid4()
    token = TokenMint(KEY, 60).issue(call_id)
    assert TokenMint(KEY, 60).call_of(token.text) == call_id
    assert token.expires.endswith("Z")


@pytest.mark.parametrize(
    ("mint", "code"), [(TokenMint(KEY, -5), "token_expired"), (TokenMint("o" * 32, 5), "token_invalid")]
)
def test_a_token_that_is_not_good(mint: TokenMint, code: str) -> None:
    """Given a token that is too old or of another key, the error says which."""
    with pytest.raises(PeerError) as caught:
        TokenMint(KEY, 60).call_of(mint.issue(uuid4()).text)
    assert caught.value.code == code


def test_a_weak_key_is_refused() -> None:
    """Given a key of 31 characters, the error names the variable and does not show the key."""
    with pytest.raises(WeakSecretError, match="VIVA_SECRET") as caught:
        TokenMint("k" * 31, 60)
    assert "kkk" not in str(caught.value)


def test_the_kept_key_is_its_owners(tmp_path: Path) -> None:
    """Given no key, one is made that only its owner can read, and it stays the same."""
    folder = tmp_path / "new" / "data"
    key = kept_secret(folder)
    assert len(key) >= 32
    assert kept_secret(folder) == key
    assert [path.name for path in folder.iterdir()] == ["secret"]
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_a_key(tmp_path: Path) -> None:
    """Given sixteen that want a key at once, all get the same."""
    for number in range(20):
        folder = tmp_path / str(number)
        with ThreadPoolExecutor(16) as pool:
            assert len(set(pool.map(kept_secret, [folder] * 16))) == 1
        assert [path.name for path in folder.iterdir()] == ["secret"]
