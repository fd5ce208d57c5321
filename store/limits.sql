-- name: find_limits
SELECT
    o.seats_per_buyer, o.seats_per_address, o.seats_per_staff, o.holds_per_buyer, o.holds_per_staff,
    o.cooldown_seconds, o.extension_seconds, o.hold_seconds_max
FROM operators AS o
WHERE o.operator_id = $1;

-- name: lock_limits
-- Whoever changes them at the same moment waits, so that the log tells one change after the other.
SELECT
    o.seats_per_buyer, o.seats_per_address, o.seats_per_staff, o.holds_per_buyer, o.holds_per_staff,
    o.cooldown_seconds, o.extension_seconds, o.hold_seconds_max, o.disabled_at IS NOT NULL AS is_suspended
FROM operators AS o
WHERE o.operator_id = $1
FOR NO KEY UPDATE OF o;

-- name: set_limits
UPDATE operators
SET
    seats_per_buyer = $2, seats_per_address = $3, seats_per_staff = $4, holds_per_buyer = $5, holds_per_staff = $6,
    cooldown_seconds = $7, extension_seconds = $8, hold_seconds_max = $9
WHERE operator_id = $1;

-- name: log_limits
INSERT INTO audit_log (operator_id, actor_id, action, subject, detail)
VALUES ($1, $2, 'limits.set', $3, $4::jsonb);
