"""The log, the audio, and the one function that appends.

`call_events` is what eventsourcing 9.5's Postgres module would make for an application named
`call`, so its own tools read it and its own writer writes it; our additional columns are nullable
or defaulted for that reason. `event_id` and `metadata` are the columns its version 10 adds.
"""

from alembic import op

revision = "event_store_1"
down_revision = None
branch_labels = None
depends_on = None

_AUTOVACUUM = """
    autovacuum_enabled = true,
    autovacuum_vacuum_threshold = 100000000,
    autovacuum_vacuum_scale_factor = 0.5,
    autovacuum_analyze_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.01
"""

EVENTS = f"""
CREATE TABLE call_events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text,
    state bytea,
    notification_id bigserial,
    event_id uuid,
    metadata jsonb,
    tenant text NOT NULL DEFAULT 'default',
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (originator_id, originator_version)
) WITH ({_AUTOVACUUM});
CREATE UNIQUE INDEX call_events_notification_id_idx ON call_events (notification_id ASC);
CREATE TYPE stored_event_uuid AS (originator_id uuid, originator_version bigint, topic text, state bytea);
"""

TRACKING = f"""
CREATE TABLE call_tracking (
    application_name text,
    notification_id bigint,
    PRIMARY KEY (application_name)
) WITH ({_AUTOVACUUM});
INSERT INTO call_tracking VALUES ('__migration__', 1);
"""  # noqa: S608 - a constant

# FLAC does not compress further: EXTERNAL keeps Postgres from trying.
AUDIO = """
CREATE TABLE call_audio (
    tenant text NOT NULL DEFAULT 'default',
    call_id uuid NOT NULL,
    side text NOT NULL CHECK (side IN ('candidate', 'interviewer')),
    first_sample bigint NOT NULL CHECK (first_sample >= 0),
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    codec text NOT NULL,
    rate_hz integer NOT NULL CHECK (rate_hz > 0),
    samples integer NOT NULL CHECK (samples >= 0),
    sealed boolean NOT NULL DEFAULT false,
    data bytea NOT NULL,
    arrivals bytea NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (call_id, side, first_sample, sha256)
);
ALTER TABLE call_audio ALTER COLUMN data SET STORAGE EXTERNAL;
"""

APPEND_ONLY = """
CREATE FUNCTION call_forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%% is append-only: %% is not allowed', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Facts are corrected by recording another fact.';
END $$;
CREATE TRIGGER call_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON call_events
    FOR EACH STATEMENT EXECUTE FUNCTION call_forbid_change();
CREATE TRIGGER call_audio_append_only BEFORE UPDATE ON call_audio
    FOR EACH STATEMENT EXECUTE FUNCTION call_forbid_change();
"""

# Readers tail the log by notification id, so ids must become visible in their order: every append
# takes its ids and commits before the next one takes any. An advisory lock does that among our
# writers and is not held up by VACUUM. The INSERT's own ROW EXCLUSIVE lock, taken before the first
# id is drawn, conflicts with the EXCLUSIVE lock that eventsourcing's writer takes, so the two kinds
# of writers exclude each other as well.
APPEND_EVENTS = """
CREATE FUNCTION call_append_events(
    ids uuid[], versions bigint[], topics text[], states bytea[], event_ids uuid[], tenants text[]
) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
        SET LOCAL synchronous_commit = on;
    END IF;
    PERFORM pg_advisory_xact_lock(1986623073, 1);
    IF EXISTS (
        SELECT FROM (
            SELECT e.id, min(e.version) AS lowest, max(e.version) - min(e.version) + 1 <> count(*) AS gapped
            FROM unnest(ids, versions) AS e (id, version)
            GROUP BY e.id
        ) AS offered
        WHERE offered.gapped OR (
            offered.lowest > 1 AND NOT EXISTS (
                SELECT FROM call_events AS c
                WHERE c.originator_id = offered.id AND c.originator_version = offered.lowest - 1
            )
        )
    ) THEN
        RAISE EXCEPTION 'the append does not continue its call' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NOTIFY call_events;
    RETURN QUERY
        INSERT INTO call_events (originator_id, originator_version, topic, state, event_id, tenant)
        SELECT * FROM unnest(ids, versions, topics, states, event_ids, tenants)
        RETURNING notification_id;
END $$;
"""

APPEND_AUDIO = """
CREATE FUNCTION call_append_audio(
    tenants text[], call_ids uuid[], sides text[], first_samples bigint[], sha256s bytea[], codecs text[],
    rates_hz integer[], sample_counts integer[], sealeds boolean[], datas bytea[], arrivalss bytea[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO call_audio (
        tenant, call_id, side, first_sample, sha256, codec, rate_hz, samples, sealed, data, arrivals
    )
    SELECT * FROM unnest(
        tenants, call_ids, sides, first_samples, sha256s, codecs, rates_hz, sample_counts, sealeds, datas, arrivalss
    ) AS a (tenant, call_id, side, first_sample, sha256, codec, rate_hz, samples, sealed, data, arrivals)
    ORDER BY call_id, side, first_sample, sha256
    ON CONFLICT (call_id, side, first_sample, sha256) DO NOTHING;
$$;
"""

# `\\u0000` is legal JSON but not a legal jsonb text; one such character must not make the whole
# view unreadable.
VIEW = r"""
CREATE VIEW call_events_json AS
SELECT notification_id AS id,
       originator_id AS call_id,
       originator_version AS version,
       topic,
       replace(convert_from(state, 'UTF8'), '\u0000', '\ufffd')::jsonb AS state,
       recorded_at,
       tenant
FROM call_events;
"""


def upgrade() -> None:
    for script in (EVENTS, TRACKING, AUDIO, APPEND_ONLY, APPEND_EVENTS, APPEND_AUDIO, VIEW):
        op.get_bind().exec_driver_sql(script)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("""
        DROP VIEW call_events_json;
        DROP FUNCTION call_append_audio;
        DROP FUNCTION call_append_events;
        DROP TABLE call_audio, call_tracking, call_events;
        DROP FUNCTION call_forbid_change;
        DROP TYPE stored_event_uuid;
    """)
