-- name: list_servers
SELECT r.host, r.port, r.region FROM region_servers AS r ORDER BY r.region, r.host, r.port;

-- name: list_pinned
SELECT o.operator_id, o.name, o.region FROM operators AS o WHERE o.region IS NOT NULL ORDER BY o.region, o.operator_id;

-- name: has_server
SELECT count(*) > 0 FROM region_servers AS r WHERE r.region = $1;

-- name: place
INSERT INTO region_servers (host, port, region) VALUES ($1, $2, $3)
ON CONFLICT (host, port) DO UPDATE SET region = excluded.region;

-- name: withdraw
DELETE FROM region_servers WHERE host = $1 AND port = $2 RETURNING region;

-- name: pin
-- Whoever adds buses for this operator waits, or sees the new region.
UPDATE operators SET region = $2 WHERE operator_id = $1 RETURNING operator_id;

-- name: log
INSERT INTO audit_log (operator_id, action, subject, detail) VALUES ($1, $2, $3, $4::jsonb);
