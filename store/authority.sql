-- name: is_disabled
SELECT o.disabled_at IS NOT NULL FROM operators AS o WHERE o.operator_id = $1;

-- name: note
INSERT INTO audit_log (operator_id, actor_id, action, subject, detail)
VALUES ($1, $2, $3, $4, $5::jsonb);
