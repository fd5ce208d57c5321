-- name: find_seller
-- The operator whose timetable it is; nothing where there is none.
SELECT o.operator_id, o.name FROM operators AS o WHERE o.operator_id = $1;

-- name: list_imports
-- Newest first: $1 operator (NULL: all), $2 the last one seen, $3 at most.
SELECT
    i.import_id, i.operator_id, i.user_id, i.file, i.bytes, i.wish::text AS wish, i.state, i.step, i.done, i.total,
    i.outcome::text AS outcome, i.created_at, i.ended_at,
    i.beat_at < clock_timestamp() - interval '1 minute' AS is_silent
FROM imports AS i
WHERE ($1::integer IS NULL OR i.operator_id = $1) AND ($2::bigint IS NULL OR i.import_id < $2)
ORDER BY i.import_id DESC
LIMIT $3;

-- name: find_import
SELECT
    i.import_id, i.operator_id, i.user_id, i.file, i.bytes, i.wish::text AS wish, i.state, i.step, i.done, i.total,
    i.outcome::text AS outcome, i.created_at, i.ended_at,
    i.beat_at < clock_timestamp() - interval '1 minute' AS is_silent
FROM imports AS i
WHERE i.import_id = $1;

-- name: give_up_silent
-- Whoever was at the import of an operator ($1) is gone, and with them all that they had not committed.
UPDATE imports AS i
SET state = 'FAILED', outcome = $2::jsonb, ended_at = clock_timestamp()
WHERE i.operator_id = $1 AND i.state = 'RUNNING' AND i.beat_at < clock_timestamp() - interval '1 minute';

-- name: add_import
-- $1 operator, $2 who, $3 name of the file, $4 its size, $5 what is wanted. Nothing is added while another one runs.
INSERT INTO imports (operator_id, user_id, file, bytes, wish, created_at, beat_at)
SELECT o.operator_id, $2, $3, $4, $5::jsonb, clock_timestamp(), clock_timestamp()
FROM operators AS o
WHERE o.operator_id = $1
ON CONFLICT (operator_id) WHERE state = 'RUNNING' DO NOTHING
RETURNING import_id;

-- name: beat
-- $1 import, $2 step, $3 done, $4 of how much.
UPDATE imports AS i
SET step = $2, done = $3, total = $4, beat_at = clock_timestamp()
WHERE i.import_id = $1 AND i.state = 'RUNNING'
RETURNING i.state;

-- name: end_import
-- $1 import, $2 how it ended, $3 what there is to say. Only one that still runs can end.
UPDATE imports AS i
SET state = $2, outcome = $3::jsonb, ended_at = clock_timestamp()
WHERE i.import_id = $1 AND i.state = 'RUNNING'
RETURNING i.state;

-- name: purge_imports
-- $1 age, $2 at a time.
DELETE FROM imports AS i
USING (
    SELECT o.import_id FROM imports AS o
    WHERE o.ended_at < now() - $1::interval
    LIMIT $2
) AS old
WHERE i.import_id = old.import_id;
