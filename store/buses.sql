-- name: find_facts
-- What sales need to know of a bus besides its seats; one row a bus, stops as parallel arrays. $2: of drafts, too.
SELECT
    b.bus_id, b.operator_id, b.name, o.name AS operator, o.locale, b.facts, b.layout_id, b.currency, b.fares,
    b.sales_close_seconds, o.disabled_at IS NOT NULL AS is_suspended, o.cash_needs_shift,
    coalesce(line.rules_id, rules.rules_id) AS rules_id, o.seats_per_buyer, o.seats_per_address,
    o.seats_per_staff, o.holds_per_buyer, o.holds_per_staff, o.cooldown_seconds, o.extension_seconds,
    o.hold_seconds_max, stops.stop_ids, stops.names, stops.zones, stops.station_ids, stops.arrivals, stops.departures,
    stops.boardings, stops.alightings, pairs.starts, pairs.ends, pairs.amounts
FROM buses AS b
INNER JOIN operators AS o ON o.operator_id = b.operator_id
LEFT JOIN refund_defaults AS line
    ON line.operator_id = b.operator_id AND line.route_id = b.route_id AND line.currency = b.currency
LEFT JOIN refund_defaults AS rules
    ON rules.operator_id = b.operator_id AND rules.route_id IS NULL AND rules.currency = b.currency
INNER JOIN LATERAL (
    SELECT
        array_agg(s.stop_id ORDER BY s.idx) AS stop_ids,
        array_agg(place.name::text ORDER BY s.idx) AS names,
        array_agg(place.time_zone::text ORDER BY s.idx) AS zones,
        array_agg(place.parent_id ORDER BY s.idx) AS station_ids,
        array_agg(s.arrives_at ORDER BY s.idx) AS arrivals,
        array_agg(s.departs_at ORDER BY s.idx) AS departures,
        array_agg(s.can_board ORDER BY s.idx) AS boardings,
        array_agg(s.can_alight ORDER BY s.idx) AS alightings
    FROM bus_stops AS s
    INNER JOIN stops AS place ON place.stop_id = s.stop_id
    WHERE s.bus_id = b.bus_id
) AS stops ON true
INNER JOIN LATERAL (
    SELECT
        array_agg(f.from_idx ORDER BY f.from_idx, f.to_idx) AS starts,
        array_agg(f.to_idx ORDER BY f.from_idx, f.to_idx) AS ends,
        array_agg(f.amount ORDER BY f.from_idx, f.to_idx) AS amounts
    FROM leg_fares AS f
    WHERE f.bus_id = b.bus_id
) AS pairs ON true
WHERE b.bus_id = any($1::bigint[]) AND (b.status <> 'DRAFT' OR $2::boolean);

-- name: find_layout
SELECT l.name, s.seat_no, s.label, s.deck, s.row_no, s.column_no, s.seat_class, s.attributes, s.price_percent
FROM layouts AS l
INNER JOIN layout_seats AS s ON s.layout_id = l.layout_id
WHERE l.layout_id = $1
ORDER BY s.deck, s.row_no, s.column_no;

-- name: seat_maps
-- Whole maps, each bus and its seats from one snapshot, seats in layout order.
SELECT
    b.bus_id, b.epoch, b.rev,
    array_agg(l.label ORDER BY l.deck, l.row_no, l.column_no) AS labels,
    array_agg(s.states::text ORDER BY l.deck, l.row_no, l.column_no) AS states
FROM buses AS b
INNER JOIN seats AS s ON s.bus_id = b.bus_id
INNER JOIN layout_seats AS l ON l.layout_id = b.layout_id AND l.seat_no = s.seat_no
WHERE b.bus_id = any($1::bigint[]) AND b.status <> 'DRAFT'
GROUP BY b.bus_id, b.epoch, b.rev;

-- name: seat_states
-- By seat number: what the seat-map answer is made of. Each bus and its seats from one snapshot.
SELECT
    b.bus_id, b.epoch, b.rev, b.facts,
    CASE WHEN o.disabled_at IS NULL OR b.status <> 'SCHEDULED' THEN b.status ELSE 'CLOSED' END AS status,
    array_agg(s.seat_no) AS seat_nos,
    array_agg(s.states::text) AS states
FROM buses AS b
INNER JOIN operators AS o ON o.operator_id = b.operator_id
INNER JOIN seats AS s ON s.bus_id = b.bus_id
WHERE b.bus_id = any($1::bigint[]) AND b.status <> 'DRAFT'
GROUP BY b.bus_id, b.epoch, b.rev, b.status, b.facts, o.disabled_at;

-- name: positions
SELECT b.bus_id, b.epoch, b.rev FROM buses AS b WHERE b.bus_id = any($1::bigint[]) AND b.status <> 'DRAFT';
