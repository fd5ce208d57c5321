-- name: find_grace
SELECT o.no_show_minutes FROM operators AS o WHERE o.operator_id = $1;

-- name: find_missing
-- Bookings of a bus ($1) with tickets on which nobody has come though the bus has left their stop so long ago ($2);
-- of these codes only ($3), or of all for NULL. Decided under lock: this only says whom to ask about.
SELECT t.booking_id, array_agg(t.seat_no ORDER BY t.seat_no) AS seats
FROM tickets AS t
INNER JOIN bookings AS b ON b.bus_id = t.bus_id AND b.booking_id = t.booking_id
INNER JOIN bus_stops AS boards ON boards.bus_id = b.bus_id AND boards.idx = b.from_idx
WHERE
    t.bus_id = $1 AND t.status = 'VALID' AND ($3::uuid[] IS NULL OR t.code = any($3::uuid[]))
    AND boards.departs_at + $2::interval <= clock_timestamp()
    AND NOT EXISTS (
        SELECT FROM scans AS s
        WHERE
            s.bus_id = t.bus_id AND s.booking_id = t.booking_id AND s.seat_no = t.seat_no
            AND s.verdict = 'ok' AND s.undone_at IS NULL
    )
GROUP BY t.booking_id
ORDER BY t.booking_id;

-- name: find_overdue
-- The same on all buses under way of operators who have it done by a worker, while there is something left to sell: $1
-- at most. A bus at whose door nobody has been scanned is left alone: there, it is the scanner that did not come.
SELECT t.bus_id, t.booking_id, o.no_show_minutes, array_agg(t.seat_no ORDER BY t.seat_no) AS seats
FROM operators AS o
INNER JOIN buses AS u ON u.operator_id = o.operator_id
INNER JOIN bookings AS b ON b.bus_id = u.bus_id
INNER JOIN tickets AS t ON t.bus_id = b.bus_id AND t.booking_id = b.booking_id
INNER JOIN bus_stops AS boards ON boards.bus_id = b.bus_id AND boards.idx = b.from_idx
INNER JOIN bus_stops AS latest ON latest.bus_id = b.bus_id AND latest.idx = b.to_idx - 1
WHERE
    o.releases_no_shows AND o.disabled_at IS NULL AND u.status IN ('SCHEDULED', 'CLOSED')
    AND u.departs_at <= clock_timestamp() AND u.departs_at > clock_timestamp() - interval '7 days'
    AND u.arrives_at > clock_timestamp()
    AND b.status IN ('CONFIRMED', 'PARTIALLY_CANCELLED') AND t.status = 'VALID'
    AND boards.departs_at + make_interval(mins => o.no_show_minutes) <= clock_timestamp()
    AND latest.departs_at > clock_timestamp()
    AND EXISTS (
        SELECT FROM scans AS s WHERE s.bus_id = u.bus_id AND s.verdict = 'ok' AND s.undone_at IS NULL
    )
    AND NOT EXISTS (
        SELECT FROM scans AS s
        WHERE
            s.bus_id = t.bus_id AND s.booking_id = t.booking_id AND s.seat_no = t.seat_no
            AND s.verdict = 'ok' AND s.undone_at IS NULL
    )
GROUP BY t.bus_id, t.booking_id, o.no_show_minutes
ORDER BY t.bus_id, t.booking_id
LIMIT $1;
