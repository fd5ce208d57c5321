-- Who owns which seat on which segment, and everything that is written with it in one transaction.
-- user_id columns carry no foreign key on purpose: users are many, live elsewhere on a sharded database,
-- and are never deleted, only emptied.

CREATE DOMAIN person_name AS text
CHECK (char_length(value) BETWEEN 1 AND 120 AND value !~ '[[:cntrl:]]');

-- What a signed-in buyer holds on a bus; locked before anything else of the bus.
CREATE TABLE buyer_holds (
    bus_id bigint NOT NULL,
    user_id bigint NOT NULL,
    operator_id integer NOT NULL,
    seats_held smallint NOT NULL CHECK (seats_held >= 0),
    seats_max smallint NOT NULL CHECK (seats_max BETWEEN 1 AND 200),
    PRIMARY KEY (bus_id, user_id),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id),
    CONSTRAINT buyer_holds_cap CHECK (seats_held <= seats_max)
) WITH (fillfactor = 70);

CREATE TABLE holds (
    bus_id bigint NOT NULL,
    hold_id uuid NOT NULL,
    operator_id integer NOT NULL,
    state text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'BOOKED', 'RELEASED', 'EXPIRED')),
    user_id bigint,
    from_idx smallint NOT NULL CHECK (from_idx >= 0),
    to_idx smallint NOT NULL,
    seats smallint[] NOT NULL CHECK (cardinality(seats) BETWEEN 1 AND 100),
    prices integer[] NOT NULL CHECK (0 <= all(prices)),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (bus_id, hold_id),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id),
    CONSTRAINT holds_leg CHECK (from_idx < to_idx),
    CONSTRAINT holds_price_per_seat CHECK (cardinality(prices) = cardinality(seats)),
    CONSTRAINT holds_lifetime CHECK (
        expires_at > created_at AND expires_at - created_at <= interval '1200 seconds'
    ),
    CONSTRAINT holds_state_shape CHECK ((state = 'ACTIVE') = (ended_at IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX holds_expiry_idx ON holds (expires_at) WHERE state = 'ACTIVE';
CREATE INDEX holds_live_idx ON holds (bus_id, user_id) WHERE state = 'ACTIVE' AND user_id IS NOT NULL;

-- The lines of a sale are parallel arrays (seat, price, passenger), so a booking's total is their sum by construction
-- and its currency is its bus's.
CREATE TABLE bookings (
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL CHECK (booking_id > 0),
    operator_id integer NOT NULL,
    ref text NOT NULL CHECK (ref ~ '^[A-HJ-NP-Z2-9]{6,8}$'),
    status text NOT NULL CHECK (
        status IN ('PENDING', 'CONFIRMED', 'CANCELLED', 'PARTIALLY_CANCELLED', 'EXPIRED', 'FAILED')
    ),
    user_id bigint,
    sold_by bigint,
    hold_id uuid,
    from_idx smallint NOT NULL CHECK (from_idx >= 0),
    to_idx smallint NOT NULL,
    seats smallint[] NOT NULL CHECK (cardinality(seats) BETWEEN 1 AND 100),
    prices integer[] NOT NULL CHECK (0 <= all(prices)),
    names person_name[] NOT NULL,
    categories text[] NOT NULL CHECK (array_to_string(categories, '') ~ '^[a-z]*$'),
    method text NOT NULL CHECK (method IN ('demo', 'cash', 'stripe', 'razorpay')),
    email text CHECK (char_length(email) BETWEEN 3 AND 254 AND email !~ '[[:cntrl:]]'),
    phone text CHECK (phone ~ '^\+?[0-9 ()./-]{4,32}$'),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    confirmed_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (bus_id, booking_id),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id),
    FOREIGN KEY (bus_id, hold_id) REFERENCES holds (bus_id, hold_id),
    CONSTRAINT bookings_leg CHECK (from_idx < to_idx),
    CONSTRAINT bookings_line_per_seat CHECK (
        cardinality(prices) = cardinality(seats)
        AND cardinality(names) = cardinality(seats)
        AND cardinality(categories) = cardinality(seats)
    ),
    CONSTRAINT bookings_state_shape CHECK (
        CASE status
            WHEN 'PENDING' THEN expires_at > created_at AND confirmed_at IS NULL AND ended_at IS NULL
            WHEN 'CONFIRMED' THEN expires_at IS NULL AND confirmed_at IS NOT NULL AND ended_at IS NULL
            WHEN 'PARTIALLY_CANCELLED' THEN expires_at IS NULL AND confirmed_at IS NOT NULL AND ended_at IS NULL
            ELSE ended_at IS NOT NULL
        END
    )
) WITH (fillfactor = 80);
CREATE INDEX bookings_ref_idx ON bookings (ref);
CREATE INDEX bookings_user_idx ON bookings (user_id, created_at) WHERE user_id IS NOT NULL;
CREATE INDEX bookings_expiry_idx ON bookings (expires_at) WHERE status = 'PENDING';
CREATE UNIQUE INDEX bookings_hold_key ON bookings (bus_id, hold_id) WHERE hold_id IS NOT NULL;

CREATE TABLE blocks (
    bus_id bigint NOT NULL,
    block_id uuid NOT NULL,
    operator_id integer NOT NULL,
    from_idx smallint NOT NULL CHECK (from_idx >= 0),
    to_idx smallint NOT NULL,
    seats smallint[] NOT NULL CHECK (cardinality(seats) BETWEEN 1 AND 200),
    reason label NOT NULL,
    created_by bigint,
    created_at timestamptz NOT NULL,
    lifted_at timestamptz,
    PRIMARY KEY (bus_id, block_id),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id),
    CONSTRAINT blocks_leg CHECK (from_idx < to_idx)
);

