-- name: find_oldest
-- Operators of one feed share its stops, under the id of the one that has been here longest: $1 their names.
SELECT min(o.operator_id)
FROM operators AS o
INNER JOIN unnest($1::text[]) AS sharing (name) ON lower(sharing.name) = lower(o.name);

-- name: find_seller
-- The operator whose timetable it is, whatever its name is by now.
SELECT o.operator_id, o.currency FROM operators AS o WHERE o.operator_id = $1;

-- name: list_layouts
SELECT l.name FROM layouts AS l WHERE l.operator_id = $1 ORDER BY l.name;

-- name: log_import
INSERT INTO audit_log (operator_id, actor_id, action, subject, detail)
VALUES (
    $1, $7, 'timetable.import', 'gtfs',
    jsonb_build_object(
        'from', $2::date, 'until', $3::date, 'buses', $4::integer, 'routes', $5::integer, 'stops', $6::integer
    )
);
