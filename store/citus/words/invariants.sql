-- name: buyers_stay_within_their_caps
-- What is kept is told by the tables it lies in, each time: what has a name of its own is gathered on the coordinator,
-- and then has no counts beside it.
SELECT n.bus_id, n.identity
FROM (
    SELECT h.bus_id, h.buyer AS identity, cardinality(h.seats) AS seats, 1 AS holds
    FROM holds AS h
    WHERE
        h.buyer IS NOT NULL AND h.state = 'ACTIVE' AND h.expires_at > clock_timestamp()
        AND ($1::bigint[] IS NULL OR h.bus_id = any($1))
    UNION ALL
    SELECT h.bus_id, h.network AS identity, cardinality(h.seats) AS seats, 0 AS holds
    FROM holds AS h
    WHERE
        h.buyer IS NOT NULL AND h.network IS NOT NULL AND h.state = 'ACTIVE' AND h.expires_at > clock_timestamp()
        AND ($1::bigint[] IS NULL OR h.bus_id = any($1))
    UNION ALL
    SELECT b.bus_id, b.buyer AS identity, cardinality(b.seats) AS seats, 1 AS holds
    FROM bookings AS b
    WHERE
        b.buyer IS NOT NULL AND b.status = 'PENDING' AND b.expires_at > clock_timestamp()
        AND ($1::bigint[] IS NULL OR b.bus_id = any($1))
    UNION ALL
    SELECT b.bus_id, b.network AS identity, cardinality(b.seats) AS seats, 0 AS holds
    FROM bookings AS b
    WHERE
        b.buyer IS NOT NULL AND b.network IS NOT NULL AND b.status = 'PENDING' AND b.expires_at > clock_timestamp()
        AND ($1::bigint[] IS NULL OR b.bus_id = any($1))
) AS n
LEFT JOIN buyer_holds AS c ON c.bus_id = n.bus_id AND c.buyer = n.identity
GROUP BY n.bus_id, n.identity, c.seats_max, c.holds_max
HAVING sum(n.seats) > coalesce(c.seats_max, 0) OR sum(n.holds) > coalesce(c.holds_max, 0);

-- name: searches_find_every_call
-- There they are a view of the stops, and cannot differ.
SELECT s.bus_id, s.idx FROM bus_stops AS s WHERE false AND ($1::bigint[] IS NULL OR s.bus_id = any($1));
