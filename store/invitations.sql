-- name: add
INSERT INTO invitations (digest, user_id, expires_at)
VALUES ($1, $2, clock_timestamp() + $3::interval)
RETURNING expires_at;
