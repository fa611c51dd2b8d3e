-- Views for analysts and for the HTTP API. Moments named *_at_ms are on the call's own clock, which is 0 at opened_at.

CREATE VIEW viva_token_usage AS
SELECT call_id, tenant, kind, modality, tokens FROM calls_token_usage;

COMMENT ON VIEW viva_token_usage IS 'Tokens of each call as Gemini reported them, summed over all reports: each report is billed.';
COMMENT ON COLUMN viva_token_usage.kind IS 'prompt, response, thoughts, tool_use, or cached, which is a part of prompt.';
COMMENT ON COLUMN viva_token_usage.modality IS 'AUDIO, TEXT, IMAGE, VIDEO, DOCUMENT; UNSPECIFIED for what Gemini did not break down.';

CREATE VIEW viva_calls AS
SELECT c.call_id, c.tenant, c.agent, c.candidate_reference, c.candidate_name, c.role, c.language, c.opened_at, c.state,
       c.closed_reason, c.closed_detail, c.closed_at_us / 1000.0::float8 AS duration_ms,
       c.turns, c.barge_ins_confirmed, c.barge_ins_dismissed, c.model,
       usage.tokens, trips.round_trip_p50_ms, c.client_losses, c.model_losses, c.last_version
FROM calls AS c
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(kind, modalities), '{}') AS tokens
    FROM (
        SELECT kind, jsonb_object_agg(modality, tokens) AS modalities
        FROM calls_token_usage AS u WHERE u.call_id = c.call_id GROUP BY kind
    ) AS kinds
) AS usage
CROSS JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY round_trip_us) / 1000 AS round_trip_p50_ms
    FROM calls_round_trips AS r WHERE r.call_id = c.call_id
) AS trips;

COMMENT ON VIEW viva_calls IS 'One row a call.';
COMMENT ON COLUMN viva_calls.agent IS 'The id of the interviewer.';
COMMENT ON COLUMN viva_calls.candidate_reference IS 'The id of the candidate in the system that opened the call.';
COMMENT ON COLUMN viva_calls.candidate_name IS 'Personal data.';
COMMENT ON COLUMN viva_calls.opened_at IS 'Wall time; the zero of the clock of the call.';
COMMENT ON COLUMN viva_calls.state IS 'listening, candidate_speaking, model_speaking, interrupted, resuming or closed.';
COMMENT ON COLUMN viva_calls.closed_reason IS 'Why it ended, for programs; NULL while it is open.';
COMMENT ON COLUMN viva_calls.closed_detail IS 'Why it ended, for people.';
COMMENT ON COLUMN viva_calls.duration_ms IS 'From opening to closing; NULL while it is open.';
COMMENT ON COLUMN viva_calls.turns IS 'Answers of the candidate. One that goes on before its reply is heard is one turn.';
COMMENT ON COLUMN viva_calls.barge_ins_confirmed IS 'Times the candidate interrupted the interviewer.';
COMMENT ON COLUMN viva_calls.barge_ins_dismissed IS 'Times playback was held for a cough or an "uh-huh" and went on.';
COMMENT ON COLUMN viva_calls.model IS 'The Gemini model connected last; NULL before the first.';
COMMENT ON COLUMN viva_calls.tokens IS 'Tokens by kind and modality: {"prompt": {"AUDIO": 100}}. See viva_token_usage.';
COMMENT ON COLUMN viva_calls.round_trip_p50_ms IS 'Median network round trip between server and client; NULL without a measurement.';
COMMENT ON COLUMN viva_calls.client_losses IS 'Connections of the client that ended without a hangup.';
COMMENT ON COLUMN viva_calls.model_losses IS 'Gemini sessions that ended, and dials that failed.';
COMMENT ON COLUMN viva_calls.last_version IS 'The version of the newest event of the call that is counted in this row.';

CREATE VIEW viva_transcript AS
SELECT call_id, tenant, turn, who, number,
       coalesce(heard_text, text || interim_text) AS said,
       text || interim_text AS full_text, interim_text <> '' AS provisional,
       started_at_us / 1000.0::float8 AS started_at_ms, ended_at_us / 1000.0::float8 AS ended_at_ms,
       outcome, interrupted, heard_ms, heard_text, barge_in
FROM transcript_lines
WHERE who = 'candidate' OR outcome NOT IN ('pending', 'cancelled');

