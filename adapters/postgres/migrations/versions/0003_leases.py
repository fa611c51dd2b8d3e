"""Who owns the calls that are open, and which processes live.

Both tables can be lost without losing a call: `open_calls` follows from the log, and processes
enter themselves again.
"""

from alembic import op

revision = "leases_1"
down_revision = "projections_1"
branch_labels = None
depends_on = None

# Every process writes its row once a second: room in the page keeps that from touching an index.
TABLES = """
CREATE TABLE open_calls (
    call_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    process uuid,
    epoch integer NOT NULL,
    opened_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX open_calls_process_idx ON open_calls (process);
CREATE TABLE processes (
    process uuid PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 20);
COMMENT ON TABLE open_calls IS 'Calls that have not settled, kept by a trigger on call_events';
COMMENT ON COLUMN open_calls.process IS 'The process that owns the call; null: nobody, it was handed over';
COMMENT ON COLUMN open_calls.epoch IS '1 for whoever opened the call, one more with every takeover';
COMMENT ON TABLE processes IS 'Serving processes; each also holds a shared advisory lock on its key while it lives';
"""

# A row that cannot be read must not keep an event out of the log: then nobody is known to own the
# call. As in `call_events_json`, the one legal escape that jsonb refuses is replaced first.
OWNER = r"""
CREATE FUNCTION call_owner(state bytea, OUT process uuid, OUT epoch integer) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    fields jsonb;
BEGIN
    fields := replace(convert_from(state, 'UTF8'), '\u0000', '\ufffd')::jsonb;
    process := nullif(fields ->> 'process', '')::uuid;
    epoch := coalesce((fields ->> 'epoch')::integer, 1);
EXCEPTION WHEN data_exception THEN
    process := NULL;
    epoch := 1;
END $$;
"""

TRIGGER = """
CREATE FUNCTION call_keep_open_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE NEW.topic
    WHEN 'call.settled.v1' THEN
        DELETE FROM open_calls WHERE call_id = NEW.originator_id;
    WHEN 'call.handed_over.v1' THEN
        UPDATE open_calls SET process = NULL, changed_at = NEW.recorded_at WHERE call_id = NEW.originator_id;
    ELSE
        INSERT INTO open_calls AS o (call_id, tenant, process, epoch, opened_at, changed_at)
        SELECT NEW.originator_id, NEW.tenant, owner.process, owner.epoch, NEW.recorded_at, NEW.recorded_at
        FROM call_owner(NEW.state) AS owner
        ON CONFLICT (call_id) DO UPDATE
        SET process = excluded.process, epoch = excluded.epoch, changed_at = excluded.changed_at;
    END CASE;
    RETURN NULL;
END $$;
CREATE TRIGGER call_events_open_calls AFTER INSERT ON call_events
    FOR EACH ROW WHEN (
        NEW.topic IN ('call.opened.v1', 'call.taken_over.v1', 'call.handed_over.v1', 'call.settled.v1')
    ) EXECUTE FUNCTION call_keep_open_calls();
"""

# A log may be there already, where this migration was taken back. Creating the trigger has locked it
# against appends, so nothing falls between the two.
EARLIER_CALLS = """
INSERT INTO open_calls (call_id, tenant, process, epoch, opened_at, changed_at)
SELECT opened.originator_id, opened.tenant,
       CASE WHEN newest.topic <> 'call.handed_over.v1' THEN owner.process END, owner.epoch,
       opened.recorded_at, newest.recorded_at
FROM call_events AS opened
CROSS JOIN LATERAL (
    SELECT topic, recorded_at FROM call_events
    WHERE originator_id = opened.originator_id
        AND topic IN ('call.opened.v1', 'call.taken_over.v1', 'call.handed_over.v1', 'call.settled.v1')
    ORDER BY originator_version DESC LIMIT 1
) AS newest
CROSS JOIN LATERAL (
    SELECT state FROM call_events
    WHERE originator_id = opened.originator_id AND topic IN ('call.opened.v1', 'call.taken_over.v1')
    ORDER BY originator_version DESC LIMIT 1
) AS taken
CROSS JOIN LATERAL call_owner(taken.state) AS owner
WHERE opened.topic = 'call.opened.v1' AND newest.topic <> 'call.settled.v1';
"""


def upgrade() -> None:
    for script in (TABLES, OWNER, TRIGGER, EARLIER_CALLS):
        op.get_bind().exec_driver_sql(script)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("""
        DROP TRIGGER call_events_open_calls ON call_events;
        DROP FUNCTION call_keep_open_calls, call_owner;
        DROP TABLE open_calls, processes;
    """)
