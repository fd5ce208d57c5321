-- name: find
SELECT true AS is_there FROM job_inbox AS i
WHERE i.bus_id = $1 AND i.booking_id = $2 AND i.job_id = $3 AND i.handler = $4;

-- name: enter
-- $1 bus, $2 booking, $3 job, $4 handler. Whoever comes second waits for the first to commit, and gets no row.
INSERT INTO job_inbox (bus_id, booking_id, job_id, handler)
VALUES ($1, $2, $3, $4)
ON CONFLICT (bus_id, booking_id, job_id, handler) DO NOTHING
RETURNING true AS is_first;
