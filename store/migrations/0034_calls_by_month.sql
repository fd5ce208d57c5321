-- Searches find calls in a table of their own, partitioned by the month of departure: what is looked through is bounded
-- by the months that are kept, not by all that ever ran. It says nothing that bus_stops does not say, and only triggers
-- write it; whatever sells never reads it.
-- timeout: 10min
-- Edits of buses wait meanwhile; at the very end, for an instant, whoever reads their stops, too.
-- squawk-ignore-file require-concurrent-index-deletion, require-concurrent-index-creation

-- Months come and go: who may search may not reach one past the table they belong to.
CREATE SCHEMA months;
CREATE TABLE calls (
    bus_id bigint NOT NULL,
    idx smallint NOT NULL,
    operator_id integer NOT NULL,
    stop_id bigint NOT NULL,
    departs_at timestamptz NOT NULL,
    can_board boolean NOT NULL,
    can_alight boolean NOT NULL,
    CONSTRAINT calls_pkey PRIMARY KEY (stop_id, departs_at, bus_id, idx)
) PARTITION BY RANGE (departs_at);
-- For those who compare them with their bus. There is no time in it: a month that the planner believes to be empty is
-- searched by whichever index has one.
CREATE INDEX calls_bus_idx ON calls (bus_id);
-- What no month was made for, so that a bus may always be added.
CREATE TABLE months.calls_other PARTITION OF calls DEFAULT;

GRANT SELECT ON calls TO omnibus_app, omnibus_worker, omnibus_readonly;
-- Not forced: what bus_stops let through is written by whoever owns the table.
ALTER TABLE calls ENABLE ROW LEVEL SECURITY;
CREATE POLICY calls_read ON calls FOR SELECT USING (true);

-- As a statement changes stops, so it changes calls: by what is different, which is nothing when a bus is late. The
-- bounds are what PostgreSQL leaves the other months alone by.
CREATE FUNCTION keep_calls() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    earliest timestamptz;
    latest timestamptz;
BEGIN
    IF tg_op = 'TRUNCATE' THEN
        DELETE FROM calls;
    ELSIF tg_op = 'INSERT' THEN
        INSERT INTO calls (bus_id, idx, operator_id, stop_id, departs_at, can_board, can_alight)
        SELECT n.bus_id, n.idx, n.operator_id, n.stop_id, n.departs_at, n.can_board, n.can_alight FROM new_stops AS n;
    ELSIF tg_op = 'DELETE' THEN
        SELECT min(o.departs_at), max(o.departs_at) INTO earliest, latest FROM old_stops AS o;
        DELETE FROM calls AS c USING old_stops AS o
        WHERE
            c.departs_at BETWEEN earliest AND latest
            AND (c.stop_id, c.departs_at, c.bus_id, c.idx) = (o.stop_id, o.departs_at, o.bus_id, o.idx);
    ELSE
        SELECT min(d.departs_at), max(d.departs_at) INTO earliest, latest
        FROM (
            SELECT o.bus_id, o.idx, o.operator_id, o.stop_id, o.departs_at, o.can_board, o.can_alight
            FROM old_stops AS o
            EXCEPT
            SELECT n.bus_id, n.idx, n.operator_id, n.stop_id, n.departs_at, n.can_board, n.can_alight
            FROM new_stops AS n
        ) AS d;
        IF earliest IS NULL THEN
            RETURN NULL;
        END IF;
        DELETE FROM calls AS c
        USING (
            SELECT o.bus_id, o.idx, o.operator_id, o.stop_id, o.departs_at, o.can_board, o.can_alight
            FROM old_stops AS o
            EXCEPT
            SELECT n.bus_id, n.idx, n.operator_id, n.stop_id, n.departs_at, n.can_board, n.can_alight
            FROM new_stops AS n
        ) AS d
        WHERE
            c.departs_at BETWEEN earliest AND latest
            AND (c.stop_id, c.departs_at, c.bus_id, c.idx) = (d.stop_id, d.departs_at, d.bus_id, d.idx);
        INSERT INTO calls (bus_id, idx, operator_id, stop_id, departs_at, can_board, can_alight)
        SELECT n.bus_id, n.idx, n.operator_id, n.stop_id, n.departs_at, n.can_board, n.can_alight FROM new_stops AS n
        EXCEPT
        SELECT o.bus_id, o.idx, o.operator_id, o.stop_id, o.departs_at, o.can_board, o.can_alight FROM old_stops AS o;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER bus_stops_calls_on_insert AFTER INSERT ON bus_stops
REFERENCING NEW TABLE AS new_stops FOR EACH STATEMENT EXECUTE FUNCTION keep_calls();
CREATE TRIGGER bus_stops_calls_on_update AFTER UPDATE ON bus_stops
REFERENCING OLD TABLE AS old_stops NEW TABLE AS new_stops FOR EACH STATEMENT EXECUTE FUNCTION keep_calls();
CREATE TRIGGER bus_stops_calls_on_delete AFTER DELETE ON bus_stops
REFERENCING OLD TABLE AS old_stops FOR EACH STATEMENT EXECUTE FUNCTION keep_calls();
CREATE TRIGGER bus_stops_calls_on_truncate AFTER TRUNCATE ON bus_stops
FOR EACH STATEMENT EXECUTE FUNCTION keep_calls();

