-- name: list_chains
-- Every chain with its head; also where only one of the log and its heads is left.
SELECT chain.operator_id, o.name, coalesce(h.position, 0) AS position, h.hash
FROM (
    SELECT ending.operator_id FROM audit_heads AS ending
    UNION
    SELECT logging.operator_id FROM operators AS logging
    WHERE EXISTS (SELECT FROM audit_log AS l WHERE l.operator_id = logging.operator_id)
    UNION
    SELECT 0 AS operator_id WHERE EXISTS (SELECT FROM audit_log AS l WHERE l.operator_id IS NULL)
) AS chain
LEFT JOIN audit_heads AS h ON h.operator_id = chain.operator_id
LEFT JOIN operators AS o ON o.operator_id = chain.operator_id
WHERE $1::integer IS NULL OR chain.operator_id = $1
ORDER BY chain.operator_id;

-- name: next_links
-- The chain $1 from position $2 on, $3 at a time; an entry that is gone leaves NULL.
SELECT
    s.position, s.audit_id, s.previous, s.hash, l.audit_id IS NOT NULL AS is_there, l.operator_id, l.at, l.actor_id,
    l.action, l.subject, l.detail::text AS detail
FROM audit_seals AS s
LEFT JOIN audit_log AS l ON l.audit_id = s.audit_id
WHERE s.operator_id = $1 AND s.position >= $2
ORDER BY s.position
LIMIT $3;

-- name: find_unsealed
-- The first entry of the chain $1, later than that at position $2, that was slipped in: nobody sealed it.
SELECT l.audit_id
FROM audit_log AS l
WHERE
    coalesce(l.operator_id, 0) = $1
    AND l.audit_id > coalesce(
        (SELECT s.audit_id FROM audit_seals AS s WHERE s.operator_id = $1 AND s.position = $2), 0
    )
    AND NOT EXISTS (SELECT FROM audit_seals AS s WHERE s.audit_id = l.audit_id)
ORDER BY l.audit_id
LIMIT 1;

-- name: last_checks
SELECT c.operator_id, c.position, c.hash, c.broken_at, c.checked_at FROM audit_checks AS c ORDER BY c.operator_id;

-- name: keep_check
-- What is broken is not forgotten by a look at what came later: $1 chain, $2 position, $3 hash, $4 where it is broken.
INSERT INTO audit_checks (operator_id, position, hash, broken_at, checked_at)
VALUES ($1, $2, $3, $4, clock_timestamp())
ON CONFLICT (operator_id) DO UPDATE
    SET
        position = excluded.position, hash = excluded.hash, broken_at = excluded.broken_at,
        checked_at = excluded.checked_at;
