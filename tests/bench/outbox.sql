-- name: clear
CREATE TABLE IF NOT EXISTS effects (job_id uuid PRIMARY KEY);
GRANT SELECT, INSERT ON effects TO omnibus_worker;
TRUNCATE jobs, job_inbox, effects;

-- name: queue
-- One for each of $1 bookings, due since now.
INSERT INTO jobs (bus_id, booking_id, job_id, operator_id, kind, due_at, created_at)
SELECT b.bus_id, b.booking_id, gen_random_uuid(), b.operator_id, 'BOOKING_CONFIRMED', now(), now()
FROM bookings AS b
ORDER BY b.booking_id
LIMIT $1;

-- name: find
SELECT j.bus_id, j.booking_id, j.job_id FROM jobs AS j;

-- name: mark
UPDATE jobs SET state = 'DONE', done_at = now(), attempts = 1 WHERE bus_id = $1 AND booking_id = $2 AND job_id = $3;

-- name: write
INSERT INTO effects (job_id) VALUES ($1) ON CONFLICT DO NOTHING;
