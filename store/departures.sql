-- name: take_time
-- Far more than any sale gets: this is one long transaction that makes nobody wait.
SET LOCAL statement_timeout = '15min';
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL lock_timeout = '60s';

-- name: stage
-- What COPY fills, and what is made of it; gone with the transaction.
CREATE TEMPORARY TABLE staged_stops (
    place_no integer PRIMARY KEY,
    code text NOT NULL,
    name text NOT NULL,
    parent_no integer,
    latitude double precision,
    longitude double precision,
    time_zone text NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_routes (
    route_no integer PRIMARY KEY,
    source_key text NOT NULL,
    name text NOT NULL,
    run_no integer NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_runs (
    run_no integer PRIMARY KEY,
    route_no integer NOT NULL,
    name text NOT NULL,
    layout_id bigint NOT NULL,
    fares integer[] NOT NULL,
    starts integer NOT NULL,
    ends integer NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_calls (
    run_no integer NOT NULL,
    idx smallint NOT NULL,
    place_no integer NOT NULL,
    arrives integer NOT NULL,
    departs integer NOT NULL,
    can_board boolean NOT NULL,
    can_alight boolean NOT NULL,
    PRIMARY KEY (run_no, idx)
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_pairs (
    run_no integer NOT NULL,
    from_idx smallint NOT NULL,
    to_idx smallint NOT NULL,
    amount integer NOT NULL,
    PRIMARY KEY (run_no, from_idx, to_idx)
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_buses (
    source_key text NOT NULL,
    service_date date NOT NULL,
    run_no integer NOT NULL,
    base timestamptz NOT NULL,
    PRIMARY KEY (service_date, source_key)
) ON COMMIT DROP;
CREATE TEMPORARY TABLE place_stops (
    place_no integer PRIMARY KEY,
    stop_id bigint NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE known_buses (
    bus_id bigint NOT NULL,
    source_key text NOT NULL,
    service_date date NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE fresh_buses (
    place bigint PRIMARY KEY,
    bus_id bigint NOT NULL,
    run_no integer NOT NULL,
    source_key text NOT NULL,
    service_date date NOT NULL,
    base timestamptz NOT NULL
) ON COMMIT DROP;

-- name: clear_stage
TRUNCATE staged_stops, staged_routes, staged_runs, staged_calls, staged_pairs, staged_buses, place_stops, known_buses,
fresh_buses;

-- name: analyze_stage
ANALYZE staged_stops, staged_routes, staged_runs, staged_calls, staged_pairs, staged_buses;

-- name: analyze_fresh
ANALYZE place_stops, known_buses, fresh_buses;

-- name: wait_for_timetable
SELECT pg_advisory_xact_lock(hashtextextended('timetable of ' || lower($1::text), 0));

-- name: take_timetable
SELECT pg_try_advisory_xact_lock(hashtextextended('timetable of ' || lower($1::text), 0));

-- name: enter_scope
SELECT set_config('omnibus.operators', $1::integer[]::text, true);

-- name: add_stations
-- $1 the source that makes codes unique.
WITH added AS (
    INSERT INTO stops (source, code, name, latitude, longitude, time_zone)
    SELECT $1, p.code, p.name, p.latitude, p.longitude, p.time_zone
    FROM staged_stops AS p
    WHERE p.parent_no IS NULL
    ORDER BY p.place_no
    ON CONFLICT ON CONSTRAINT stops_source_code_key DO NOTHING
    RETURNING 1
)

SELECT count(*) FROM added;

-- name: add_stops
-- Those that belong to a station, which is there by now.
WITH added AS (
    INSERT INTO stops (source, code, name, latitude, longitude, time_zone, parent_id)
    SELECT $1, p.code, p.name, p.latitude, p.longitude, p.time_zone, s.stop_id
    FROM staged_stops AS p
    INNER JOIN staged_stops AS station ON station.place_no = p.parent_no
    INNER JOIN stops AS s ON s.source = $1 AND s.code = station.code
    ORDER BY p.place_no
    ON CONFLICT ON CONSTRAINT stops_source_code_key DO NOTHING
    RETURNING 1
)

SELECT count(*) FROM added;

-- name: find_stops
INSERT INTO place_stops (place_no, stop_id)
SELECT p.place_no, s.stop_id
FROM staged_stops AS p
INNER JOIN stops AS s ON s.source = $1 AND s.code = p.code;

-- name: add_routes
-- A route that is new gets the pattern of its run, counted from when the bus starts.
WITH added AS (
    INSERT INTO routes (operator_id, source_key, name)
    SELECT $1, r.source_key, r.name
    FROM staged_routes AS r
    ORDER BY r.route_no
    ON CONFLICT ON CONSTRAINT routes_operator_source_key DO NOTHING
    RETURNING route_id, source_key
),

pattern AS (
    INSERT INTO route_stops (route_id, idx, operator_id, stop_id, arrival_seconds, departure_seconds)
    SELECT
        added.route_id, c.idx, $1, p.stop_id,
        greatest(c.arrives - run.starts, 0), c.departs - run.starts
    FROM added
    INNER JOIN staged_routes AS r ON r.source_key = added.source_key
    INNER JOIN staged_runs AS run ON run.run_no = r.run_no
    INNER JOIN staged_calls AS c ON c.run_no = r.run_no
    INNER JOIN place_stops AS p ON p.place_no = c.place_no
)

SELECT count(*) FROM added;

-- name: find_known
-- The operator's buses of the same days that came from a timetable.
INSERT INTO known_buses (bus_id, source_key, service_date)
SELECT b.bus_id, b.source_key, b.service_date
FROM buses AS b
WHERE
    b.operator_id = $1 AND b.source_key IS NOT NULL
    AND b.service_date BETWEEN
    (SELECT min(s.service_date) FROM staged_buses AS s) AND (SELECT max(s.service_date) FROM staged_buses AS s);

-- name: stage_fresh
-- Buses of operator $1 that are not there yet, numbered in the order they leave.
WITH missing AS (
    SELECT s.*, s.base + r.starts * interval '1 second' AS departs_at
    FROM staged_buses AS s
    INNER JOIN staged_runs AS r ON r.run_no = s.run_no
    WHERE
        NOT EXISTS (
            SELECT FROM known_buses AS k WHERE k.service_date = s.service_date AND k.source_key = s.source_key
        )
),

numbered AS (
    INSERT INTO fresh_buses (place, bus_id, run_no, source_key, service_date, base)
    SELECT
        row_number() OVER (ORDER BY m.departs_at, m.source_key), next_bus_of($1),
        m.run_no, m.source_key, m.service_date, m.base
    FROM missing AS m
    RETURNING 1
)

SELECT count(*) FROM numbered;

-- name: add_buses
-- $1 operator, $2 currency, $3 and $4 the first and last place among the fresh ones.
INSERT INTO buses (
    bus_id, operator_id, route_id, layout_id, departs_at, arrives_at, total_seats, currency, fares, name,
    source_key, service_date
)
SELECT
    f.bus_id, $1, r.route_id, run.layout_id,
    f.base + run.starts * interval '1 second', f.base + run.ends * interval '1 second',
    (SELECT count(*) FROM layout_seats AS l WHERE l.layout_id = run.layout_id),
    $2, run.fares, run.name, f.source_key, f.service_date
FROM fresh_buses AS f
INNER JOIN staged_runs AS run ON run.run_no = f.run_no
INNER JOIN staged_routes AS staged ON staged.route_no = run.route_no
INNER JOIN routes AS r ON r.operator_id = $1 AND r.source_key = staged.source_key
WHERE f.place BETWEEN $3 AND $4
ORDER BY f.place;

-- name: add_calls
WITH added AS (
    INSERT INTO bus_stops (bus_id, idx, operator_id, stop_id, arrives_at, departs_at, can_board, can_alight)
    SELECT
        f.bus_id, c.idx, $1, p.stop_id,
        f.base + c.arrives * interval '1 second', f.base + c.departs * interval '1 second',
        c.can_board, c.can_alight
    FROM fresh_buses AS f
    INNER JOIN staged_calls AS c ON c.run_no = f.run_no
    INNER JOIN place_stops AS p ON p.place_no = c.place_no
    WHERE f.place BETWEEN $2 AND $3
    ORDER BY f.place, c.idx
    RETURNING 1
)

SELECT count(*) FROM added;

-- name: add_pairs
-- What legs cost that do not cost the sum of their segments; after the stops they point at.
INSERT INTO leg_fares (bus_id, operator_id, from_idx, to_idx, amount)
SELECT f.bus_id, $1, p.from_idx, p.to_idx, p.amount
FROM fresh_buses AS f
INNER JOIN staged_pairs AS p ON p.run_no = f.run_no
WHERE f.place BETWEEN $2 AND $3;

-- name: add_seats
-- Every seat of the layout, free on every segment.
WITH added AS (
    INSERT INTO seats (bus_id, seat_no, operator_id, states)
    SELECT f.bus_id, l.seat_no, $1, repeat('A', cardinality(run.fares))
    FROM fresh_buses AS f
    INNER JOIN staged_runs AS run ON run.run_no = f.run_no
    INNER JOIN layout_seats AS l ON l.layout_id = run.layout_id
    WHERE f.place BETWEEN $2 AND $3
    ORDER BY f.place, l.seat_no
    RETURNING 1
)

SELECT count(*) FROM added;

-- name: count_known
SELECT count(*)
FROM staged_buses AS s
INNER JOIN known_buses AS k ON k.service_date = s.service_date AND k.source_key = s.source_key;

-- name: count_differing
-- Known buses that call elsewhere or at other times than the timetable says now.
WITH known AS (
    SELECT k.bus_id, s.run_no, s.base
    FROM staged_buses AS s
    INNER JOIN known_buses AS k ON k.service_date = s.service_date AND k.source_key = s.source_key
)

SELECT count(DISTINCT told.bus_id)
FROM (
    SELECT known.bus_id
    FROM known
    INNER JOIN staged_calls AS c ON c.run_no = known.run_no
    INNER JOIN place_stops AS p ON p.place_no = c.place_no
    LEFT JOIN bus_stops AS s ON s.bus_id = known.bus_id AND s.idx = c.idx
    WHERE
        (s.stop_id, s.arrives_at, s.departs_at, s.can_board, s.can_alight) IS DISTINCT FROM (
            p.stop_id,
            known.base + c.arrives * interval '1 second',
            known.base + c.departs * interval '1 second',
            c.can_board,
            c.can_alight
        )
    UNION ALL
    SELECT known.bus_id
    FROM known
    INNER JOIN staged_runs AS run ON run.run_no = known.run_no
    INNER JOIN bus_stops AS s ON s.bus_id = known.bus_id AND s.idx = cardinality(run.fares) + 1
) AS told;

-- name: count_unlisted
SELECT count(*)
FROM known_buses AS k
WHERE
    NOT EXISTS (
        SELECT FROM staged_buses AS s WHERE s.service_date = k.service_date AND s.source_key = k.source_key
    );

-- name: count_differing_stops
SELECT count(*)
FROM staged_stops AS p
INNER JOIN stops AS s ON s.source = $1 AND s.code = p.code
WHERE (s.name, s.latitude, s.longitude, s.time_zone) IS DISTINCT FROM (p.name, p.latitude, p.longitude, p.time_zone);

-- name: refresh_statistics
SET LOCAL ROLE NONE;
ANALYZE operators, stops, routes, route_stops, layouts, layout_seats, buses, bus_stops, leg_fares, seats;
