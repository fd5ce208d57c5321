-- Four ways to make a second owner of a seat on a segment impossible, and what a batch of sales costs in each.

-- name: parents
CREATE TABLE seats (
    bus_id bigint NOT NULL,
    seat_no smallint NOT NULL,
    operator_id integer NOT NULL,
    PRIMARY KEY (bus_id, seat_no, operator_id)
);
CREATE TABLE bookings (bus_id bigint NOT NULL, booking_id bigint NOT NULL, PRIMARY KEY (bus_id, booking_id));
CREATE TABLE holds (bus_id bigint NOT NULL, hold_id uuid NOT NULL, PRIMARY KEY (bus_id, hold_id));
INSERT INTO seats
SELECT bus.id, seat.no, 1 FROM generate_series(1, $1) AS bus (id) CROSS JOIN generate_series(1, $2) AS seat (no);
CREATE EXTENSION btree_gist;

-- name: rows
CREATE TABLE claims (
    bus_id bigint NOT NULL,
    seat_no smallint NOT NULL,
    segment smallint NOT NULL CHECK (segment BETWEEN 0 AND 198),
    operator_id integer NOT NULL,
    hold_id uuid,
    booking_id bigint,
    CHECK (num_nonnulls(hold_id, booking_id) = 1),
    PRIMARY KEY (bus_id, seat_no, segment)
) WITH (fillfactor = 80);

-- name: ranges
CREATE TABLE claims (
    bus_id bigint NOT NULL,
    seat_no smallint NOT NULL,
    leg int4range NOT NULL,
    operator_id integer NOT NULL,
    hold_id uuid,
    booking_id bigint,
    CHECK (num_nonnulls(hold_id, booking_id) = 1),
    EXCLUDE USING gist (bus_id WITH =, seat_no WITH =, leg WITH &&)
);

-- name: foreign_keys
ALTER TABLE claims
ADD FOREIGN KEY (bus_id, seat_no, operator_id) REFERENCES seats (bus_id, seat_no, operator_id),
ADD FOREIGN KEY (bus_id, booking_id) REFERENCES bookings (bus_id, booking_id),
ADD FOREIGN KEY (bus_id, hold_id) REFERENCES holds (bus_id, hold_id);

-- name: trigger
CREATE FUNCTION refuse_stray_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM
    FROM (SELECT DISTINCT a.bus_id, a.operator_id, a.seat_no, a.hold_id, a.booking_id FROM added AS a) AS c
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM seats AS s
        WHERE s.bus_id = c.bus_id AND s.seat_no = c.seat_no AND s.operator_id = c.operator_id LIMIT 1
    ) AS seat ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM bookings AS b
        WHERE b.bus_id = c.bus_id AND b.booking_id = c.booking_id LIMIT 1
    ) AS booking ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM holds AS h
        WHERE h.bus_id = c.bus_id AND h.hold_id = c.hold_id LIMIT 1
    ) AS hold ON true
    WHERE seat.is_there IS NULL OR coalesce(booking.is_there, hold.is_there) IS NULL
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a claim has no such seat or owner' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER claims_of_seat_and_owner AFTER INSERT ON claims
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_stray_claims();

-- name: book
INSERT INTO bookings (bus_id, booking_id) SELECT w.bus_id, w.booking_id
FROM unnest($1::bigint[], $2::bigint[]) AS w (bus_id, booking_id);

-- name: claim_rows
INSERT INTO claims (bus_id, seat_no, segment, operator_id, booking_id)
SELECT w.bus_id, w.seat_no, part.segment, 1, w.booking_id
FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS w (bus_id, seat_no, booking_id)
CROSS JOIN LATERAL generate_series(0, $4::integer - 1) AS part (segment);

-- name: claim_ranges
INSERT INTO claims (bus_id, seat_no, leg, operator_id, booking_id)
SELECT w.bus_id, w.seat_no, int4range(0, $4::integer), 1, w.booking_id
FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS w (bus_id, seat_no, booking_id);

-- name: claim_nothing
SELECT count(*) FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS w (bus_id, seat_no, booking_id)
WHERE $4::integer > 0;
