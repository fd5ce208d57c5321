-- name: list_layouts
-- $1 of this operator, $2 after this number, $3 at most.
SELECT
    l.layout_id, l.operator_id, l.name,
    (SELECT count(*) FROM layout_seats AS s WHERE s.layout_id = l.layout_id) AS seats_total
FROM layouts AS l
WHERE ($1::integer IS NULL OR l.operator_id = $1) AND l.layout_id > $2
ORDER BY l.layout_id
LIMIT $3;

-- name: find_layout
SELECT
    l.layout_id, l.operator_id, l.name, s.seat_no, s.label, s.deck, s.row_no, s.column_no, s.seat_class, s.attributes,
    s.price_percent
FROM layouts AS l
INNER JOIN layout_seats AS s ON s.layout_id = l.layout_id
WHERE l.layout_id = $1
ORDER BY s.seat_no;

-- name: find_owner
SELECT l.operator_id, l.name FROM layouts AS l WHERE l.layout_id = $1;

-- name: add_layout
INSERT INTO layouts (operator_id, name) VALUES ($1, $2)
ON CONFLICT ON CONSTRAINT layouts_operator_name_key DO NOTHING
RETURNING layout_id;

-- name: add_seats
INSERT INTO layout_seats (
    layout_id, operator_id, seat_no, label, deck, row_no, column_no, seat_class, attributes, price_percent
)
SELECT
    $1, $2, w.seat_no, w.label, w.deck, w.row_no, w.column_no, w.seat_class,
    CASE WHEN w.attributes = '' THEN '{}' ELSE string_to_array(w.attributes, ',') END, w.price_percent
FROM unnest(
    $3::smallint[], $4::text[], $5::smallint[], $6::smallint[], $7::smallint[], $8::text[], $9::text[],
    $10::smallint[]
) AS w (seat_no, label, deck, row_no, column_no, seat_class, attributes, price_percent);

-- name: drop_seats
DELETE FROM layout_seats AS s WHERE s.layout_id = $1;

-- name: remove_layout
DELETE FROM layouts AS l WHERE l.layout_id = $1 RETURNING l.layout_id;
