-- The plainest schema that could sell seats: no keys but the primary ones, no checks, no events, no idempotency.
CREATE TABLE buses (id integer PRIMARY KEY, rev bigint NOT NULL DEFAULT 0);
CREATE TABLE seats (
    id integer PRIMARY KEY,
    bus_id integer NOT NULL REFERENCES buses,
    seat_number text NOT NULL,
    status text NOT NULL DEFAULT 'AVAILABLE',
    version integer NOT NULL DEFAULT 0
);
CREATE TABLE bookings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id integer NOT NULL,
    bus_id integer NOT NULL REFERENCES buses,
    seat_ids integer [] NOT NULL,
    total_amount integer NOT NULL,
    status text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO buses (id) SELECT generate_series(1, 20000);
INSERT INTO seats (id, bus_id, seat_number)
SELECT (bus.id - 1) * 40 + seat.number, bus.id, seat.number::text
FROM buses AS bus CROSS JOIN generate_series(1, 40) AS seat (number);
