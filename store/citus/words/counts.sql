-- name: count_held
-- What lies beside what is on all servers cannot be asked row by row: the batch is joined with each of the four, and
-- the limits come as a row of their own.
WITH w AS MATERIALIZED (
    SELECT u.*, now() - make_interval(secs => o.cooldown_seconds) AS since
    FROM unnest($1::bigint[], $2::integer[], $3::uuid[], $4::text[]) AS u (bus_id, operator_id, buyer, kind)
    INNER JOIN operators AS o ON o.operator_id = u.operator_id
)

SELECT
    k.operator_id, k.bus_id, k.buyer, k.network, k.hold_id, k.booking_id, k.seats, k.expires_at, k.part_of, k.let_go_at,
    k.is_voucher,
    o.seats_per_buyer, o.seats_per_address, o.seats_per_staff, o.holds_per_buyer, o.holds_per_staff,
    o.cooldown_seconds, o.extension_seconds, o.hold_seconds_max
FROM (
    SELECT
        h.bus_id, h.operator_id, h.buyer, h.network, h.hold_id, NULL::bigint AS booking_id, h.seats, h.expires_at,
        h.part_of, CASE WHEN h.state <> 'ACTIVE' THEN least(h.ended_at, h.expires_at) END AS let_go_at,
        false AS is_voucher
    FROM w
    INNER JOIN holds AS h ON h.buyer = w.buyer AND h.operator_id = w.operator_id
    WHERE
        w.kind <> 'address'
        AND CASE WHEN h.ended_at IS NULL THEN 'infinity' ELSE h.ended_at END > w.since -- noqa: ST02
        AND (h.state = 'ACTIVE' OR (h.bus_id = w.bus_id AND h.state <> 'BOOKED'))
    UNION ALL
    SELECT
        b.bus_id, b.operator_id, b.buyer, b.network, NULL::uuid AS hold_id, b.booking_id, b.seats, b.expires_at,
        NULL::uuid AS part_of, b.ended_at AS let_go_at, b.method = 'cash' AS is_voucher
    FROM w
    INNER JOIN bookings AS b ON b.buyer = w.buyer AND b.operator_id = w.operator_id
    WHERE
        w.kind <> 'address'
        AND b.confirmed_at IS NULL
        AND CASE WHEN b.ended_at IS NULL THEN 'infinity' ELSE b.ended_at END > w.since -- noqa: ST02
        AND (b.status = 'PENDING' OR (b.bus_id = w.bus_id AND b.status <> 'FAILED'))
    UNION ALL
    SELECT
        h.bus_id, h.operator_id, h.buyer, h.network, h.hold_id, NULL::bigint AS booking_id, h.seats, h.expires_at,
        NULL::uuid AS part_of, NULL::timestamptz AS let_go_at, false AS is_voucher
    FROM w
    INNER JOIN holds AS h ON h.bus_id = w.bus_id AND h.network = w.buyer
    WHERE w.kind = 'address'
    UNION ALL
    SELECT
        b.bus_id, b.operator_id, b.buyer, b.network, NULL::uuid AS hold_id, b.booking_id, b.seats, b.expires_at,
        NULL::uuid AS part_of, NULL::timestamptz AS let_go_at, false AS is_voucher
    FROM w
    INNER JOIN bookings AS b ON b.bus_id = w.bus_id AND b.network = w.buyer
    WHERE w.kind = 'address'
    UNION ALL
    SELECT
        NULL::bigint AS bus_id, w.operator_id, NULL::uuid AS buyer, NULL::uuid AS network, NULL::uuid AS hold_id,
        NULL::bigint AS booking_id, NULL::smallint[] AS seats, NULL::timestamptz AS expires_at,
        NULL::uuid AS part_of, NULL::timestamptz AS let_go_at, false AS is_voucher
    FROM w
) AS k
INNER JOIN operators AS o ON o.operator_id = k.operator_id;
