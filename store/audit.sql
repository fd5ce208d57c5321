-- name: list_entries
-- Newest first: $1 operators (0 is the platform; NULL for all), $2 action, $3 subject, $4 and $5 from when until when,
-- $6 the last entry seen, $7 at most.
SELECT
    l.audit_id, coalesce(l.operator_id, 0) AS operator_id, l.at, l.actor_id, l.action, l.subject,
    l.detail::text AS detail, s.position, s.hash
FROM audit_log AS l
LEFT JOIN audit_seals AS s ON s.audit_id = l.audit_id
WHERE
    ($1::integer[] IS NULL OR coalesce(l.operator_id, 0) = any($1::integer[]))
    AND ($2::text IS NULL OR l.action = $2)
    AND ($3::text IS NULL OR l.subject = $3)
    AND ($4::timestamptz IS NULL OR l.at >= $4)
    AND ($5::timestamptz IS NULL OR l.at < $5)
    AND l.audit_id < $6
ORDER BY l.audit_id DESC
LIMIT $7;

-- name: add_entries
-- $1 operators (NULL: the platform), $2 actors, $3 actions, $4 subjects, $5 details.
INSERT INTO audit_log (operator_id, actor_id, action, subject, detail)
SELECT w.operator_id, w.actor_id, w.action, w.subject, w.detail::jsonb
FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::text[], $5::text[])
    AS w (operator_id, actor_id, action, subject, detail);
