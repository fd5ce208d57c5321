-- name: list_vehicles
-- $1 of this operator, $2 after this number, $3 at most.
SELECT
    v.vehicle_id, v.operator_id, v.registration, v.name, v.layout_id, l.name AS layout, v.is_retired, v.version
FROM vehicles AS v
INNER JOIN layouts AS l ON l.layout_id = v.layout_id
WHERE ($1::integer IS NULL OR v.operator_id = $1) AND v.vehicle_id > $2
ORDER BY v.vehicle_id
LIMIT $3;

-- name: find_vehicle
SELECT
    v.vehicle_id, v.operator_id, v.registration, v.name, v.layout_id, l.name AS layout, v.is_retired, v.version
FROM vehicles AS v
INNER JOIN layouts AS l ON l.layout_id = v.layout_id
WHERE v.vehicle_id = $1;

-- name: lock_vehicle
SELECT
    v.vehicle_id, v.operator_id, v.registration, v.name, v.layout_id, l.name AS layout, v.is_retired, v.version
FROM vehicles AS v
INNER JOIN layouts AS l ON l.layout_id = v.layout_id
WHERE v.vehicle_id = $1
FOR NO KEY UPDATE OF v;

-- name: has_layout
SELECT true FROM layouts AS l WHERE l.operator_id = $1 AND l.layout_id = $2;

-- name: add_vehicle
INSERT INTO vehicles (operator_id, registration, name, layout_id) VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT vehicles_registration_key DO NOTHING
RETURNING vehicle_id;

-- name: change_vehicle
UPDATE vehicles AS v SET registration = $2, name = $3, is_retired = $4, version = v.version + 1
WHERE v.vehicle_id = $1
RETURNING v.version;
