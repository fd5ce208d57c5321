-- name: revoke_family
UPDATE refresh_tokens SET revoked_at = clock_timestamp()
WHERE family = $1::text::uuid AND revoked_at IS NULL;

-- name: revoke_families
-- $2: the one that goes on, if any.
UPDATE refresh_tokens SET revoked_at = clock_timestamp()
WHERE user_id = $1 AND family IS DISTINCT FROM $2::text::uuid AND revoked_at IS NULL
RETURNING family;

-- name: note
-- The notification leaves with the commit, and not without it.
WITH noted AS (
    INSERT INTO session_ends (family, user_id)
    SELECT f.family, $1
    FROM unnest($2::text[]::uuid[]) AS f (family)
    ON CONFLICT (family) DO NOTHING
    RETURNING family
)

SELECT pg_notify('omnibus_bulletin', 'ended ' || $1::bigint || ' ' || n.family) FROM noted AS n;

-- name: is_open
SELECT FROM users AS u
WHERE
    u.user_id = $1 AND u.disabled_at IS NULL
    AND u.role = $3 AND u.operator_id IS NOT DISTINCT FROM $4
    AND NOT EXISTS (SELECT FROM session_ends AS e WHERE e.family = $2::text::uuid);

-- name: purge
DELETE FROM session_ends WHERE ended_at < clock_timestamp() - $1::interval;