COMMENT ON VIEW viva_transcript IS 'What was said and heard, one row for each answer and reply. Order by call_id, turn, who, number. Replies of which nothing was played are left out.';
COMMENT ON COLUMN viva_transcript.turn IS 'The number of the answer of the candidate; a reply has the turn it replies to, the opening 0.';
COMMENT ON COLUMN viva_transcript.who IS 'candidate or interviewer; within a turn the candidate comes first.';
COMMENT ON COLUMN viva_transcript.number IS 'The turn for the candidate, the generation for the interviewer; 0 for text that could be attributed to none.';
COMMENT ON COLUMN viva_transcript.said IS 'Personal data. The text; of a reply that was cut, only what was heard (an estimate).';
COMMENT ON COLUMN viva_transcript.full_text IS 'Personal data. The whole text as transcribed, heard or not.';
COMMENT ON COLUMN viva_transcript.provisional IS 'Whether the text ends in an interim transcript, which the next one replaces.';
COMMENT ON COLUMN viva_transcript.started_at_ms IS 'Onset of the voice, or first sample played. NULL for text without a recorded start.';
COMMENT ON COLUMN viva_transcript.ended_at_ms IS 'End of the voice; or the reply played out, cut, or the call closed.';
COMMENT ON COLUMN viva_transcript.outcome IS 'speaking, playing, finished, cut, call_ended; pending or unattributed for text without a recorded start.';
COMMENT ON COLUMN viva_transcript.interrupted IS 'Whether the candidate, or a lost link, cut this reply off.';
COMMENT ON COLUMN viva_transcript.heard_ms IS 'How much of a cut reply was played; NULL for others.';
COMMENT ON COLUMN viva_transcript.heard_text IS 'Personal data. The estimated text of what was played of a cut reply; NULL for others.';
COMMENT ON COLUMN viva_transcript.barge_in IS 'Whether this answer began by interrupting the interviewer.';

CREATE VIEW viva_latency AS
SELECT call_id, tenant, agent, opened_at, generation, turn, cause, cancelled, played_at_ms,
       CASE WHEN measured THEN endpoint_delay_ms END AS endpoint_delay_ms,
       CASE WHEN measured THEN model_first_audio_ms END AS model_first_audio_ms,
       playout_ms,
       CASE WHEN measured THEN response_latency_ms END AS response_latency_ms
FROM (
    SELECT r.call_id, r.tenant, c.agent, c.opened_at, r.generation, r.turn, r.cause, r.cancelled,
           r.played_at_us / 1000.0::float8 AS played_at_ms,
           (a.decided_at_us - a.end_at_us) / 1000.0::float8 AS endpoint_delay_ms,
           (r.first_audio_at_us - a.decided_at_us) / 1000.0::float8 AS model_first_audio_ms,
           (r.played_at_us - r.first_audio_at_us) / 1000.0::float8 AS playout_ms,
           (r.played_at_us - a.end_at_us) / 1000.0::float8 AS response_latency_ms,
           r.played_at_us IS NOT NULL AND r.generation = min(r.generation) FILTER (WHERE r.played_at_us IS NOT NULL)
               OVER (PARTITION BY r.call_id, r.turn) AS measured
    FROM latency_replies AS r
    JOIN latency_calls AS c USING (call_id)
    LEFT JOIN latency_answers AS a USING (call_id, turn)
) AS replies;

COMMENT ON VIEW viva_latency IS 'One row for each reply asked of the model. playout_ms is given for each that was heard, the other measures for the first of a turn that was, if it replies to an answer; NULL otherwise. endpoint_delay + model_first_audio + playout = response_latency.';
COMMENT ON COLUMN viva_latency.cause IS 'opening, answer, nudge (the model had been silent), resent (after a lost link), unprompted.';
COMMENT ON COLUMN viva_latency.cancelled IS 'Whether the reply was given up before anything of it was heard.';
COMMENT ON COLUMN viva_latency.played_at_ms IS 'When its first sample was played, on the clock of the call; NULL if none was.';
COMMENT ON COLUMN viva_latency.endpoint_delay_ms IS 'End of speech to the decision that the turn is over.';
COMMENT ON COLUMN viva_latency.model_first_audio_ms IS 'That decision to the arrival of the first audio of the model.';
COMMENT ON COLUMN viva_latency.playout_ms IS 'Arrival of the first audio to the first sample played: waiting, network, playback.';
COMMENT ON COLUMN viva_latency.response_latency_ms IS 'End of the speech of the candidate to the first sample of the interviewer played.';

CREATE VIEW viva_barge_ins AS
SELECT b.call_id, b.tenant, c.agent, c.opened_at, b.generation, b.turn, b.onset_at_us / 1000.0::float8 AS onset_at_ms,
       coalesce(b.outcome, 'undecided') AS outcome, b.reason,
       (b.suspected_at_us - b.onset_at_us) / 1000.0::float8 AS hold_latency_ms,
       CASE WHEN b.outcome = 'confirmed' THEN (b.decided_at_us - b.onset_at_us) / 1000.0::float8 END AS yield_latency_ms,
       (b.decided_at_us - b.onset_at_us) / 1000.0::float8 AS confirm_delay_ms,
       b.held_ms::float8 AS held_time_ms
FROM latency_barge_ins AS b
JOIN latency_calls AS c USING (call_id);