-- Makes the month that begins on this day, with the rows it should have had, and returns how many; NULL if it is there.
-- Edits of buses wait; searches, too, for the instant in which it is put in its place. Rather than wait for a long
-- search, and have all others wait behind, it gives up (lock_not_available): whoever asked asks again.
CREATE FUNCTION open_month(month date) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '200ms' SET timezone = 'UTC' AS $$
DECLARE
    name text := to_char(month, '"calls_"YYYY_MM');
    moved bigint;
BEGIN
    IF
        month <> date_trunc('month', month)::date
        OR month NOT BETWEEN date_trunc('month', now()) - interval '3 months' AND now() + interval '5 years'
    THEN
        RAISE EXCEPTION 'no month that is kept begins on %', month USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('months of calls', 0));
    IF to_regclass('months.' || name) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    -- The table and not the rest of it: whoever has been sent there already would be refused once the month is there.
    LOCK TABLE ONLY calls IN SHARE ROW EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE months.%I (LIKE calls INCLUDING ALL)', name);
    EXECUTE format(
        'WITH moved AS (
            DELETE FROM months.calls_other AS c WHERE c.departs_at >= $1 AND c.departs_at < $2 RETURNING c.*
        )
        INSERT INTO months.%I SELECT m.* FROM moved AS m', name
    ) USING month::timestamptz, (month + interval '1 month')::timestamptz;
    GET DIAGNOSTICS moved = ROW_COUNT;
    EXECUTE format(
        'ALTER TABLE calls ATTACH PARTITION months.%I FOR VALUES FROM (%L) TO (%L)',
        name, month::timestamptz, (month + interval '1 month')::timestamptz
    );
    RETURN moved;
END
$$;

-- Drops the months that ended by this day, and forgets what lay outside of all months before it; returns the months.
-- What they said stands in bus_stops. It waits no longer than the other.
CREATE FUNCTION forget_months(before date) RETURNS date[] LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '200ms' SET timezone = 'UTC' AS $$
DECLARE
    past date;
    forgotten date[] := '{}';
BEGIN
    IF before > date_trunc('month', now()) - interval '1 month' THEN
        RAISE EXCEPTION 'this month and the one before it are kept' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('months of calls', 0));
    FOR past IN
        SELECT to_date(c.relname, '"calls_"YYYY_MM') AS month
        FROM pg_inherits AS i
        INNER JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE
            i.inhparent = 'calls'::regclass AND c.relname ~ '^calls_\d{4}_\d{2}$'
            AND to_date(c.relname, '"calls_"YYYY_MM') + interval '1 month' <= before
        ORDER BY month
    LOOP
        EXECUTE format('ALTER TABLE calls DETACH PARTITION months.%I', to_char(past, '"calls_"YYYY_MM'));
        EXECUTE format('DROP TABLE months.%I', to_char(past, '"calls_"YYYY_MM'));
        forgotten := forgotten || past;
    END LOOP;
    DELETE FROM months.calls_other AS c WHERE c.departs_at < before::timestamptz;
    RETURN forgotten;
END
$$;
REVOKE ALL ON FUNCTION open_month(date), forget_months(date) FROM public;
GRANT EXECUTE ON FUNCTION open_month(date), forget_months(date) TO omnibus_worker;

-- The triggers' lock keeps others from editing until this has committed. Months that are over have tables, too: what
-- lies in the rest is read whenever a month is made, while searches wait.
DO $$
BEGIN
    PERFORM open_month(m.month::date)
    FROM (
        SELECT date_trunc('month', now() AT TIME ZONE 'UTC') - n.ago * interval '1 month' AS month
        FROM generate_series(1, 3) AS n (ago)
    ) AS m
    WHERE EXISTS (
        SELECT FROM bus_stops AS s
        WHERE
            s.departs_at >= m.month AT TIME ZONE 'UTC'
            AND s.departs_at < (m.month + interval '1 month') AT TIME ZONE 'UTC'
    );
    IF EXISTS (
        SELECT FROM bus_stops AS s
        WHERE s.departs_at >= date_trunc('month', now()) AND s.departs_at < now() + interval '13 months'
    ) THEN
        PERFORM open_month((date_trunc('month', now() AT TIME ZONE 'UTC') + n.ahead * interval '1 month')::date)
        FROM generate_series(0, 13) AS n (ahead);
    END IF;
END
$$;
INSERT INTO calls (bus_id, idx, operator_id, stop_id, departs_at, can_board, can_alight)
SELECT s.bus_id, s.idx, s.operator_id, s.stop_id, s.departs_at, s.can_board, s.can_alight
FROM bus_stops AS s
WHERE s.departs_at >= (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '3 months') AT TIME ZONE 'UTC';

DROP INDEX bus_stops_departures_idx;
-- A stop that nothing calls at may be removed, and that is looked for by this.
CREATE INDEX bus_stops_stop_idx ON bus_stops (stop_id);
-- A bus that has arrived, or goes on, and stands there for long is found by its arrival (catalogue.sql); such are few.
CREATE INDEX bus_stops_stays_idx ON bus_stops (stop_id, arrives_at) WHERE departs_at - arrives_at > interval '4 hours';
