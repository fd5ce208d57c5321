-- name: read_ends
SELECT e.user_id, e.family FROM session_ends AS e
WHERE e.ended_at > clock_timestamp() - $1::interval;

-- name: send
SELECT pg_notify('omnibus_bulletin', $1);
