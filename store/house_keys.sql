-- name: find_keys
SELECT k.key_id, k.secret FROM house_keys AS k
WHERE k.purpose = $1 AND k.retired_at IS NULL
ORDER BY k.created_at DESC, k.key_id;

-- name: add_first_key
-- Many processes may start at once on an empty database; all of them use the key of the first.
WITH made AS (
    INSERT INTO house_keys (purpose, key_id, secret)
    SELECT $1, $2, $3
    WHERE NOT EXISTS (SELECT FROM house_keys AS k WHERE k.purpose = $1)
    RETURNING purpose, key_id
)

INSERT INTO audit_log (action, subject)
SELECT 'key.make' AS action, 'key ' || made.purpose || ' ' || made.key_id AS subject FROM made;

-- name: lock_purpose
SELECT pg_advisory_xact_lock(hashtextextended('house_keys ' || $1::text, 0));
