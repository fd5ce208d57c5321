-- name: lock_room
-- One batch of arrivals, or the draw, at a time: whoever comes after the draw finds it made.
SELECT r.joined, r.places, r.opened_at IS NOT NULL AS is_open, r.opens_at <= clock_timestamp() AS is_due
FROM rooms AS r
WHERE r.room_id = $1 AND r.closed_at IS NULL
FOR UPDATE;

-- name: draw
-- Every place is part of it, so that nobody who knows the seed can know the order before the last one has come.
UPDATE rooms AS r
SET opened_at = clock_timestamp(), served_at = clock_timestamp(), draw = sha256(r.seed || p.all_places)
FROM (
    SELECT sha256(coalesce(string_agg(uuid_send(p.place_id), ''::bytea ORDER BY p.place_id), ''::bytea)) AS all_places
    FROM room_places AS p
    WHERE p.room_id = $1
) AS p
WHERE r.room_id = $1;

-- name: give_numbers
UPDATE room_places AS p
SET number = o.number
FROM (
    SELECT w.buyer, row_number() OVER (ORDER BY sha256(r.draw || uuid_send(w.place_id)), w.place_id) AS number
    FROM room_places AS w
    INNER JOIN rooms AS r ON r.room_id = w.room_id
    WHERE w.room_id = $1
) AS o
WHERE p.room_id = $1 AND p.buyer = o.buyer;

-- name: find_places
-- $3 is how long an admission lasts: who has used one up has a place no more.
SELECT
    p.buyer, p.place_id, p.number, p.joined_at, p.entered_at, p.entered_by,
    coalesce(p.entered_at < clock_timestamp() - $3::interval, false) AS is_used_up
FROM room_places AS p
WHERE p.room_id = $1 AND p.buyer = any($2::uuid[]);

-- name: count_networks
SELECT p.network, count(*) AS places
FROM room_places AS p
WHERE p.room_id = $1 AND p.network = any($2::uuid[])
GROUP BY p.network;

-- name: add_places
-- $1 room, $2 operator, $3 buyers in the order in which they came, $4 their places, $5 their networks, $6 whether the
-- draw is made, $7 the last number given. Who has a row already gets another place for the one that is used up.
INSERT INTO room_places AS p (room_id, operator_id, buyer, network, place_id, number, joined_at)
SELECT
    $1, $2, a.buyer, a.network, a.place_id,
    CASE WHEN $6 THEN $7 + a.nth END, clock_timestamp()
FROM unnest($3::uuid[], $4::uuid[], $5::uuid[]) WITH ORDINALITY AS a (buyer, place_id, network, nth)
ON CONFLICT (room_id, buyer) DO UPDATE
    SET
        network = excluded.network, place_id = excluded.place_id, number = excluded.number,
        joined_at = excluded.joined_at, entered_at = NULL, entered_by = NULL
RETURNING p.buyer, p.place_id, p.number, p.joined_at, p.entered_at;

-- name: count_in
-- $2 numbers were given, $3 rows were added.
UPDATE rooms AS r SET joined = r.joined + $2, places = r.places + $3 WHERE r.room_id = $1;

-- name: enter
-- Once, and for the first who does ($4): whoever comes again is told when it was and whose it is.
UPDATE room_places AS p
SET entered_at = coalesce(p.entered_at, clock_timestamp()), entered_by = coalesce(p.entered_by, $4)
WHERE p.room_id = $1 AND p.buyer = $2 AND p.place_id = $3 AND p.number IS NOT NULL
RETURNING p.entered_at, p.entered_by;

-- name: list_drawn
-- Places in their order, by number: $2 the last one seen, $3 at most.
SELECT p.place_id, p.number
FROM room_places AS p
WHERE p.room_id = $1 AND p.number > $2
ORDER BY p.number
LIMIT $3;