COMMENT ON VIEW viva_barge_ins IS 'One row for each time the candidate was heard over the interviewer. Moments are those of decisions on the server.';
COMMENT ON COLUMN viva_barge_ins.generation IS 'The reply that was spoken over.';
COMMENT ON COLUMN viva_barge_ins.turn IS 'The answer that a confirmed one began; NULL for others.';
COMMENT ON COLUMN viva_barge_ins.onset_at_ms IS 'Start of the voice over the interviewer, on the clock of the call.';
COMMENT ON COLUMN viva_barge_ins.outcome IS 'confirmed, dismissed, or undecided.';
COMMENT ON COLUMN viva_barge_ins.reason IS 'What decided it: voiced, silence, ceiling, played_out, model, muted, client_lost.';
COMMENT ON COLUMN viva_barge_ins.hold_latency_ms IS 'Onset to the decision to hold playback; NULL where Gemini decides turns.';
COMMENT ON COLUMN viva_barge_ins.yield_latency_ms IS 'Onset to the confirmation, from which the interviewer is silent for good; NULL unless confirmed.';
COMMENT ON COLUMN viva_barge_ins.confirm_delay_ms IS 'Onset to the decision, confirmed or dismissed.';
COMMENT ON COLUMN viva_barge_ins.held_time_ms IS 'How long playback was held for nothing: what sounds like a stutter; NULL unless dismissed.';

CREATE VIEW viva_latency_summary AS
SELECT *
FROM (
    SELECT tenant, agent, (opened_at AT TIME ZONE 'UTC')::date AS day,
           count(response_latency_ms) AS replies,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY response_latency_ms) AS response_latency_p50_ms,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY response_latency_ms) AS response_latency_p90_ms,
           percentile_cont(0.99) WITHIN GROUP (ORDER BY response_latency_ms) AS response_latency_p99_ms,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY endpoint_delay_ms) AS endpoint_delay_p50_ms,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY endpoint_delay_ms) AS endpoint_delay_p90_ms,
           percentile_cont(0.99) WITHIN GROUP (ORDER BY endpoint_delay_ms) AS endpoint_delay_p99_ms,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY model_first_audio_ms) AS model_first_audio_p50_ms,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY model_first_audio_ms) AS model_first_audio_p90_ms,
           percentile_cont(0.99) WITHIN GROUP (ORDER BY model_first_audio_ms) AS model_first_audio_p99_ms
    FROM viva_latency GROUP BY 1, 2, 3
) AS replies
FULL JOIN (
    SELECT tenant, agent, (opened_at AT TIME ZONE 'UTC')::date AS day,
           count(*) FILTER (WHERE outcome = 'confirmed') AS barge_ins_confirmed,
           count(*) FILTER (WHERE outcome = 'dismissed') AS barge_ins_dismissed,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY hold_latency_ms) AS hold_latency_p50_ms,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY hold_latency_ms) AS hold_latency_p90_ms,
           percentile_cont(0.99) WITHIN GROUP (ORDER BY hold_latency_ms) AS hold_latency_p99_ms,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY yield_latency_ms) AS yield_latency_p50_ms,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY yield_latency_ms) AS yield_latency_p90_ms,
           percentile_cont(0.99) WITHIN GROUP (ORDER BY yield_latency_ms) AS yield_latency_p99_ms,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY held_time_ms) AS held_time_p50_ms,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY held_time_ms) AS held_time_p90_ms,
           percentile_cont(0.99) WITHIN GROUP (ORDER BY held_time_ms) AS held_time_p99_ms
    FROM viva_barge_ins GROUP BY 1, 2, 3
) AS barge_ins USING (tenant, agent, day);

COMMENT ON VIEW viva_latency_summary IS 'Percentiles of the measures of viva_latency and viva_barge_ins, in ms, for each agent and day (UTC) on which calls were opened. NULL where nothing was measured.';
COMMENT ON COLUMN viva_latency_summary.day IS 'The day, in UTC, on which the calls were opened.';
COMMENT ON COLUMN viva_latency_summary.replies IS 'Replies with a response latency.';

CREATE VIEW viva_projections AS
SELECT p.name, p.notification_id AS checkpoint, newest.id AS newest_notification_id,
       newest.id - p.notification_id AS lag_notifications,
       coalesce(greatest(extract(epoch FROM clock_timestamp() - waiting.recorded_at), 0), 0)::float8 AS lag_seconds,
       (SELECT count(*) FROM dead_letters AS d WHERE d.projection = p.name) AS dead_letters, p.updated_at
FROM projection_checkpoints AS p
CROSS JOIN (SELECT coalesce(max(notification_id), 0) AS id FROM call_events) AS newest
LEFT JOIN LATERAL (
    SELECT recorded_at FROM call_events AS e
    WHERE e.notification_id > p.notification_id ORDER BY e.notification_id LIMIT 1
) AS waiting ON true;

COMMENT ON VIEW viva_projections IS 'How far each projection is behind the log.';
COMMENT ON COLUMN viva_projections.lag_notifications IS 'Newest notification id minus checkpoint: at most so many events are waiting.';
COMMENT ON COLUMN viva_projections.lag_seconds IS 'The age of the oldest event that is waiting; 0 where none is.';
COMMENT ON COLUMN viva_projections.dead_letters IS 'Events that could not be projected and are parked in dead_letters with the reason.';
