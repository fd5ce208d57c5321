-- name: lock_buyers
-- First in the lock order: $1 buses, $2 operators, $3 buyers, $4 which of the operator's caps is theirs.
INSERT INTO buyer_holds AS held (bus_id, buyer, operator_id, seats_held, seats_max, holds_max)
SELECT
    w.bus_id, w.buyer, w.operator_id, 0,
    CASE w.kind
        WHEN 'staff' THEN greatest(o.seats_per_staff, o.seats_per_buyer)
        WHEN 'address' THEN coalesce(o.seats_per_address, o.seats_per_buyer)
        ELSE o.seats_per_buyer
    END,
    CASE w.kind WHEN 'staff' THEN greatest(o.holds_per_staff, o.holds_per_buyer) ELSE o.holds_per_buyer END
FROM unnest($1::bigint[], $2::integer[], $3::uuid[], $4::text[]) AS w (bus_id, operator_id, buyer, kind)
INNER JOIN operators AS o ON o.operator_id = w.operator_id
ORDER BY w.bus_id, w.buyer
ON CONFLICT (bus_id, buyer) DO UPDATE
    SET
        seats_max = greatest(excluded.seats_max, held.seats_held),
        holds_max = greatest(excluded.holds_max, held.holds_held);

-- name: count_held
-- What the same buyers ($1-$4) really keep and have let go, whoever looked at it last; asked after their counts are
-- locked. A buyer's holds and unpaid bookings on all buses of the operator, an address's on this bus. One row at least
-- for each, with the operator's limits. Row security lets no index be searched by what may leak: the arithmetic of
-- times may, so `since` is made outside; so may coalesce, but CASE does not.
WITH w AS MATERIALIZED (
    SELECT u.*, now() - make_interval(secs => o.cooldown_seconds) AS since
    FROM unnest($1::bigint[], $2::integer[], $3::uuid[], $4::text[]) AS u (bus_id, operator_id, buyer, kind)
    INNER JOIN operators AS o ON o.operator_id = u.operator_id
)

SELECT
    w.operator_id, k.bus_id, k.buyer, k.network, k.hold_id, k.booking_id, k.seats, k.expires_at, k.part_of, k.let_go_at,
    k.is_voucher,
    o.seats_per_buyer, o.seats_per_address, o.seats_per_staff, o.holds_per_buyer, o.holds_per_staff,
    o.cooldown_seconds, o.extension_seconds, o.hold_seconds_max
FROM w
INNER JOIN operators AS o ON o.operator_id = w.operator_id
LEFT JOIN LATERAL (
    SELECT
        h.bus_id, h.buyer, h.network, h.hold_id, NULL::bigint AS booking_id, h.seats, h.expires_at, h.part_of,
        CASE WHEN h.state <> 'ACTIVE' THEN least(h.ended_at, h.expires_at) END AS let_go_at, false AS is_voucher
    FROM holds AS h
    WHERE
        h.buyer = CASE WHEN w.kind <> 'address' THEN w.buyer END AND h.operator_id = w.operator_id
        AND CASE WHEN h.ended_at IS NULL THEN 'infinity' ELSE h.ended_at END > w.since -- noqa: ST02
        AND (h.state = 'ACTIVE' OR (h.bus_id = w.bus_id AND h.state <> 'BOOKED'))
    UNION ALL
    SELECT
        b.bus_id, b.buyer, b.network, NULL::uuid AS hold_id, b.booking_id, b.seats, b.expires_at, NULL::uuid AS part_of,
        b.ended_at AS let_go_at, b.method = 'cash' AS is_voucher
    FROM bookings AS b
    WHERE
        b.buyer = CASE WHEN w.kind <> 'address' THEN w.buyer END AND b.operator_id = w.operator_id
        AND b.confirmed_at IS NULL
        AND CASE WHEN b.ended_at IS NULL THEN 'infinity' ELSE b.ended_at END > w.since -- noqa: ST02
        AND (b.status = 'PENDING' OR (b.bus_id = w.bus_id AND b.status <> 'FAILED'))
    UNION ALL
    SELECT
        h.bus_id, h.buyer, h.network, h.hold_id, NULL::bigint AS booking_id, h.seats, h.expires_at,
        NULL::uuid AS part_of, NULL::timestamptz AS let_go_at, false AS is_voucher
    FROM holds AS h
    WHERE h.bus_id = w.bus_id AND h.network = CASE WHEN w.kind = 'address' THEN w.buyer END
    UNION ALL
    SELECT
        b.bus_id, b.buyer, b.network, NULL::uuid AS hold_id, b.booking_id, b.seats, b.expires_at, NULL::uuid AS part_of,
        NULL::timestamptz AS let_go_at, false AS is_voucher
    FROM bookings AS b
    WHERE b.bus_id = w.bus_id AND b.network = CASE WHEN w.kind = 'address' THEN w.buyer END
) AS k ON true;
