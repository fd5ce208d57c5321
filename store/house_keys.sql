-- name: find_keys
SELECT k.key_id, k.secret FROM house_keys AS k
WHERE k.purpose = $1 AND k.retired_at IS NULL
ORDER BY k.signs_at <= clock_timestamp() DESC, k.created_at DESC, k.key_id;

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

-- name: add_key
INSERT INTO house_keys (purpose, key_id, secret, created_at, signs_at)
SELECT $1, $2, $3, t.now, t.now + $4::interval
FROM (SELECT clock_timestamp() AS now) AS t;

-- name: tell
SELECT pg_notify('omnibus_bulletin', 'keys');

-- name: list_states
-- A key signs from `signs_at` until a newer one does; what it signed last is good for $2 at most.
WITH live AS (
    SELECT
        k.key_id,
        k.signs_at > clock_timestamp() AS is_waiting,
        min(k.signs_at) FILTER (WHERE k.signs_at <= clock_timestamp()) OVER (
            ORDER BY k.created_at DESC, k.key_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS followed_at
    FROM house_keys AS k
    WHERE k.purpose = $1 AND k.retired_at IS NULL
)

SELECT
    k.key_id,
    CASE
        WHEN k.retired_at IS NOT NULL THEN 'retired'
        WHEN l.is_waiting THEN 'waits'
        WHEN l.followed_at IS NULL THEN 'signs'
        ELSE 'verifies'
    END AS state,
    k.created_at, k.signs_at, k.retired_at,
    l.followed_at + $2::interval AS free_at,
    coalesce(l.is_waiting OR l.followed_at + $2::interval <= clock_timestamp(), false) AS is_free
FROM house_keys AS k
LEFT JOIN live AS l ON l.key_id = k.key_id
WHERE k.purpose = $1
ORDER BY k.created_at DESC, k.key_id;

-- name: last_bus
-- Until when tickets may be read that a key has signed until $1, that is $2 after their bus should have come.
-- They are signed whenever they are shown, so every one that was there by then counts; NULL if there is none.
SELECT max(b.arrives_at) + $2::interval AS last_read_at
FROM buses AS b
WHERE
    b.arrives_at > clock_timestamp() - $2::interval
    AND EXISTS (
        SELECT FROM tickets AS t WHERE t.bus_id = b.bus_id AND t.status = 'VALID' AND t.issued_at <= $1
    );

-- name: retire
UPDATE house_keys SET retired_at = clock_timestamp()
WHERE purpose = $1 AND key_id = $2;

-- name: let_newest_sign
-- Somebody has to: if only keys that wait are left, the newest waits no longer.
UPDATE house_keys SET signs_at = clock_timestamp()
WHERE
    purpose = $1
    AND key_id = (
        SELECT k.key_id FROM house_keys AS k
        WHERE k.purpose = $1 AND k.retired_at IS NULL
        ORDER BY k.created_at DESC, k.key_id
        LIMIT 1
    )
    AND NOT EXISTS (
        SELECT FROM house_keys AS k
        WHERE k.purpose = $1 AND k.retired_at IS NULL AND k.signs_at <= clock_timestamp()
    );
