-- name: mint
-- One mail, one token: a mail that is tried again starts its time anew, unless the token was used.
INSERT INTO mailed_tokens (digest, purpose, user_id, email, created_at, expires_at)
SELECT $1, $2, $3, $4, t.now, t.now + $5::interval
FROM (SELECT clock_timestamp() AS now) AS t
ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at WHERE mailed_tokens.used_at IS NULL
RETURNING expires_at;

-- name: find
SELECT t.user_id, t.email FROM mailed_tokens AS t
WHERE t.digest = $1 AND t.purpose = $2 AND t.used_at IS NULL AND t.expires_at > clock_timestamp();

-- name: use
UPDATE mailed_tokens SET used_at = clock_timestamp()
WHERE digest = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > clock_timestamp()
RETURNING user_id, email;

-- name: end_all
UPDATE mailed_tokens SET used_at = clock_timestamp()
WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL;

-- name: purge
-- Long after their time, so that their number tells how often somebody asked: $1 age, $2 at a time.
DELETE FROM mailed_tokens
WHERE digest IN (
    SELECT t.digest FROM mailed_tokens AS t WHERE t.expires_at < clock_timestamp() - $1::interval LIMIT $2
);