-- The guarantee: a second owner of a seat on a segment is impossible, with every lock removed.
-- What was held and then booked stays the hold's: the booking names its hold.
CREATE TABLE claims (
    bus_id bigint NOT NULL,
    seat_no smallint NOT NULL,
    segment smallint NOT NULL CHECK (segment BETWEEN 0 AND 198),
    operator_id integer NOT NULL,
    hold_id uuid,
    booking_id bigint,
    block_id uuid,
    CONSTRAINT claims_one_owner_per_seat_and_segment PRIMARY KEY (bus_id, seat_no, segment),
    FOREIGN KEY (bus_id, seat_no, operator_id) REFERENCES seats (bus_id, seat_no, operator_id),
    FOREIGN KEY (bus_id, hold_id) REFERENCES holds (bus_id, hold_id),
    FOREIGN KEY (bus_id, booking_id) REFERENCES bookings (bus_id, booking_id),
    FOREIGN KEY (bus_id, block_id) REFERENCES blocks (bus_id, block_id),
    CONSTRAINT claims_one_kind_of_owner CHECK (num_nonnulls(hold_id, booking_id, block_id) = 1)
) WITH (fillfactor = 80);

-- Issued when a booking is confirmed: the travel document of one passenger for one leg.
CREATE TABLE tickets (
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL,
    seat_no smallint NOT NULL,
    operator_id integer NOT NULL,
    code uuid NOT NULL,
    status text NOT NULL DEFAULT 'VALID' CHECK (status IN ('VALID', 'CANCELLED')),
    issued_at timestamptz NOT NULL,
    cancelled_at timestamptz,
    PRIMARY KEY (bus_id, booking_id, seat_no),
    FOREIGN KEY (bus_id, booking_id) REFERENCES bookings (bus_id, booking_id),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id),
    CONSTRAINT tickets_code_key UNIQUE (bus_id, code),
    CONSTRAINT tickets_state_shape CHECK ((status = 'CANCELLED') = (cancelled_at IS NOT NULL))
);

-- One row for every attempt that has come to something; a booking that nobody tried to pay has none.
CREATE TABLE payments (
    bus_id bigint NOT NULL,
    payment_id uuid NOT NULL,
    booking_id bigint NOT NULL,
    operator_id integer NOT NULL,
    method text NOT NULL CHECK (method IN ('demo', 'cash', 'stripe', 'razorpay')),
    status text NOT NULL CHECK (status IN ('PENDING', 'SUCCEEDED', 'DECLINED', 'CANCELLED')),
    amount bigint NOT NULL CHECK (amount >= 0),
    created_at timestamptz NOT NULL,
    settled_at timestamptz,
    PRIMARY KEY (bus_id, payment_id),
    FOREIGN KEY (bus_id, booking_id) REFERENCES bookings (bus_id, booking_id),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id),
    CONSTRAINT payments_state_shape CHECK ((status = 'PENDING') = (settled_at IS NULL))
);
CREATE INDEX payments_booking_idx ON payments (bus_id, booking_id);
CREATE UNIQUE INDEX payments_one_applied ON payments (bus_id, booking_id) WHERE status = 'SUCCEEDED';

CREATE TABLE refunds (
    bus_id bigint NOT NULL,
    refund_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    operator_id integer NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    seats smallint[] NOT NULL CHECK (cardinality(seats) >= 1),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (bus_id, refund_id),
    FOREIGN KEY (bus_id, payment_id) REFERENCES payments (bus_id, payment_id),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id),
    CONSTRAINT refunds_once UNIQUE (bus_id, payment_id, seats)
);

-- One row for every revision of a bus: what hubs repair from and feeds are made of. `seats` is the wire form.
CREATE TABLE events (
    bus_id bigint NOT NULL,
    rev bigint NOT NULL CHECK (rev > 0),
    operator_id integer NOT NULL,
    epoch integer NOT NULL,
    kind text NOT NULL CHECK (kind ~ '^[a-z_]{3,30}$'),
    seats text NOT NULL CHECK (octet_length(seats) <= 65536),
    at timestamptz NOT NULL,
    -- No foreign key: the only statement that writes events takes bus and operator from the bus row it has just locked.
    CONSTRAINT events_one_per_rev PRIMARY KEY (bus_id, rev)
);
CREATE INDEX events_at_idx ON events USING brin (at);

-- key_hash digests (caller, operation, key); bus 0 is for requests that concern no bus yet.
CREATE TABLE idempotency_keys (
    bus_id bigint NOT NULL CHECK (bus_id >= 0),
    key_hash uuid NOT NULL,
    operator_id integer NOT NULL,
    request_hash uuid NOT NULL,
    status smallint CHECK (status BETWEEN 200 AND 499),
    response bytea CHECK (octet_length(response) <= 65536),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_once PRIMARY KEY (bus_id, key_hash),
    CONSTRAINT idempotency_keys_complete CHECK ((status IS NULL) = (response IS NULL))
);
CREATE INDEX idempotency_keys_age_idx ON idempotency_keys USING brin (created_at);
