"""Fixtures shared by all tests live in `tests/fixtures`, one file a subject."""

pytest_plugins = ["tests.fixtures.postgres"]
