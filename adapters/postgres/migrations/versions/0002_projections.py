"""What projections write: checkpoints, dead letters, and the tables of the read models; and the
views upon them.

The tables may be changed freely by later migrations, because all of their rows can be projected
again. The views are what analysts and the HTTP API read; they stand in `0002_projections_views.sql`
beside this file.
"""

from pathlib import Path

from alembic import op

revision = "projections_1"
down_revision = "event_store_1"
branch_labels = None
depends_on = None

PROGRESS = """
CREATE TABLE projection_checkpoints (
    name text PRIMARY KEY,
    notification_id bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE dead_letters (
    projection text NOT NULL,
    notification_id bigint NOT NULL,
    call_id uuid NOT NULL,
    version bigint NOT NULL,
    topic text NOT NULL,
    reason text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, notification_id)
);
CREATE INDEX dead_letters_call_idx ON dead_letters (projection, call_id);
"""

CALLS = """
CREATE TABLE calls (
    call_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    agent text NOT NULL,
    candidate_reference text NOT NULL,
    candidate_name text NOT NULL,
    role text NOT NULL,
    language text NOT NULL,
    opened_at timestamptz NOT NULL,
    state text NOT NULL,
    closed_reason text,
    closed_detail text,
    closed_at_us bigint,
    turns integer NOT NULL DEFAULT 0,
    barge_ins_confirmed integer NOT NULL DEFAULT 0,
    barge_ins_dismissed integer NOT NULL DEFAULT 0,
    client_losses integer NOT NULL DEFAULT 0,
    model_losses integer NOT NULL DEFAULT 0,
    model text,
    last_version bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX calls_newest_idx ON calls (opened_at DESC, call_id DESC);
CREATE TABLE calls_round_trips (
    call_id uuid NOT NULL,
    tenant text NOT NULL,
    version bigint NOT NULL,
    round_trip_us bigint NOT NULL,
    PRIMARY KEY (call_id, version)
);
CREATE TABLE calls_token_usage (
    call_id uuid NOT NULL,
    tenant text NOT NULL,
    kind text NOT NULL,
    modality text NOT NULL,
    tokens bigint NOT NULL,
    PRIMARY KEY (call_id, kind, modality)
);
"""

TRANSCRIPT = """
CREATE TABLE transcript_calls (
    call_id uuid PRIMARY KEY,
    tenant text NOT NULL
);
CREATE TABLE transcript_lines (
    call_id uuid NOT NULL,
    tenant text NOT NULL,
    who text NOT NULL CHECK (who IN ('candidate', 'interviewer')),
    number integer NOT NULL,
    turn integer NOT NULL,
    text text NOT NULL DEFAULT '',
    interim_text text NOT NULL DEFAULT '',
    outcome text NOT NULL,
    started_at_us bigint,
    ended_at_us bigint,
    barge_in boolean NOT NULL DEFAULT false,
    interrupted boolean NOT NULL DEFAULT false,
    heard_ms bigint,
    heard_text text,
    PRIMARY KEY (call_id, who, number)
);
"""

LATENCY = """
CREATE TABLE latency_calls (
    call_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    agent text NOT NULL,
    opened_at timestamptz NOT NULL
);
CREATE TABLE latency_answers (
    call_id uuid NOT NULL,
    tenant text NOT NULL,
    turn integer NOT NULL,
    end_at_us bigint NOT NULL,
    decided_at_us bigint NOT NULL,
    PRIMARY KEY (call_id, turn)
);
CREATE TABLE latency_replies (
    call_id uuid NOT NULL,
    tenant text NOT NULL,
    generation integer NOT NULL,
    turn integer NOT NULL,
    cause text NOT NULL,
    requested_at_us bigint NOT NULL,
    first_audio_at_us bigint,
    played_at_us bigint,
    cancelled boolean NOT NULL DEFAULT false,
    PRIMARY KEY (call_id, generation)
);
CREATE TABLE latency_barge_ins (
    call_id uuid NOT NULL,
    tenant text NOT NULL,
    version bigint NOT NULL,
    generation integer NOT NULL,
    turn integer,
    onset_at_us bigint NOT NULL,
    suspected_at_us bigint,
    outcome text CHECK (outcome IN ('confirmed', 'dismissed')),
    reason text,
    decided_at_us bigint,
    held_ms bigint,
    PRIMARY KEY (call_id, version)
);
"""


def upgrade() -> None:
    views = Path(__file__).with_name("0002_projections_views.sql").read_text(encoding="utf-8")
    for script in (PROGRESS, CALLS, TRANSCRIPT, LATENCY, views):
        op.get_bind().exec_driver_sql(script)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("""
        DROP VIEW viva_projections, viva_latency_summary, viva_barge_ins, viva_latency, viva_transcript,
            viva_calls, viva_token_usage;
        DROP TABLE latency_barge_ins, latency_replies, latency_answers, latency_calls, transcript_lines,
            transcript_calls, calls_token_usage, calls_round_trips, calls, dead_letters, projection_checkpoints;
    """)
