-- What the migrations add up to. Made by `python -m tests.schema.dump --write`: do not edit.

CREATE SCHEMA months;

CREATE DOMAIN public.code AS text
	CONSTRAINT code_check CHECK ((((char_length(VALUE) >= 1) AND (char_length(VALUE) <= 200)) AND (VALUE !~ '[[:cntrl:]]'::text)));

CREATE DOMAIN public.currency AS text
	CONSTRAINT currency_check CHECK ((VALUE ~ '^[A-Z]{3}$'::text));

CREATE DOMAIN public.label AS text
	CONSTRAINT label_check CHECK ((((char_length(VALUE) >= 1) AND (char_length(VALUE) <= 120)) AND (VALUE !~ '[[:cntrl:]]'::text)));

CREATE DOMAIN public.person_name AS text
	CONSTRAINT person_name_check CHECK ((((char_length(VALUE) >= 1) AND (char_length(VALUE) <= 120)) AND (VALUE !~ '[[:cntrl:]]'::text)));

CREATE DOMAIN public.seat_states AS text
	CONSTRAINT seat_states_check CHECK ((((char_length(VALUE) >= 1) AND (char_length(VALUE) <= 200)) AND (translate(VALUE, 'ALBX'::text, ''::text) = ''::text)));

CREATE DOMAIN public.time_zone AS text
	CONSTRAINT time_zone_check CHECK ((((char_length(VALUE) >= 1) AND (char_length(VALUE) <= 64)) AND (VALUE ~ '^[A-Za-z0-9_+/-]+$'::text)));

CREATE TABLE public.audit_log (
    audit_id bigint NOT NULL,
    operator_id integer,
    at timestamp with time zone DEFAULT now() NOT NULL,
    actor_id bigint,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_log_action_check CHECK ((action ~ '^[a-z_.]{3,60}$'::text)),
    CONSTRAINT audit_log_detail_check CHECK ((octet_length((detail)::text) <= 8192)),
    CONSTRAINT audit_log_subject_check CHECK ((char_length(subject) <= 200))
);

CREATE FUNCTION public.audit_digest(previous bytea, place bigint, entry public.audit_log) RETURNS bytea
    LANGUAGE sql STABLE
    RETURN (SELECT sha256((audit_digest.previous || convert_to(string_agg(COALESCE(((octet_length(f.value) || ':'::text) || f.value), '-'::text), ','::text ORDER BY f.n), 'UTF8'::name))) AS sha256 FROM unnest(ARRAY[(audit_digest.place)::text, ((audit_digest.entry).audit_id)::text, ((audit_digest.entry).operator_id)::text, (((EXTRACT(epoch FROM (audit_digest.entry).at) * (1000000)::numeric))::bigint)::text, ((audit_digest.entry).actor_id)::text, (audit_digest.entry).action, (audit_digest.entry).subject, ((audit_digest.entry).detail)::text]) WITH ORDINALITY f(value, n));

CREATE FUNCTION public.folded(written text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $_$
    SELECT replace(replace(replace(replace(replace(replace(replace(replace(
        translate(
            lower(regexp_replace(normalize($1, NFKD), '[\u0300-\u036f]', '', 'g')),
            'øØłŁđĐðÐħĦıς', 'oollddddhhiσ'
        ),
        'ß', 'ss'), 'ẞ', 'ss'), 'æ', 'ae'), 'Æ', 'ae'), 'œ', 'oe'), 'Œ', 'oe'), 'þ', 'th'), 'Þ', 'th')
$_$;

CREATE FUNCTION public.forget_answers(buses bigint[], refs text[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DELETE FROM idempotency_keys AS k
WHERE
    k.bus_id = any(buses)
    AND EXISTS (
        SELECT FROM unnest(buses, refs) AS w (bus_id, ref)
        WHERE w.bus_id = k.bus_id AND position(convert_to('"' || w.ref || '"', 'UTF8') IN k.response) > 0
    )
$$;

CREATE FUNCTION public.forget_months(before date) RETURNS date[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '200ms'
    SET "TimeZone" TO 'UTC'
    AS $_$
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
$_$;

CREATE FUNCTION public.keep_calls() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.next_bus_of(operator integer) RETURNS bigint
    LANGUAGE sql
    AS $$ SELECT nextval('buses_bus_id_seq') $$;

CREATE FUNCTION public.open_month(month date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '200ms'
    SET "TimeZone" TO 'UTC'
    AS $_$
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
$_$;

CREATE FUNCTION public.operators_in_scope() RETURNS integer[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (NULLIF(current_setting('omnibus.operators'::text, true), ''::text))::integer[];

CREATE FUNCTION public.refuse_illegal_block_move() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF old.lifted_at IS NOT NULL THEN
        RAISE EXCEPTION 'block % was lifted', old.block_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'blocks_legal_move';
    END IF;
    RETURN new;
END
$$;

CREATE FUNCTION public.refuse_illegal_booking_move() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF old.status = new.status AND old.status IN ('PENDING', 'CONFIRMED', 'PARTIALLY_CANCELLED') THEN
        RETURN new;
    END IF;
    IF (old.status, new.status) NOT IN (
        ('PENDING', 'CONFIRMED'), ('PENDING', 'CANCELLED'), ('PENDING', 'EXPIRED'), ('PENDING', 'FAILED'),
        ('CONFIRMED', 'CANCELLED'), ('CONFIRMED', 'PARTIALLY_CANCELLED'), ('PARTIALLY_CANCELLED', 'CANCELLED'),
        ('EXPIRED', 'CONFIRMED')
    ) THEN
        IF old.status = new.status AND new.email IS NULL AND new.phone IS NULL AND new IS DISTINCT FROM old
            AND to_jsonb(new) - ARRAY['names', 'email', 'phone'] = to_jsonb(old) - ARRAY['names', 'email', 'phone'] THEN
            RETURN new;
        END IF;
        RAISE EXCEPTION 'booking % cannot go from % to %', old.ref, old.status, new.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_legal_move';
    END IF;
    RETURN new;
END
$$;

CREATE FUNCTION public.refuse_illegal_bus_move() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'bus % cannot go from % to %', old.bus_id, old.status, new.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'buses_legal_move';
END
$$;

CREATE FUNCTION public.refuse_illegal_device_move() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF old.revoked_at IS NOT NULL THEN
        RAISE EXCEPTION 'device % was revoked', old.device_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'devices_legal_move';
    END IF;
    RETURN new;
END
$$;

CREATE FUNCTION public.refuse_illegal_hold_move() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF old.state <> 'ACTIVE' THEN
        RAISE EXCEPTION 'hold % has ended as %', old.hold_id, old.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'holds_legal_move';
    END IF;
    RETURN new;
END
$$;

CREATE FUNCTION public.refuse_illegal_ticket_move() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF old.status <> 'VALID' THEN
        RAISE EXCEPTION 'ticket % is %', old.code, old.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tickets_legal_move';
    END IF;
    RETURN new;
END
$$;

CREATE FUNCTION public.refuse_rewriting() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION public.refuse_second_extension() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF old.is_extended OR NOT new.is_extended THEN
        RAISE EXCEPTION 'the deadline of hold % moves once', old.hold_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'holds_extended_once';
    END IF;
    RETURN new;
END
$$;

CREATE FUNCTION public.refuse_stray_claims() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    stray record;
BEGIN
    -- Probed one by one through the primary keys, whatever the planner thinks of the number of rows.
    SELECT c.bus_id, c.seat_no INTO stray
    FROM (
        SELECT DISTINCT a.bus_id, a.operator_id, a.seat_no, a.hold_id, a.booking_id, a.block_id FROM added AS a
    ) AS c
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM seats AS s
        WHERE s.bus_id = c.bus_id AND s.seat_no = c.seat_no AND s.operator_id = c.operator_id
        LIMIT 1
    ) AS seat ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM bookings AS b
        WHERE b.bus_id = c.bus_id AND b.booking_id = c.booking_id AND b.operator_id = c.operator_id
        LIMIT 1
    ) AS booking ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM holds AS h
        WHERE h.bus_id = c.bus_id AND h.hold_id = c.hold_id AND h.operator_id = c.operator_id
        LIMIT 1
    ) AS hold ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM blocks AS b
        WHERE b.bus_id = c.bus_id AND b.block_id = c.block_id AND b.operator_id = c.operator_id
        LIMIT 1
    ) AS block ON true
    WHERE seat.is_there IS NULL OR coalesce(booking.is_there, hold.is_there, block.is_there) IS NULL
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a claim on seat % of bus % has no such seat or owner', stray.seat_no, stray.bus_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'claims_of_seat_and_owner';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.refuse_to_change_rules() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'refund rules % are published', old.rules_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_rules_published_for_good';
END
$$;

CREATE FUNCTION public.refuse_to_change_shift() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'shift % is closed', old.shift_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'shifts_closed_for_good';
END
$$;

CREATE FUNCTION public.refuse_to_hand_over() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'hold % belongs to its buyer', old.hold_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'holds_change_hands_from_devices';
END
$$;

CREATE FUNCTION public.refuse_to_leave_claims() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    is_claimed boolean;
BEGIN
    IF TG_TABLE_NAME = 'seats' THEN
        SELECT EXISTS (
            SELECT FROM gone AS g
            INNER JOIN claims AS c ON c.bus_id = g.bus_id AND c.seat_no = g.seat_no
        ) INTO is_claimed;
    ELSIF TG_TABLE_NAME = 'bookings' THEN
        SELECT EXISTS (
            SELECT FROM gone AS g
            INNER JOIN claims AS c ON c.bus_id = g.bus_id AND c.booking_id = g.booking_id
        ) INTO is_claimed;
    ELSIF TG_TABLE_NAME = 'holds' THEN
        SELECT EXISTS (
            SELECT FROM gone AS g
            INNER JOIN claims AS c ON c.bus_id = g.bus_id AND c.hold_id = g.hold_id
        ) INTO is_claimed;
    ELSE
        SELECT EXISTS (
            SELECT FROM gone AS g
            INNER JOIN claims AS c ON c.bus_id = g.bus_id AND c.block_id = g.block_id
        ) INTO is_claimed;
    END IF;
    IF is_claimed THEN
        RAISE EXCEPTION 'rows of % still have claims', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_TABLE_NAME || '_with_claims_stay';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.refuse_unbalanced_postings() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    unbalanced uuid;
BEGIN
    SELECT a.group_id INTO unbalanced FROM added AS a GROUP BY a.bus_id, a.group_id HAVING sum(a.amount) <> 0 LIMIT 1;
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'the lines of posting group % do not sum to zero', unbalanced
            USING ERRCODE = 'check_violation', CONSTRAINT = 'postings_balanced';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.refuse_unordered_stops() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    faulty bigint;
BEGIN
    SELECT ordered.bus_id INTO faulty
    FROM (
        SELECT s.bus_id, s.idx, s.arrives_at,
            lag(s.departs_at) OVER stops_of_bus AS left_previous_at,
            row_number() OVER stops_of_bus - 1 AS place
        FROM bus_stops AS s
        WHERE s.bus_id IN (SELECT changed.bus_id FROM changed)
        WINDOW stops_of_bus AS (PARTITION BY s.bus_id ORDER BY s.idx)
    ) AS ordered
    WHERE ordered.arrives_at < ordered.left_previous_at OR ordered.place <> ordered.idx
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the stops of bus % are not in order', faulty
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bus_stops_ordered';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.seal_audit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    chain integer;
BEGIN
    FOR chain IN
        SELECT DISTINCT coalesce(l.operator_id, 0)
        FROM audit_log AS l
        WHERE l.audit_id >= new.audit_id AND NOT EXISTS (SELECT FROM audit_seals AS s WHERE s.audit_id = l.audit_id)
        ORDER BY 1
    LOOP
        INSERT INTO audit_heads (operator_id) VALUES (chain) ON CONFLICT DO NOTHING;
        PERFORM FROM audit_heads AS h WHERE h.operator_id = chain FOR UPDATE;
    END LOOP;
    PERFORM seal_entry(new);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.seal_entry(entry public.audit_log) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    head audit_heads;
    digest bytea;
BEGIN
    INSERT INTO audit_heads (operator_id) VALUES (coalesce(entry.operator_id, 0)) ON CONFLICT DO NOTHING;
    SELECT h.* INTO STRICT head FROM audit_heads AS h WHERE h.operator_id = coalesce(entry.operator_id, 0) FOR UPDATE;
    digest := audit_digest(head.hash, head.position + 1, entry);
    INSERT INTO audit_seals (operator_id, position, audit_id, previous, hash)
    VALUES (head.operator_id, head.position + 1, entry.audit_id, head.hash, digest);
    UPDATE audit_heads AS h SET position = h.position + 1, hash = digest WHERE h.operator_id = head.operator_id;
END
$$;

CREATE FUNCTION public.tell_catalogue() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('omnibus_bulletin', 'catalogue ' || tg_table_name);
    RETURN NULL;
END
$$;

CREATE TABLE public.calls (
    bus_id bigint NOT NULL,
    idx smallint NOT NULL,
    operator_id integer NOT NULL,
    stop_id bigint NOT NULL,
    departs_at timestamp with time zone NOT NULL,
    can_board boolean NOT NULL,
    can_alight boolean NOT NULL
)
PARTITION BY RANGE (departs_at);

CREATE TABLE months.calls_other (
    bus_id bigint NOT NULL,
    idx smallint NOT NULL,
    operator_id integer NOT NULL,
    stop_id bigint NOT NULL,
    departs_at timestamp with time zone NOT NULL,
    can_board boolean NOT NULL,
    can_alight boolean NOT NULL
);

CREATE TABLE public.audit_checks (
    operator_id integer NOT NULL,
    "position" bigint NOT NULL,
    hash bytea NOT NULL,
    broken_at bigint,
    checked_at timestamp with time zone NOT NULL,
    CONSTRAINT audit_checks_broken_at_check CHECK ((broken_at >= 0)),
    CONSTRAINT audit_checks_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT audit_checks_position_check CHECK (("position" >= 0))
);

CREATE TABLE public.audit_heads (
    operator_id integer NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    hash bytea DEFAULT decode(repeat('00'::text, 32), 'hex'::text) NOT NULL,
    CONSTRAINT audit_heads_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT audit_heads_position_check CHECK (("position" >= 0))
)
WITH (fillfactor='70');

ALTER TABLE public.audit_log ALTER COLUMN audit_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_log_audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_seals (
    operator_id integer NOT NULL,
    "position" bigint NOT NULL,
    audit_id bigint NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_seals_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT audit_seals_position_check CHECK (("position" > 0)),
    CONSTRAINT audit_seals_previous_check CHECK ((octet_length(previous) = 32))
);

CREATE TABLE public.blocks (
    bus_id bigint NOT NULL,
    block_id uuid NOT NULL,
    operator_id integer NOT NULL,
    from_idx smallint NOT NULL,
    to_idx smallint NOT NULL,
    seats smallint[] NOT NULL,
    reason public.label NOT NULL,
    created_by bigint,
    created_at timestamp with time zone NOT NULL,
    lifted_at timestamp with time zone,
    CONSTRAINT blocks_from_idx_check CHECK ((from_idx >= 0)),
    CONSTRAINT blocks_leg CHECK ((from_idx < to_idx)),
    CONSTRAINT blocks_seats_check CHECK (((cardinality(seats) >= 1) AND (cardinality(seats) <= 200)))
);
ALTER TABLE ONLY public.blocks FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE public.booking_numbers
    START WITH 1
    INCREMENT BY 1000
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.bookings (
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL,
    operator_id integer NOT NULL,
    ref text NOT NULL,
    status text NOT NULL,
    user_id bigint,
    sold_by bigint,
    hold_id uuid,
    from_idx smallint NOT NULL,
    to_idx smallint NOT NULL,
    seats smallint[] NOT NULL,
    prices integer[] NOT NULL,
    names public.person_name[] NOT NULL,
    categories text[] NOT NULL,
    method text NOT NULL,
    email text,
    phone text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    confirmed_at timestamp with time zone,
    ended_at timestamp with time zone,
    buyer uuid,
    network uuid,
    rules_id bigint,
    locale text,
    CONSTRAINT bookings_booking_id_check CHECK ((booking_id > 0)),
    CONSTRAINT bookings_categories_check CHECK ((array_to_string(categories, ''::text) ~ '^[a-z]*$'::text)),
    CONSTRAINT bookings_categories_short CHECK ((char_length(array_to_string(categories, ''::text)) <= 2000)),
    CONSTRAINT bookings_deadline CHECK (((status <> 'PENDING'::text) OR (expires_at IS NOT NULL))),
    CONSTRAINT bookings_email_check CHECK ((((char_length(email) >= 3) AND (char_length(email) <= 254)) AND (email !~ '[[:cntrl:]]'::text))),
    CONSTRAINT bookings_from_idx_check CHECK ((from_idx >= 0)),
    CONSTRAINT bookings_leg CHECK ((from_idx < to_idx)),
    CONSTRAINT bookings_line_per_seat CHECK (((cardinality(prices) = cardinality(seats)) AND (cardinality(names) = cardinality(seats)) AND (cardinality(categories) = cardinality(seats)))),
    CONSTRAINT bookings_lines_known CHECK (((array_position(seats, NULL::smallint) IS NULL) AND (array_position(prices, NULL::integer) IS NULL) AND (array_position((names)::text[], NULL::text) IS NULL) AND (array_position(categories, NULL::text) IS NULL))),
    CONSTRAINT bookings_locale_check CHECK ((locale ~ '^[a-z]{2}$'::text)),
    CONSTRAINT bookings_method_check CHECK ((method = ANY (ARRAY['demo'::text, 'cash'::text, 'stripe'::text, 'razorpay'::text]))),
    CONSTRAINT bookings_network_while_unpaid CHECK (((network IS NULL) OR ((status = 'PENDING'::text) AND (buyer IS NOT NULL)))),
    CONSTRAINT bookings_phone_check CHECK ((phone ~ '^\+?[0-9 ()./-]{4,32}$'::text)),
    CONSTRAINT bookings_prices_check CHECK ((0 <= ALL (prices))),
    CONSTRAINT bookings_ref_check CHECK ((ref ~ '^[A-HJ-NP-Z2-9]{6,8}$'::text)),
    CONSTRAINT bookings_seats_check CHECK (((cardinality(seats) >= 1) AND (cardinality(seats) <= 100))),
    CONSTRAINT bookings_state_shape CHECK (
CASE status
    WHEN 'PENDING'::text THEN ((expires_at > created_at) AND (confirmed_at IS NULL) AND (ended_at IS NULL))
    WHEN 'CONFIRMED'::text THEN ((expires_at IS NULL) AND (confirmed_at IS NOT NULL) AND (ended_at IS NULL))
    WHEN 'PARTIALLY_CANCELLED'::text THEN ((expires_at IS NULL) AND (confirmed_at IS NOT NULL) AND (ended_at IS NULL))
    ELSE (ended_at IS NOT NULL)
END),
    CONSTRAINT bookings_status_check CHECK ((status = ANY (ARRAY['PENDING'::text, 'CONFIRMED'::text, 'CANCELLED'::text, 'PARTIALLY_CANCELLED'::text, 'EXPIRED'::text, 'FAILED'::text])))
)
WITH (fillfactor='80');
ALTER TABLE ONLY public.bookings FORCE ROW LEVEL SECURITY;

CREATE TABLE public.bus_stops (
    bus_id bigint NOT NULL,
    idx smallint NOT NULL,
    operator_id integer NOT NULL,
    stop_id bigint NOT NULL,
    arrives_at timestamp with time zone NOT NULL,
    departs_at timestamp with time zone NOT NULL,
    can_board boolean DEFAULT true NOT NULL,
    can_alight boolean DEFAULT true NOT NULL,
    bay text,
    delay_seconds integer,
    CONSTRAINT bus_stops_bay_check CHECK ((bay ~ '^[A-Za-z0-9][A-Za-z0-9 ./-]{0,9}$'::text)),
    CONSTRAINT bus_stops_delay_seconds_check CHECK (((delay_seconds >= '-3600'::integer) AND (delay_seconds <= 21600))),
    CONSTRAINT bus_stops_idx_check CHECK (((idx >= 0) AND (idx <= 199))),
    CONSTRAINT bus_stops_times CHECK ((arrives_at <= departs_at))
);
ALTER TABLE ONLY public.bus_stops FORCE ROW LEVEL SECURITY;

CREATE TABLE public.buses (
    bus_id bigint NOT NULL,
    operator_id integer NOT NULL,
    route_id bigint,
    layout_id bigint NOT NULL,
    facts integer DEFAULT 1 NOT NULL,
    epoch integer DEFAULT 1 NOT NULL,
    rev bigint DEFAULT 0 NOT NULL,
    status text DEFAULT 'SCHEDULED'::text NOT NULL,
    departs_at timestamp with time zone NOT NULL,
    arrives_at timestamp with time zone NOT NULL,
    sales_close_seconds integer DEFAULT 0 NOT NULL,
    total_seats smallint NOT NULL,
    currency public.currency NOT NULL,
    fares integer[] NOT NULL,
    name public.label NOT NULL,
    source_key public.code,
    service_date date NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    vehicle_id bigint,
    cancelled_at timestamp with time zone,
    CONSTRAINT buses_bus_id_check CHECK ((bus_id > 0)),
    CONSTRAINT buses_epoch_check CHECK ((epoch > 0)),
    CONSTRAINT buses_fares CHECK ((((cardinality(fares) >= 1) AND (cardinality(fares) <= 199)) AND (array_position(fares, NULL::integer) IS NULL) AND (0 <= ALL (fares)))),
    CONSTRAINT buses_rev_check CHECK ((rev >= 0)),
    CONSTRAINT buses_sales_close_seconds_check CHECK (((sales_close_seconds >= 0) AND (sales_close_seconds <= 31622400))),
    CONSTRAINT buses_status_check CHECK ((status = ANY (ARRAY['DRAFT'::text, 'SCHEDULED'::text, 'CLOSED'::text, 'CANCELLED'::text]))),
    CONSTRAINT buses_times CHECK ((departs_at < arrives_at)),
    CONSTRAINT buses_total_seats_check CHECK (((total_seats >= 1) AND (total_seats <= 200)))
)
WITH (fillfactor='70');
ALTER TABLE ONLY public.buses FORCE ROW LEVEL SECURITY;

ALTER TABLE public.buses ALTER COLUMN bus_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.buses_bus_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.buyer_holds (
    bus_id bigint NOT NULL,
    operator_id integer NOT NULL,
    seats_held smallint NOT NULL,
    seats_max smallint NOT NULL,
    buyer uuid NOT NULL,
    holds_held smallint DEFAULT 0 NOT NULL,
    holds_max smallint DEFAULT 1000 NOT NULL,
    CONSTRAINT buyer_holds_cap CHECK ((seats_held <= seats_max)),
    CONSTRAINT buyer_holds_holds_cap CHECK ((holds_held <= holds_max)),
    CONSTRAINT buyer_holds_holds_held_check CHECK ((holds_held >= 0)),
    CONSTRAINT buyer_holds_holds_max_check CHECK (((holds_max >= 1) AND (holds_max <= 1000))),
    CONSTRAINT buyer_holds_seats_held_check CHECK ((seats_held >= 0)),
    CONSTRAINT buyer_holds_seats_max_check CHECK (((seats_max >= 1) AND (seats_max <= 200)))
)
WITH (fillfactor='70');
ALTER TABLE ONLY public.buyer_holds FORCE ROW LEVEL SECURITY;

CREATE TABLE public.cash_payouts (
    bus_id bigint NOT NULL,
    refund_id uuid NOT NULL,
    operator_id integer NOT NULL,
    shift_id bigint NOT NULL,
    user_id bigint NOT NULL,
    amount bigint NOT NULL,
    paid_at timestamp with time zone NOT NULL,
    CONSTRAINT cash_payouts_amount_check CHECK ((amount > 0))
);
ALTER TABLE ONLY public.cash_payouts FORCE ROW LEVEL SECURITY;

CREATE TABLE public.claims (
    bus_id bigint NOT NULL,
    seat_no smallint NOT NULL,
    segment smallint NOT NULL,
    operator_id integer NOT NULL,
    hold_id uuid,
    booking_id bigint,
    block_id uuid,
    CONSTRAINT claims_one_kind_of_owner CHECK ((num_nonnulls(hold_id, booking_id, block_id) = 1)),
    CONSTRAINT claims_segment_check CHECK (((segment >= 0) AND (segment <= 198)))
)
WITH (fillfactor='80');
ALTER TABLE ONLY public.claims FORCE ROW LEVEL SECURITY;

CREATE TABLE public.conflict_counts (
    operator_id integer NOT NULL,
    minute timestamp with time zone NOT NULL,
    conflicts integer NOT NULL,
    CONSTRAINT conflict_counts_conflicts_check CHECK ((conflicts > 0)),
    CONSTRAINT conflict_counts_minute_check CHECK ((minute = date_trunc('minute'::text, minute, 'UTC'::text)))
);
ALTER TABLE ONLY public.conflict_counts FORCE ROW LEVEL SECURITY;

CREATE TABLE public.demo_payments (
    provider_ref text NOT NULL,
    payment_id uuid NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    reference text NOT NULL,
    description text NOT NULL,
    return_url text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT demo_payments_amount_check CHECK ((amount > 0)),
    CONSTRAINT demo_payments_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT demo_payments_description_check CHECK ((char_length(description) <= 200)),
    CONSTRAINT demo_payments_provider_ref_check CHECK ((provider_ref ~ '^demo_[A-Za-z0-9_-]{22}$'::text)),
    CONSTRAINT demo_payments_reference_check CHECK ((char_length(reference) <= 40)),
    CONSTRAINT demo_payments_return_url_check CHECK ((char_length(return_url) <= 500)),
    CONSTRAINT demo_payments_status_check CHECK ((status = ANY (ARRAY['open'::text, 'challenged'::text, 'succeeded'::text, 'declined'::text, 'cancelled'::text])))
);

CREATE TABLE public.demo_refunds (
    refund_id uuid NOT NULL,
    provider_ref text NOT NULL,
    amount bigint NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT demo_refunds_amount_check CHECK ((amount > 0)),
    CONSTRAINT demo_refunds_provider_ref_check CHECK ((provider_ref ~ '^[!-~]{1,200}$'::text))
);

CREATE TABLE public.demo_webhooks (
    webhook_id bigint NOT NULL,
    event_id text NOT NULL,
    kind text NOT NULL,
    provider_ref text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    CONSTRAINT demo_webhooks_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT demo_webhooks_event_id_check CHECK ((event_id ~ '^[!-~]{1,200}$'::text)),
    CONSTRAINT demo_webhooks_kind_check CHECK ((kind ~ '^[!-~]{1,100}$'::text))
);

ALTER TABLE public.demo_webhooks ALTER COLUMN webhook_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.demo_webhooks_webhook_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.device_codes (
    code_digest bytea NOT NULL,
    operator_id integer NOT NULL,
    stop_id bigint,
    kind text NOT NULL,
    name public.label NOT NULL,
    created_by bigint,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    wrong_tries smallint DEFAULT 0 NOT NULL,
    device_id bigint,
    CONSTRAINT device_codes_code_digest_check CHECK ((octet_length(code_digest) = 32)),
    CONSTRAINT device_codes_kind_check CHECK ((kind = ANY (ARRAY['kiosk'::text, 'board'::text, 'scanner'::text]))),
    CONSTRAINT device_codes_lifetime CHECK (((expires_at > created_at) AND ((expires_at - created_at) <= '00:05:00'::interval))),
    CONSTRAINT device_codes_place CHECK (((kind = 'scanner'::text) OR (stop_id IS NOT NULL))),
    CONSTRAINT device_codes_wrong_tries_check CHECK (((wrong_tries >= 0) AND (wrong_tries <= 20)))
);
ALTER TABLE ONLY public.device_codes FORCE ROW LEVEL SECURITY;

CREATE TABLE public.devices (
    device_id bigint NOT NULL,
    operator_id integer NOT NULL,
    stop_id bigint,
    kind text NOT NULL,
    name public.label NOT NULL,
    key_digest bytea NOT NULL,
    key_issued_at timestamp with time zone NOT NULL,
    old_key_digest bytea,
    old_key_ends_at timestamp with time zone,
    paired_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    last_seen_at timestamp with time zone,
    last_sale_at timestamp with time zone,
    version text,
    CONSTRAINT devices_key_digest_check CHECK ((octet_length(key_digest) = 32)),
    CONSTRAINT devices_kind_check CHECK ((kind = ANY (ARRAY['kiosk'::text, 'board'::text, 'scanner'::text]))),
    CONSTRAINT devices_old_key CHECK ((((old_key_digest IS NULL) = (old_key_ends_at IS NULL)) AND (old_key_digest <> key_digest))),
    CONSTRAINT devices_old_key_digest_check CHECK ((octet_length(old_key_digest) = 32)),
    CONSTRAINT devices_place CHECK (((kind = 'scanner'::text) OR (stop_id IS NOT NULL))),
    CONSTRAINT devices_version_check CHECK ((version ~ '^[!-~]{1,40}$'::text))
);
ALTER TABLE ONLY public.devices FORCE ROW LEVEL SECURITY;

ALTER TABLE public.devices ALTER COLUMN device_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.devices_device_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.events (
    bus_id bigint NOT NULL,
    rev bigint NOT NULL,
    operator_id integer NOT NULL,
    epoch integer NOT NULL,
    kind text NOT NULL,
    seats text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT events_kind_check CHECK ((kind ~ '^[a-z_]{3,30}$'::text)),
    CONSTRAINT events_rev_check CHECK ((rev > 0)),
    CONSTRAINT events_seats_check CHECK ((octet_length(seats) <= 65536))
);
ALTER TABLE ONLY public.events FORCE ROW LEVEL SECURITY;

CREATE TABLE public.holds (
    bus_id bigint NOT NULL,
    hold_id uuid NOT NULL,
    operator_id integer NOT NULL,
    state text DEFAULT 'ACTIVE'::text NOT NULL,
    user_id bigint,
    from_idx smallint NOT NULL,
    to_idx smallint NOT NULL,
    seats smallint[] NOT NULL,
    prices integer[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    buyer uuid,
    network uuid,
    is_extended boolean DEFAULT false NOT NULL,
    part_of uuid,
    CONSTRAINT holds_from_idx_check CHECK ((from_idx >= 0)),
    CONSTRAINT holds_leg CHECK ((from_idx < to_idx)),
    CONSTRAINT holds_lifetime CHECK (((expires_at > created_at) AND ((expires_at - created_at) <= '00:20:00'::interval))),
    CONSTRAINT holds_lines_known CHECK (((array_position(seats, NULL::smallint) IS NULL) AND (array_position(prices, NULL::integer) IS NULL))),
    CONSTRAINT holds_network_while_live CHECK (((network IS NULL) OR ((state = 'ACTIVE'::text) AND (buyer IS NOT NULL)))),
    CONSTRAINT holds_price_per_seat CHECK ((cardinality(prices) = cardinality(seats))),
    CONSTRAINT holds_prices_check CHECK ((0 <= ALL (prices))),
    CONSTRAINT holds_seats_check CHECK (((cardinality(seats) >= 1) AND (cardinality(seats) <= 100))),
    CONSTRAINT holds_state_check CHECK ((state = ANY (ARRAY['ACTIVE'::text, 'BOOKED'::text, 'RELEASED'::text, 'EXPIRED'::text]))),
    CONSTRAINT holds_state_shape CHECK (((state = 'ACTIVE'::text) = (ended_at IS NULL)))
)
WITH (fillfactor='70');
ALTER TABLE ONLY public.holds FORCE ROW LEVEL SECURITY;

CREATE TABLE public.house_keys (
    purpose text NOT NULL,
    key_id text NOT NULL,
    secret text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    retired_at timestamp with time zone,
    signs_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT house_keys_key_id_check CHECK ((key_id ~ '^[A-Za-z0-9_-]{1,64}$'::text)),
    CONSTRAINT house_keys_purpose_check CHECK ((purpose ~ '^[a-z_]{3,30}$'::text)),
    CONSTRAINT house_keys_secret_check CHECK ((octet_length(secret) <= 4096))
);

CREATE TABLE public.idempotency_keys (
    bus_id bigint NOT NULL,
    key_hash uuid NOT NULL,
    operator_id integer NOT NULL,
    request_hash uuid NOT NULL,
    status smallint,
    response bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_keys_bus_id_check CHECK ((bus_id >= 0)),
    CONSTRAINT idempotency_keys_complete CHECK (((status IS NULL) = (response IS NULL))),
    CONSTRAINT idempotency_keys_response_check CHECK ((octet_length(response) <= 65536)),
    CONSTRAINT idempotency_keys_status_check CHECK (((status >= 200) AND (status <= 499)))
);
ALTER TABLE ONLY public.idempotency_keys FORCE ROW LEVEL SECURITY;

CREATE TABLE public.imports (
    import_id bigint NOT NULL,
    operator_id integer NOT NULL,
    user_id bigint NOT NULL,
    file public.label NOT NULL,
    bytes bigint NOT NULL,
    wish jsonb NOT NULL,
    state text DEFAULT 'RUNNING'::text NOT NULL,
    step text DEFAULT 'reading'::text NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    total bigint DEFAULT 0 NOT NULL,
    outcome jsonb,
    created_at timestamp with time zone NOT NULL,
    beat_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT imports_bytes_check CHECK ((bytes > 0)),
    CONSTRAINT imports_done_check CHECK ((done >= 0)),
    CONSTRAINT imports_end_shape CHECK (((state = 'RUNNING'::text) = (ended_at IS NULL))),
    CONSTRAINT imports_outcome_check CHECK (((jsonb_typeof(outcome) = 'object'::text) AND (octet_length((outcome)::text) <= 65536))),
    CONSTRAINT imports_state_check CHECK ((state = ANY (ARRAY['RUNNING'::text, 'DONE'::text, 'REFUSED'::text, 'FAILED'::text, 'CANCELLED'::text]))),
    CONSTRAINT imports_step_check CHECK ((step ~ '^[a-z]{3,20}$'::text)),
    CONSTRAINT imports_total_check CHECK ((total >= 0)),
    CONSTRAINT imports_wish_check CHECK (((jsonb_typeof(wish) = 'object'::text) AND (octet_length((wish)::text) <= 4096)))
)
WITH (fillfactor='70');
ALTER TABLE ONLY public.imports FORCE ROW LEVEL SECURITY;

ALTER TABLE public.imports ALTER COLUMN import_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.imports_import_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.intents (
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL,
    payment_id uuid NOT NULL,
    operator_id integer NOT NULL,
    method text NOT NULL,
    provider_ref text NOT NULL,
    action jsonb NOT NULL,
    amount bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    look_at timestamp with time zone,
    looks integer DEFAULT 0 NOT NULL,
    CONSTRAINT intents_action_check CHECK ((octet_length((action)::text) <= 4096)),
    CONSTRAINT intents_amount_check CHECK ((amount > 0)),
    CONSTRAINT intents_looks_check CHECK ((looks >= 0)),
    CONSTRAINT intents_method_check CHECK ((method = ANY (ARRAY['demo'::text, 'stripe'::text, 'razorpay'::text]))),
    CONSTRAINT intents_provider_ref_check CHECK ((provider_ref ~ '^[!-~]{1,200}$'::text))
)
WITH (fillfactor='80');
ALTER TABLE ONLY public.intents FORCE ROW LEVEL SECURITY;

CREATE TABLE public.invariant_checks (
    name text NOT NULL,
    violations integer NOT NULL,
    bus_ids bigint[] NOT NULL,
    checked_at timestamp with time zone NOT NULL,
    CONSTRAINT invariant_checks_bus_ids_check CHECK ((cardinality(bus_ids) <= 1000)),
    CONSTRAINT invariant_checks_name_check CHECK ((name ~ '^[a-z][a-z0-9_]{1,62}$'::text)),
    CONSTRAINT invariant_checks_violations_check CHECK ((violations >= 0))
);

CREATE TABLE public.job_counts (
    kind text NOT NULL,
    outcome text NOT NULL,
    tries bigint NOT NULL,
    CONSTRAINT job_counts_kind_check CHECK ((kind ~ '^[A-Z_]{3,30}$'::text)),
    CONSTRAINT job_counts_outcome_check CHECK ((outcome ~ '^[a-z_]{3,30}$'::text)),
    CONSTRAINT job_counts_tries_check CHECK ((tries >= 0))
)
WITH (fillfactor='70');

CREATE TABLE public.job_inbox (
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL,
    job_id uuid NOT NULL,
    handler text NOT NULL,
    CONSTRAINT job_inbox_handler_check CHECK ((handler ~ '^[!-~]{1,200}$'::text))
);

CREATE TABLE public.jobs (
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL,
    job_id uuid NOT NULL,
    operator_id integer NOT NULL,
    kind text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    state text DEFAULT 'QUEUED'::text NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    due_at timestamp with time zone NOT NULL,
    lease uuid,
    leased_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    last_error text,
    CONSTRAINT jobs_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT jobs_detail_check CHECK ((octet_length((detail)::text) <= 4096)),
    CONSTRAINT jobs_kind_check CHECK ((kind ~ '^[A-Z_]{3,30}$'::text)),
    CONSTRAINT jobs_last_error_check CHECK ((char_length(last_error) <= 300)),
    CONSTRAINT jobs_lease_shape CHECK ((((lease IS NULL) = (leased_until IS NULL)) AND ((lease IS NULL) OR (state = 'QUEUED'::text)))),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['QUEUED'::text, 'DONE'::text, 'DEAD'::text]))),
    CONSTRAINT jobs_state_shape CHECK (((state = 'DONE'::text) = (done_at IS NOT NULL)))
)
WITH (fillfactor='70');
ALTER TABLE ONLY public.jobs FORCE ROW LEVEL SECURITY;

CREATE TABLE public.layout_seats (
    layout_id bigint NOT NULL,
    seat_no smallint NOT NULL,
    operator_id integer NOT NULL,
    label text NOT NULL,
    deck smallint NOT NULL,
    row_no smallint NOT NULL,
    column_no smallint NOT NULL,
    seat_class text NOT NULL,
    attributes text[] DEFAULT '{}'::text[] NOT NULL,
    price_percent smallint DEFAULT 100 NOT NULL,
    CONSTRAINT layout_seats_attributes_check CHECK ((cardinality(attributes) <= 12)),
    CONSTRAINT layout_seats_attributes_short CHECK (((char_length(array_to_string(attributes, ''::text)) <= 500) AND (array_position(attributes, NULL::text) IS NULL))),
    CONSTRAINT layout_seats_column_no_check CHECK (((column_no >= 1) AND (column_no <= 12))),
    CONSTRAINT layout_seats_deck_check CHECK (((deck >= 1) AND (deck <= 3))),
    CONSTRAINT layout_seats_label_check CHECK ((label ~ '^[A-Z0-9]{1,6}$'::text)),
    CONSTRAINT layout_seats_price_percent_check CHECK (((price_percent >= 0) AND (price_percent <= 1000))),
    CONSTRAINT layout_seats_row_no_check CHECK (((row_no >= 1) AND (row_no <= 60))),
    CONSTRAINT layout_seats_seat_class_check CHECK ((seat_class ~ '^[a-z_]{1,20}$'::text)),
    CONSTRAINT layout_seats_seat_no_check CHECK (((seat_no >= 1) AND (seat_no <= 200)))
);
ALTER TABLE ONLY public.layout_seats FORCE ROW LEVEL SECURITY;

CREATE TABLE public.layouts (
    layout_id bigint NOT NULL,
    operator_id integer NOT NULL,
    name public.label NOT NULL
);
ALTER TABLE ONLY public.layouts FORCE ROW LEVEL SECURITY;

ALTER TABLE public.layouts ALTER COLUMN layout_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.layouts_layout_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.leg_fares (
    bus_id bigint NOT NULL,
    from_idx smallint NOT NULL,
    to_idx smallint NOT NULL,
    operator_id integer NOT NULL,
    amount integer NOT NULL,
    CONSTRAINT leg_fares_amount_check CHECK (((amount >= 0) AND (amount <= 100000000))),
    CONSTRAINT leg_fares_leg CHECK ((from_idx < to_idx))
);
ALTER TABLE ONLY public.leg_fares FORCE ROW LEVEL SECURITY;

CREATE TABLE public.mailed_tokens (
    digest bytea NOT NULL,
    purpose text NOT NULL,
    user_id bigint NOT NULL,
    email text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT mailed_tokens_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT mailed_tokens_email_check CHECK ((((char_length(email) >= 3) AND (char_length(email) <= 254)) AND (email !~ '[[:cntrl:][:space:]]'::text))),
    CONSTRAINT mailed_tokens_lifetime CHECK ((expires_at > created_at)),
    CONSTRAINT mailed_tokens_purpose_check CHECK ((purpose = ANY (ARRAY['verify_email'::text, 'reset_password'::text])))
);

CREATE TABLE public.mails (
    mail_id uuid NOT NULL,
    user_id bigint,
    template text NOT NULL,
    recipient text NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    state text DEFAULT 'QUEUED'::text NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    due_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    sent_at timestamp with time zone,
    last_error text,
    locale text,
    about_bus bigint,
    about_booking bigint,
    CONSTRAINT mails_about_whole CHECK (((about_bus IS NULL) = (about_booking IS NULL))),
    CONSTRAINT mails_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT mails_last_error_check CHECK ((char_length(last_error) <= 300)),
    CONSTRAINT mails_locale_check CHECK ((locale ~ '^[a-z]{2}$'::text)),
    CONSTRAINT mails_parameters_check CHECK ((octet_length((parameters)::text) <= 2048)),
    CONSTRAINT mails_recipient_check CHECK ((((char_length(recipient) >= 3) AND (char_length(recipient) <= 254)) AND (recipient !~ '[[:cntrl:][:space:]]'::text))),
    CONSTRAINT mails_state_check CHECK ((state = ANY (ARRAY['QUEUED'::text, 'SENT'::text, 'FAILED'::text]))),
    CONSTRAINT mails_state_shape CHECK (((state = 'SENT'::text) = (sent_at IS NOT NULL))),
    CONSTRAINT mails_template_check CHECK ((template ~ '^[a-z_]{3,40}$'::text))
);

CREATE TABLE public.operators (
    operator_id integer NOT NULL,
    name public.label NOT NULL,
    source_key public.code,
    time_zone public.time_zone NOT NULL,
    currency public.currency NOT NULL,
    seats_per_buyer smallint DEFAULT 6 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    seats_per_address smallint,
    seats_per_staff smallint DEFAULT 100 NOT NULL,
    holds_per_buyer smallint DEFAULT 2 NOT NULL,
    holds_per_staff smallint DEFAULT 100 NOT NULL,
    cooldown_seconds smallint DEFAULT 120 NOT NULL,
    extension_seconds smallint DEFAULT 300 NOT NULL,
    hold_seconds_max smallint DEFAULT 1200 NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    disabled_at timestamp with time zone,
    cash_needs_shift boolean DEFAULT false NOT NULL,
    no_show_minutes smallint DEFAULT 15 NOT NULL,
    releases_no_shows boolean DEFAULT false NOT NULL,
    locale text DEFAULT 'en'::text NOT NULL,
    region text,
    CONSTRAINT operators_cooldown_seconds_check CHECK (((cooldown_seconds >= 0) AND (cooldown_seconds <= 3600))),
    CONSTRAINT operators_extension_seconds_check CHECK (((extension_seconds >= 0) AND (extension_seconds <= 1200))),
    CONSTRAINT operators_hold_seconds_max_check CHECK (((hold_seconds_max >= 30) AND (hold_seconds_max <= 1200))),
    CONSTRAINT operators_holds_per_buyer_check CHECK (((holds_per_buyer >= 1) AND (holds_per_buyer <= 1000))),
    CONSTRAINT operators_holds_per_staff_check CHECK (((holds_per_staff >= 1) AND (holds_per_staff <= 1000))),
    CONSTRAINT operators_locale_check CHECK ((locale ~ '^[a-z]{2}$'::text)),
    CONSTRAINT operators_no_show_minutes_check CHECK (((no_show_minutes >= 0) AND (no_show_minutes <= 240))),
    CONSTRAINT operators_not_the_platform CHECK ((operator_id <> 0)),
    CONSTRAINT operators_region_check CHECK ((region ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text)),
    CONSTRAINT operators_seats_per_address_check CHECK (((seats_per_address >= 1) AND (seats_per_address <= 200))),
    CONSTRAINT operators_seats_per_buyer_check CHECK (((seats_per_buyer >= 1) AND (seats_per_buyer <= 100))),
    CONSTRAINT operators_seats_per_staff_check CHECK (((seats_per_staff >= 1) AND (seats_per_staff <= 100))),
    CONSTRAINT operators_version_check CHECK ((version > 0))
);

ALTER TABLE public.operators ALTER COLUMN operator_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.operators_operator_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.pairing_tries (
    address uuid NOT NULL,
    wrong_tries smallint NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT pairing_tries_wrong_tries_check CHECK (((wrong_tries >= 1) AND (wrong_tries <= 5)))
);

CREATE TABLE public.payments (
    bus_id bigint NOT NULL,
    payment_id uuid NOT NULL,
    booking_id bigint NOT NULL,
    operator_id integer NOT NULL,
    method text NOT NULL,
    status text NOT NULL,
    amount bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    settled_at timestamp with time zone,
    device_id bigint,
    provider_ref text,
    currency public.currency,
    taken_by bigint,
    CONSTRAINT payments_amount_check CHECK ((amount >= 0)),
    CONSTRAINT payments_device_takes_cash CHECK (((device_id IS NULL) OR (method = 'cash'::text))),
    CONSTRAINT payments_foreign_go_back CHECK (((currency IS NULL) OR (status = 'RETURNED'::text))),
    CONSTRAINT payments_method_check CHECK ((method = ANY (ARRAY['demo'::text, 'cash'::text, 'stripe'::text, 'razorpay'::text]))),
    CONSTRAINT payments_person_takes_cash CHECK (((taken_by IS NULL) OR ((method = 'cash'::text) AND (device_id IS NULL)))),
    CONSTRAINT payments_provider_ref_check CHECK ((provider_ref ~ '^[!-~]{1,200}$'::text)),
    CONSTRAINT payments_state_shape CHECK (((status = 'PENDING'::text) = (settled_at IS NULL))),
    CONSTRAINT payments_status_check CHECK ((status = ANY (ARRAY['PENDING'::text, 'SUCCEEDED'::text, 'DECLINED'::text, 'CANCELLED'::text, 'RETURNED'::text])))
);
ALTER TABLE ONLY public.payments FORCE ROW LEVEL SECURITY;

CREATE TABLE public.postings (
    bus_id bigint NOT NULL,
    group_id uuid NOT NULL,
    account text NOT NULL,
    operator_id integer NOT NULL,
    payment_id uuid NOT NULL,
    amount bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT postings_account_check CHECK ((account = ANY (ARRAY['provider_clearing'::text, 'cash_drawer'::text, 'sales'::text, 'refunds_due'::text]))),
    CONSTRAINT postings_amount_check CHECK ((amount <> 0))
);
ALTER TABLE ONLY public.postings FORCE ROW LEVEL SECURITY;

CREATE TABLE public.provider_events (
    method text NOT NULL,
    event_id text NOT NULL,
    kind text NOT NULL,
    provider_ref text,
    state text DEFAULT 'NEW'::text NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    received_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    due_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT provider_events_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT provider_events_event_id_check CHECK ((event_id ~ '^[!-~]{1,200}$'::text)),
    CONSTRAINT provider_events_kind_check CHECK ((kind ~ '^[!-~]{1,100}$'::text)),
    CONSTRAINT provider_events_method_check CHECK ((method = ANY (ARRAY['demo'::text, 'stripe'::text, 'razorpay'::text]))),
    CONSTRAINT provider_events_provider_ref_check CHECK ((provider_ref ~ '^[!-~]{1,200}$'::text)),
    CONSTRAINT provider_events_state_check CHECK ((state = ANY (ARRAY['NEW'::text, 'APPLIED'::text, 'UNKNOWN'::text])))
);

CREATE TABLE public.recovery_codes (
    user_id bigint NOT NULL,
    digest bytea NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT recovery_codes_digest_check CHECK ((octet_length(digest) = 32))
);

CREATE TABLE public.refresh_tokens (
    digest bytea NOT NULL,
    family uuid NOT NULL,
    user_id bigint NOT NULL,
    parent bytea,
    issued_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    family_expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT refresh_tokens_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT refresh_tokens_lifetime CHECK (((expires_at > issued_at) AND (expires_at <= family_expires_at)))
);

CREATE TABLE public.refund_attempts (
    bus_id bigint NOT NULL,
    attempt_id uuid NOT NULL,
    refund_id uuid NOT NULL,
    operator_id integer NOT NULL,
    method text NOT NULL,
    status text NOT NULL,
    provider_refund text,
    reason text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT refund_attempts_method_check CHECK ((method = ANY (ARRAY['demo'::text, 'cash'::text, 'stripe'::text, 'razorpay'::text]))),
    CONSTRAINT refund_attempts_provider_refund_check CHECK ((provider_refund ~ '^[!-~]{1,200}$'::text)),
    CONSTRAINT refund_attempts_reason_check CHECK ((char_length(reason) <= 300)),
    CONSTRAINT refund_attempts_status_check CHECK ((status = ANY (ARRAY['PENDING'::text, 'DONE'::text, 'FAILED'::text])))
);
ALTER TABLE ONLY public.refund_attempts FORCE ROW LEVEL SECURITY;

CREATE TABLE public.refund_defaults (
    operator_id integer NOT NULL,
    route_id bigint,
    currency public.currency NOT NULL,
    rules_id bigint NOT NULL
);
ALTER TABLE ONLY public.refund_defaults FORCE ROW LEVEL SECURITY;

CREATE TABLE public.refund_rules (
    rules_id bigint NOT NULL,
    operator_id integer NOT NULL,
    name public.label NOT NULL,
    version integer NOT NULL,
    currency public.currency NOT NULL,
    terms jsonb NOT NULL,
    created_by bigint,
    created_at timestamp with time zone NOT NULL,
    published_at timestamp with time zone,
    CONSTRAINT refund_rules_order CHECK ((published_at >= created_at)),
    CONSTRAINT refund_rules_terms_check CHECK (((jsonb_typeof(terms) = 'array'::text) AND (octet_length((terms)::text) <= 32768))),
    CONSTRAINT refund_rules_version_check CHECK ((version > 0))
);
ALTER TABLE ONLY public.refund_rules FORCE ROW LEVEL SECURITY;

ALTER TABLE public.refund_rules ALTER COLUMN rules_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.refund_rules_rules_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.refunds (
    bus_id bigint NOT NULL,
    refund_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    operator_id integer NOT NULL,
    amount bigint NOT NULL,
    seats smallint[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT refunds_amount_check CHECK ((amount > 0)),
    CONSTRAINT refunds_seats_check CHECK ((cardinality(seats) >= 1))
);
ALTER TABLE ONLY public.refunds FORCE ROW LEVEL SECURITY;

CREATE TABLE public.region_servers (
    host text NOT NULL,
    port integer NOT NULL,
    region text NOT NULL,
    CONSTRAINT region_servers_host_check CHECK ((host ~ '^[A-Za-z0-9._:-]{1,253}$'::text)),
    CONSTRAINT region_servers_port_check CHECK (((port >= 1) AND (port <= 65535))),
    CONSTRAINT region_servers_region_check CHECK ((region ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text))
);

CREATE TABLE public.room_places (
    room_id bigint NOT NULL,
    operator_id integer NOT NULL,
    buyer uuid NOT NULL,
    network uuid,
    place_id uuid NOT NULL,
    number bigint,
    joined_at timestamp with time zone NOT NULL,
    entered_at timestamp with time zone,
    entered_by uuid,
    CONSTRAINT room_places_entered CHECK (((entered_at IS NULL) OR (number IS NOT NULL))),
    CONSTRAINT room_places_entered_by CHECK (((entered_at IS NULL) = (entered_by IS NULL))),
    CONSTRAINT room_places_number_check CHECK ((number > 0))
)
WITH (fillfactor='70');
ALTER TABLE ONLY public.room_places FORCE ROW LEVEL SECURITY;

CREATE TABLE public.rooms (
    room_id bigint NOT NULL,
    operator_id integer NOT NULL,
    scope text NOT NULL,
    subject_id bigint NOT NULL,
    name public.label NOT NULL,
    seed bytea NOT NULL,
    draw bytea,
    is_auto boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    opens_at timestamp with time zone NOT NULL,
    opened_at timestamp with time zone,
    closed_at timestamp with time zone,
    per_minute integer,
    pace double precision NOT NULL,
    served double precision DEFAULT 0 NOT NULL,
    served_at timestamp with time zone NOT NULL,
    is_sold_out boolean DEFAULT false NOT NULL,
    joined bigint DEFAULT 0 NOT NULL,
    places integer DEFAULT 0 NOT NULL,
    CONSTRAINT rooms_draw_check CHECK ((octet_length(draw) = 32)),
    CONSTRAINT rooms_draw_shape CHECK (((draw IS NULL) = (opened_at IS NULL))),
    CONSTRAINT rooms_joined_check CHECK ((joined >= 0)),
    CONSTRAINT rooms_pace_check CHECK ((pace >= (0)::double precision)),
    CONSTRAINT rooms_per_minute_check CHECK (((per_minute >= 1) AND (per_minute <= 60000))),
    CONSTRAINT rooms_places_check CHECK ((places >= 0)),
    CONSTRAINT rooms_scope_check CHECK ((scope = ANY (ARRAY['bus'::text, 'route'::text, 'operator'::text]))),
    CONSTRAINT rooms_seed_check CHECK ((octet_length(seed) = 32)),
    CONSTRAINT rooms_served_check CHECK ((served >= (0)::double precision))
)
WITH (fillfactor='50');
ALTER TABLE ONLY public.rooms FORCE ROW LEVEL SECURITY;

ALTER TABLE public.rooms ALTER COLUMN room_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.rooms_room_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.route_stops (
    route_id bigint NOT NULL,
    idx smallint NOT NULL,
    operator_id integer NOT NULL,
    stop_id bigint NOT NULL,
    arrival_seconds integer NOT NULL,
    departure_seconds integer NOT NULL,
    CONSTRAINT route_stops_arrival_seconds_check CHECK ((arrival_seconds >= 0)),
    CONSTRAINT route_stops_idx_check CHECK (((idx >= 0) AND (idx <= 200))),
    CONSTRAINT route_stops_order CHECK ((departure_seconds >= arrival_seconds))
);
ALTER TABLE ONLY public.route_stops FORCE ROW LEVEL SECURITY;

CREATE TABLE public.routes (
    route_id bigint NOT NULL,
    operator_id integer NOT NULL,
    source_key public.code,
    name public.label NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT routes_version_check CHECK ((version > 0))
);
ALTER TABLE ONLY public.routes FORCE ROW LEVEL SECURITY;

ALTER TABLE public.routes ALTER COLUMN route_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.routes_route_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.scans (
    bus_id bigint NOT NULL,
    scan_id uuid NOT NULL,
    operator_id integer NOT NULL,
    device_id bigint,
    user_id bigint,
    reading text NOT NULL,
    booking_id bigint,
    seat_no smallint,
    verdict text NOT NULL,
    is_offline boolean NOT NULL,
    scanned_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    undone_at timestamp with time zone,
    CONSTRAINT scans_boarded_somebody CHECK (((verdict <> ALL (ARRAY['ok'::text, 'already_boarded'::text])) OR (booking_id IS NOT NULL))),
    CONSTRAINT scans_by_one CHECK ((num_nonnulls(device_id, user_id) = 1)),
    CONSTRAINT scans_not_ahead_of_time CHECK ((scanned_at <= received_at)),
    CONSTRAINT scans_reading_check CHECK ((reading ~ '^[!-~]([ -~]{0,198}[!-~])?$'::text)),
    CONSTRAINT scans_undone CHECK (((undone_at IS NULL) OR ((verdict = 'ok'::text) AND (undone_at >= received_at)))),
    CONSTRAINT scans_verdict_check CHECK ((verdict = ANY (ARRAY['ok'::text, 'already_boarded'::text, 'cancelled'::text, 'no_show'::text, 'wrong_bus'::text, 'wrong_stop'::text, 'unknown'::text, 'bad_signature'::text, 'too_early'::text, 'too_late'::text]))),
    CONSTRAINT scans_whole_ticket CHECK ((num_nonnulls(booking_id, seat_no) <> 1))
);
ALTER TABLE ONLY public.scans FORCE ROW LEVEL SECURITY;

CREATE TABLE public.seats (
    bus_id bigint NOT NULL,
    seat_no smallint NOT NULL,
    operator_id integer NOT NULL,
    states public.seat_states NOT NULL,
    CONSTRAINT seats_seat_no_check CHECK (((seat_no >= 1) AND (seat_no <= 200)))
)
WITH (fillfactor='60');
ALTER TABLE ONLY public.seats FORCE ROW LEVEL SECURITY;

CREATE TABLE public.second_factors (
    user_id bigint NOT NULL,
    sealed_secret text NOT NULL,
    begun_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    confirmed_at timestamp with time zone,
    last_step bigint DEFAULT 0 NOT NULL,
    failures smallint DEFAULT 0 NOT NULL,
    locked_until timestamp with time zone,
    CONSTRAINT second_factors_failures_check CHECK (((failures >= 0) AND (failures <= 4))),
    CONSTRAINT second_factors_sealed_secret_check CHECK ((octet_length(sealed_secret) <= 1024))
);

CREATE TABLE public.session_ends (
    family uuid NOT NULL,
    user_id bigint NOT NULL,
    ended_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE public.shifts (
    shift_id bigint NOT NULL,
    operator_id integer NOT NULL,
    user_id bigint,
    device_id bigint,
    opened_at timestamp with time zone NOT NULL,
    opened_by bigint,
    opening jsonb NOT NULL,
    closed_at timestamp with time zone,
    closed_by bigint,
    sold jsonb,
    paid_out jsonb,
    counted jsonb,
    CONSTRAINT shifts_by_one CHECK ((num_nonnulls(user_id, device_id) = 1)),
    CONSTRAINT shifts_closed_with_figures CHECK ((num_nonnulls(closed_at, sold, paid_out, counted) = ANY (ARRAY[0, 4]))),
    CONSTRAINT shifts_counted_check CHECK (((jsonb_typeof(counted) = 'object'::text) AND (octet_length((counted)::text) <= 1000))),
    CONSTRAINT shifts_opening_check CHECK (((jsonb_typeof(opening) = 'object'::text) AND (octet_length((opening)::text) <= 1000))),
    CONSTRAINT shifts_order CHECK ((closed_at >= opened_at)),
    CONSTRAINT shifts_paid_out_check CHECK (((jsonb_typeof(paid_out) = 'object'::text) AND (octet_length((paid_out)::text) <= 1000))),
    CONSTRAINT shifts_sold_check CHECK (((jsonb_typeof(sold) = 'object'::text) AND (octet_length((sold)::text) <= 1000)))
);
ALTER TABLE ONLY public.shifts FORCE ROW LEVEL SECURITY;

ALTER TABLE public.shifts ALTER COLUMN shift_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.shifts_shift_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.stops (
    stop_id bigint NOT NULL,
    source public.code NOT NULL,
    code public.code NOT NULL,
    name public.label NOT NULL,
    parent_id bigint,
    latitude double precision,
    longitude double precision,
    time_zone public.time_zone NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    folded text GENERATED ALWAYS AS (public.folded((name)::text)) STORED NOT NULL,
    CONSTRAINT stops_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision))),
    CONSTRAINT stops_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision))),
    CONSTRAINT stops_not_own_parent CHECK ((parent_id <> stop_id)),
    CONSTRAINT stops_version_check CHECK ((version > 0))
);

ALTER TABLE public.stops ALTER COLUMN stop_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.stops_stop_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.tickets (
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL,
    seat_no smallint NOT NULL,
    operator_id integer NOT NULL,
    code uuid NOT NULL,
    status text DEFAULT 'VALID'::text NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    cancelled_at timestamp with time zone,
    no_show_at timestamp with time zone,
    moved_at timestamp with time zone,
    former_seats smallint[],
    CONSTRAINT tickets_moved_from_somewhere CHECK ((((moved_at IS NULL) = (former_seats IS NULL)) AND (cardinality(former_seats) > 0))),
    CONSTRAINT tickets_state_shape CHECK ((((status = 'CANCELLED'::text) = (cancelled_at IS NOT NULL)) AND ((status = 'NO_SHOW'::text) = (no_show_at IS NOT NULL)))),
    CONSTRAINT tickets_status_check CHECK ((status = ANY (ARRAY['VALID'::text, 'CANCELLED'::text, 'NO_SHOW'::text])))
);
ALTER TABLE ONLY public.tickets FORCE ROW LEVEL SECURITY;

CREATE TABLE public.users (
    user_id bigint NOT NULL,
    name public.person_name NOT NULL,
    email text NOT NULL,
    password_hash text NOT NULL,
    role text DEFAULT 'rider'::text NOT NULL,
    operator_id integer,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    email_verified_at timestamp with time zone,
    erased_at timestamp with time zone,
    locale text,
    CONSTRAINT users_email_check CHECK ((((char_length(email) >= 3) AND (char_length(email) <= 254)) AND (email !~ '[[:cntrl:][:space:]]'::text))),
    CONSTRAINT users_erased_cannot_enter CHECK (((erased_at IS NULL) OR (disabled_at IS NOT NULL))),
    CONSTRAINT users_locale_check CHECK ((locale ~ '^[a-z]{2}$'::text)),
    CONSTRAINT users_operator_of_role CHECK (((role = ANY (ARRAY['agent'::text, 'operator'::text])) = (operator_id IS NOT NULL))),
    CONSTRAINT users_password_hash_check CHECK ((char_length(password_hash) <= 300)),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['rider'::text, 'agent'::text, 'operator'::text, 'support'::text, 'admin'::text])))
);

ALTER TABLE public.users ALTER COLUMN user_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.users_user_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.vehicles (
    vehicle_id bigint NOT NULL,
    operator_id integer NOT NULL,
    registration public.code NOT NULL,
    layout_id bigint NOT NULL,
    name public.label NOT NULL,
    is_retired boolean DEFAULT false NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT vehicles_version_check CHECK ((version > 0))
);
ALTER TABLE ONLY public.vehicles FORCE ROW LEVEL SECURITY;

ALTER TABLE public.vehicles ALTER COLUMN vehicle_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.vehicles_vehicle_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.webhook_attempts (
    operator_id integer NOT NULL,
    delivery_id uuid NOT NULL,
    attempt smallint NOT NULL,
    began_at timestamp with time zone NOT NULL,
    duration_ms integer NOT NULL,
    outcome text NOT NULL,
    status smallint,
    answer text,
    error text,
    CONSTRAINT webhook_attempts_answer_check CHECK ((octet_length(answer) <= 4096)),
    CONSTRAINT webhook_attempts_attempt_check CHECK ((attempt > 0)),
    CONSTRAINT webhook_attempts_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT webhook_attempts_error_check CHECK ((char_length(error) <= 300)),
    CONSTRAINT webhook_attempts_outcome_check CHECK ((outcome ~ '^[a-z_]{3,20}$'::text)),
    CONSTRAINT webhook_attempts_status_check CHECK (((status >= 100) AND (status <= 999)))
);
ALTER TABLE ONLY public.webhook_attempts FORCE ROW LEVEL SECURITY;

CREATE TABLE public.webhook_counts (
    outcome text NOT NULL,
    attempts bigint NOT NULL,
    CONSTRAINT webhook_counts_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT webhook_counts_outcome_check CHECK ((outcome ~ '^[a-z_]{3,20}$'::text))
)
WITH (fillfactor='70');

CREATE TABLE public.webhook_deliveries (
    operator_id integer NOT NULL,
    delivery_id uuid NOT NULL,
    endpoint_id bigint NOT NULL,
    sequence bigint NOT NULL,
    event_type text NOT NULL,
    booking_ref text,
    body text NOT NULL,
    state text NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    tries smallint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    lease uuid,
    done_at timestamp with time zone,
    CONSTRAINT webhook_deliveries_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT webhook_deliveries_body_check CHECK ((octet_length(body) <= 16384)),
    CONSTRAINT webhook_deliveries_booking_ref_check CHECK ((booking_ref ~ '^[A-HJ-NP-Z2-9]{6,8}$'::text)),
    CONSTRAINT webhook_deliveries_check CHECK (((tries >= 0) AND (tries <= attempts))),
    CONSTRAINT webhook_deliveries_event_type_check CHECK ((event_type ~ '^[a-z]{2,20}[.][a-z]{2,20}$'::text)),
    CONSTRAINT webhook_deliveries_lease_shape CHECK (((lease IS NULL) OR (state = 'WAITING'::text))),
    CONSTRAINT webhook_deliveries_sequence_check CHECK ((sequence > 0)),
    CONSTRAINT webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['WAITING'::text, 'DELIVERED'::text, 'FAILED'::text]))),
    CONSTRAINT webhook_deliveries_state_shape CHECK (((state = 'WAITING'::text) = (done_at IS NULL)))
)
WITH (fillfactor='70');
ALTER TABLE ONLY public.webhook_deliveries FORCE ROW LEVEL SECURITY;

CREATE TABLE public.webhook_endpoints (
    endpoint_id bigint NOT NULL,
    operator_id integer NOT NULL,
    url text NOT NULL,
    description public.label,
    event_types text[] NOT NULL,
    api_version text DEFAULT '1'::text NOT NULL,
    secret_no integer DEFAULT 1 NOT NULL,
    old_secret_ends_at timestamp with time zone,
    last_sequence bigint DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    disabled_at timestamp with time zone,
    disabled_because text,
    created_at timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT webhook_endpoints_api_version_check CHECK ((api_version = '1'::text)),
    CONSTRAINT webhook_endpoints_deleted_are_disabled CHECK (((deleted_at IS NULL) OR (disabled_at IS NOT NULL))),
    CONSTRAINT webhook_endpoints_disabled_because_check CHECK ((disabled_because = ANY (ARRAY['staff'::text, 'gone'::text, 'failing'::text]))),
    CONSTRAINT webhook_endpoints_disabled_shape CHECK (((disabled_at IS NULL) = (disabled_because IS NULL))),
    CONSTRAINT webhook_endpoints_event_types_check CHECK ((((cardinality(event_types) >= 1) AND (cardinality(event_types) <= 20)) AND (event_types <@ ARRAY['booking.confirmed'::text, 'booking.cancelled'::text, 'booking.expired'::text, 'booking.failed'::text, 'bus.cancelled'::text, 'bus.rescheduled'::text, 'refund.paid'::text]))),
    CONSTRAINT webhook_endpoints_last_sequence_check CHECK ((last_sequence >= 0)),
    CONSTRAINT webhook_endpoints_old_secret CHECK (((old_secret_ends_at IS NULL) OR (secret_no > 1))),
    CONSTRAINT webhook_endpoints_secret_no_check CHECK ((secret_no > 0)),
    CONSTRAINT webhook_endpoints_url_check CHECK (((char_length(url) <= 2000) AND (url ~ '^https?://[!-~]+$'::text)))
)
WITH (fillfactor='70');
ALTER TABLE ONLY public.webhook_endpoints FORCE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_endpoints ALTER COLUMN endpoint_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.webhook_endpoints_endpoint_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.calls ATTACH PARTITION months.calls_other DEFAULT;

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (stop_id, departs_at, bus_id, idx);

ALTER TABLE ONLY months.calls_other
    ADD CONSTRAINT calls_other_pkey PRIMARY KEY (stop_id, departs_at, bus_id, idx);

ALTER TABLE ONLY public.audit_checks
    ADD CONSTRAINT audit_checks_pkey PRIMARY KEY (operator_id);

ALTER TABLE ONLY public.audit_heads
    ADD CONSTRAINT audit_heads_pkey PRIMARY KEY (operator_id);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (audit_id);

ALTER TABLE ONLY public.audit_seals
    ADD CONSTRAINT audit_seals_once UNIQUE (audit_id);

ALTER TABLE ONLY public.audit_seals
    ADD CONSTRAINT audit_seals_pkey PRIMARY KEY (operator_id, "position");

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT blocks_pkey PRIMARY KEY (bus_id, block_id);

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_pkey PRIMARY KEY (bus_id, booking_id);

ALTER TABLE ONLY public.bus_stops
    ADD CONSTRAINT bus_stops_pkey PRIMARY KEY (bus_id, idx);

ALTER TABLE ONLY public.buses
    ADD CONSTRAINT buses_operator_key UNIQUE (bus_id, operator_id);

ALTER TABLE ONLY public.buses
    ADD CONSTRAINT buses_pkey PRIMARY KEY (bus_id);

ALTER TABLE ONLY public.buyer_holds
    ADD CONSTRAINT buyer_holds_pkey PRIMARY KEY (bus_id, buyer);

ALTER TABLE ONLY public.cash_payouts
    ADD CONSTRAINT cash_payouts_once PRIMARY KEY (bus_id, refund_id);

ALTER TABLE ONLY public.claims
    ADD CONSTRAINT claims_one_owner_per_seat_and_segment PRIMARY KEY (bus_id, seat_no, segment);

ALTER TABLE ONLY public.conflict_counts
    ADD CONSTRAINT conflict_counts_pkey PRIMARY KEY (operator_id, minute);

ALTER TABLE ONLY public.demo_payments
    ADD CONSTRAINT demo_payments_once UNIQUE (payment_id);

ALTER TABLE ONLY public.demo_payments
    ADD CONSTRAINT demo_payments_pkey PRIMARY KEY (provider_ref);

ALTER TABLE ONLY public.demo_refunds
    ADD CONSTRAINT demo_refunds_pkey PRIMARY KEY (refund_id);

ALTER TABLE ONLY public.demo_webhooks
    ADD CONSTRAINT demo_webhooks_pkey PRIMARY KEY (webhook_id);

ALTER TABLE ONLY public.device_codes
    ADD CONSTRAINT device_codes_pkey PRIMARY KEY (code_digest);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_key_digest_key UNIQUE (key_digest);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_operator_key UNIQUE (operator_id, device_id);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (device_id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_one_per_rev PRIMARY KEY (bus_id, rev);

ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (bus_id, hold_id);

ALTER TABLE ONLY public.house_keys
    ADD CONSTRAINT house_keys_pkey PRIMARY KEY (purpose, key_id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_once PRIMARY KEY (bus_id, key_hash);

ALTER TABLE ONLY public.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (import_id);

ALTER TABLE ONLY public.intents
    ADD CONSTRAINT intents_pkey PRIMARY KEY (bus_id, booking_id);

ALTER TABLE ONLY public.invariant_checks
    ADD CONSTRAINT invariant_checks_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.job_counts
    ADD CONSTRAINT job_counts_pkey PRIMARY KEY (kind, outcome);

ALTER TABLE ONLY public.job_inbox
    ADD CONSTRAINT job_inbox_pkey PRIMARY KEY (bus_id, booking_id, job_id, handler);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (bus_id, booking_id, job_id);

ALTER TABLE ONLY public.layout_seats
    ADD CONSTRAINT layout_seats_label_key UNIQUE (layout_id, label);

ALTER TABLE ONLY public.layout_seats
    ADD CONSTRAINT layout_seats_pkey PRIMARY KEY (layout_id, seat_no);

ALTER TABLE ONLY public.layout_seats
    ADD CONSTRAINT layout_seats_place_key UNIQUE (layout_id, deck, row_no, column_no);

ALTER TABLE ONLY public.layouts
    ADD CONSTRAINT layouts_operator_key UNIQUE (operator_id, layout_id);

ALTER TABLE ONLY public.layouts
    ADD CONSTRAINT layouts_operator_name_key UNIQUE (operator_id, name);

ALTER TABLE ONLY public.layouts
    ADD CONSTRAINT layouts_pkey PRIMARY KEY (layout_id);

ALTER TABLE ONLY public.leg_fares
    ADD CONSTRAINT leg_fares_pkey PRIMARY KEY (bus_id, from_idx, to_idx);

ALTER TABLE ONLY public.mailed_tokens
    ADD CONSTRAINT mailed_tokens_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.mails
    ADD CONSTRAINT mails_pkey PRIMARY KEY (mail_id);

ALTER TABLE ONLY public.operators
    ADD CONSTRAINT operators_pkey PRIMARY KEY (operator_id);

ALTER TABLE ONLY public.pairing_tries
    ADD CONSTRAINT pairing_tries_pkey PRIMARY KEY (address);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (bus_id, payment_id);

ALTER TABLE ONLY public.postings
    ADD CONSTRAINT postings_once PRIMARY KEY (bus_id, group_id, account);

ALTER TABLE ONLY public.provider_events
    ADD CONSTRAINT provider_events_once PRIMARY KEY (method, event_id);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, digest);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.refund_attempts
    ADD CONSTRAINT refund_attempts_pkey PRIMARY KEY (bus_id, attempt_id);

ALTER TABLE ONLY public.refund_defaults
    ADD CONSTRAINT refund_defaults_once UNIQUE NULLS NOT DISTINCT (operator_id, route_id, currency);

ALTER TABLE ONLY public.refund_rules
    ADD CONSTRAINT refund_rules_operator_key UNIQUE (operator_id, rules_id);

ALTER TABLE ONLY public.refund_rules
    ADD CONSTRAINT refund_rules_pkey PRIMARY KEY (rules_id);

ALTER TABLE ONLY public.refund_rules
    ADD CONSTRAINT refund_rules_version_key UNIQUE (operator_id, name, version);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_once UNIQUE (bus_id, payment_id, seats);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (bus_id, refund_id);

ALTER TABLE ONLY public.region_servers
    ADD CONSTRAINT region_servers_pkey PRIMARY KEY (host, port);

ALTER TABLE ONLY public.room_places
    ADD CONSTRAINT room_places_once UNIQUE (room_id, place_id);

ALTER TABLE ONLY public.room_places
    ADD CONSTRAINT room_places_one_a_number UNIQUE (room_id, number);

ALTER TABLE ONLY public.room_places
    ADD CONSTRAINT room_places_pkey PRIMARY KEY (room_id, buyer);

ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_pkey PRIMARY KEY (room_id);

ALTER TABLE ONLY public.route_stops
    ADD CONSTRAINT route_stops_pkey PRIMARY KEY (route_id, idx);

ALTER TABLE ONLY public.routes
    ADD CONSTRAINT routes_operator_key UNIQUE (operator_id, route_id);

ALTER TABLE ONLY public.routes
    ADD CONSTRAINT routes_operator_source_key UNIQUE (operator_id, source_key);

ALTER TABLE ONLY public.routes
    ADD CONSTRAINT routes_pkey PRIMARY KEY (route_id);

ALTER TABLE ONLY public.scans
    ADD CONSTRAINT scans_once PRIMARY KEY (bus_id, scan_id);

ALTER TABLE ONLY public.seats
    ADD CONSTRAINT seats_pkey PRIMARY KEY (bus_id, seat_no, operator_id);

ALTER TABLE ONLY public.second_factors
    ADD CONSTRAINT second_factors_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.session_ends
    ADD CONSTRAINT session_ends_pkey PRIMARY KEY (family);

ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_operator_key UNIQUE (operator_id, shift_id);

ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_pkey PRIMARY KEY (shift_id);

ALTER TABLE ONLY public.stops
    ADD CONSTRAINT stops_pkey PRIMARY KEY (stop_id);

ALTER TABLE ONLY public.stops
    ADD CONSTRAINT stops_source_code_key UNIQUE (source, code);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_code_key UNIQUE (bus_id, code);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_pkey PRIMARY KEY (bus_id, booking_id, seat_no);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.vehicles
    ADD CONSTRAINT vehicles_operator_key UNIQUE (operator_id, vehicle_id);

ALTER TABLE ONLY public.vehicles
    ADD CONSTRAINT vehicles_pkey PRIMARY KEY (vehicle_id);

ALTER TABLE ONLY public.vehicles
    ADD CONSTRAINT vehicles_registration_key UNIQUE (operator_id, registration);

ALTER TABLE ONLY public.webhook_attempts
    ADD CONSTRAINT webhook_attempts_pkey PRIMARY KEY (operator_id, delivery_id, attempt);

ALTER TABLE ONLY public.webhook_counts
    ADD CONSTRAINT webhook_counts_pkey PRIMARY KEY (outcome);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_in_sequence UNIQUE (endpoint_id, sequence);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (operator_id, delivery_id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_operator_key UNIQUE (operator_id, endpoint_id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (endpoint_id);

CREATE INDEX calls_bus_idx ON ONLY public.calls USING btree (bus_id);

CREATE INDEX calls_other_bus_id_idx ON months.calls_other USING btree (bus_id);

CREATE INDEX audit_log_actor_idx ON public.audit_log USING btree (actor_id, at) WHERE (actor_id IS NOT NULL);

CREATE INDEX audit_log_at_idx ON public.audit_log USING btree (operator_id, at);

CREATE INDEX audit_log_chain_idx ON public.audit_log USING btree (COALESCE(operator_id, 0), audit_id);

CREATE INDEX bookings_buyer_idx ON public.bookings USING btree (buyer, (
CASE
    WHEN (ended_at IS NULL) THEN 'infinity'::timestamp with time zone
    ELSE ended_at
END)) WHERE ((buyer IS NOT NULL) AND (confirmed_at IS NULL));

CREATE INDEX bookings_created_idx ON public.bookings USING brin (created_at);

CREATE INDEX bookings_expiry_idx ON public.bookings USING btree (expires_at) WHERE (status = 'PENDING'::text);

CREATE UNIQUE INDEX bookings_hold_key ON public.bookings USING btree (bus_id, hold_id) WHERE (hold_id IS NOT NULL);

CREATE INDEX bookings_network_idx ON public.bookings USING btree (bus_id, network) WHERE (network IS NOT NULL);

CREATE INDEX bookings_ref_idx ON public.bookings USING btree (ref);

CREATE INDEX bookings_sold_by_idx ON public.bookings USING btree (sold_by, created_at) WHERE (sold_by IS NOT NULL);

CREATE INDEX bookings_user_idx ON public.bookings USING btree (user_id, created_at) WHERE (user_id IS NOT NULL);

CREATE INDEX bus_stops_stays_idx ON public.bus_stops USING btree (stop_id, arrives_at) WHERE ((departs_at - arrives_at) > '04:00:00'::interval);

CREATE INDEX bus_stops_stop_idx ON public.bus_stops USING btree (stop_id);

CREATE INDEX buses_departs_idx ON public.buses USING btree (departs_at, bus_id);

CREATE INDEX buses_long_idx ON public.buses USING btree (departs_at, bus_id) WHERE ((arrives_at - departs_at) > '20:00:00'::interval);

CREATE INDEX buses_operator_departs_idx ON public.buses USING btree (operator_id, departs_at);

CREATE INDEX buses_source_idx ON public.buses USING btree (operator_id, service_date) WHERE (source_key IS NOT NULL);

CREATE INDEX cash_payouts_shift_idx ON public.cash_payouts USING btree (shift_id);

CREATE INDEX conflict_counts_age_idx ON public.conflict_counts USING brin (minute);

CREATE INDEX demo_webhooks_due_idx ON public.demo_webhooks USING btree (due_at);

CREATE INDEX demo_webhooks_ref_idx ON public.demo_webhooks USING btree (provider_ref);

CREATE UNIQUE INDEX device_codes_device_key ON public.device_codes USING btree (device_id) WHERE (device_id IS NOT NULL);

CREATE INDEX device_codes_expiry_idx ON public.device_codes USING btree (expires_at);

CREATE UNIQUE INDEX devices_old_key_digest_key ON public.devices USING btree (old_key_digest) WHERE (old_key_digest IS NOT NULL);

CREATE INDEX devices_stop_idx ON public.devices USING btree (stop_id) WHERE (stop_id IS NOT NULL);

CREATE INDEX events_at_idx ON public.events USING brin (at);

CREATE INDEX holds_buyer_idx ON public.holds USING btree (buyer, (
CASE
    WHEN (ended_at IS NULL) THEN 'infinity'::timestamp with time zone
    ELSE ended_at
END)) WHERE (buyer IS NOT NULL);

CREATE INDEX holds_created_idx ON public.holds USING brin (created_at);

CREATE INDEX holds_expiry_idx ON public.holds USING btree (expires_at) WHERE (state = 'ACTIVE'::text);

CREATE INDEX holds_network_idx ON public.holds USING btree (bus_id, network) WHERE (network IS NOT NULL);

CREATE INDEX idempotency_keys_age_idx ON public.idempotency_keys USING brin (created_at);

CREATE INDEX idempotency_keys_refused_idx ON public.idempotency_keys USING btree (operator_id, created_at) WHERE (status = 409);

CREATE INDEX imports_of_operator_idx ON public.imports USING btree (operator_id, import_id);

CREATE UNIQUE INDEX imports_one_running ON public.imports USING btree (operator_id) WHERE (state = 'RUNNING'::text);

CREATE INDEX intents_due_idx ON public.intents USING btree (look_at) WHERE (look_at IS NOT NULL);

CREATE INDEX intents_ref_idx ON public.intents USING btree (provider_ref);

CREATE INDEX jobs_age_idx ON public.jobs USING brin (created_at);

CREATE INDEX jobs_dead_idx ON public.jobs USING btree (operator_id, job_id) WHERE (state = 'DEAD'::text);

CREATE INDEX jobs_due_idx ON public.jobs USING btree (due_at) WHERE (state = 'QUEUED'::text);

CREATE INDEX mailed_tokens_expiry_idx ON public.mailed_tokens USING btree (expires_at);

CREATE INDEX mailed_tokens_user_idx ON public.mailed_tokens USING btree (user_id, created_at);

CREATE INDEX mails_created_idx ON public.mails USING btree (created_at);

CREATE INDEX mails_due_idx ON public.mails USING btree (due_at) WHERE (state = 'QUEUED'::text);

CREATE UNIQUE INDEX mails_one_waits_for_its_user ON public.mails USING btree (template, lower(recipient)) WHERE ((user_id IS NULL) AND (about_bus IS NULL));

CREATE INDEX mails_user_idx ON public.mails USING btree (user_id, created_at) WHERE (user_id IS NOT NULL);

CREATE UNIQUE INDEX operators_name_key ON public.operators USING btree (lower((name)::text));

CREATE INDEX payments_booking_idx ON public.payments USING btree (bus_id, booking_id);

CREATE INDEX payments_device_idx ON public.payments USING btree (device_id, created_at) WHERE (device_id IS NOT NULL);

CREATE UNIQUE INDEX payments_one_applied ON public.payments USING btree (bus_id, booking_id) WHERE (status = 'SUCCEEDED'::text);

CREATE INDEX payments_taken_by_idx ON public.payments USING btree (taken_by, created_at) WHERE (taken_by IS NOT NULL);

CREATE INDEX postings_payment_idx ON public.postings USING btree (bus_id, payment_id);

CREATE INDEX provider_events_age_idx ON public.provider_events USING brin (received_at);

CREATE INDEX provider_events_due_idx ON public.provider_events USING btree (due_at) WHERE (state = 'NEW'::text);

CREATE INDEX refresh_tokens_expiry_idx ON public.refresh_tokens USING btree (family_expires_at);

CREATE INDEX refresh_tokens_family_idx ON public.refresh_tokens USING btree (family);

CREATE UNIQUE INDEX refresh_tokens_one_unused_child ON public.refresh_tokens USING btree (parent) WHERE ((parent IS NOT NULL) AND (used_at IS NULL) AND (revoked_at IS NULL));

CREATE INDEX refresh_tokens_user_idx ON public.refresh_tokens USING btree (user_id) WHERE (revoked_at IS NULL);

CREATE UNIQUE INDEX refund_attempts_done_once ON public.refund_attempts USING btree (bus_id, refund_id) WHERE (status = 'DONE'::text);

CREATE INDEX refund_attempts_refund_idx ON public.refund_attempts USING btree (bus_id, refund_id);

CREATE UNIQUE INDEX refund_rules_one_draft ON public.refund_rules USING btree (operator_id, name) WHERE (published_at IS NULL);

CREATE INDEX room_places_entered_idx ON public.room_places USING btree (room_id) WHERE (entered_at IS NOT NULL);

CREATE INDEX room_places_network_idx ON public.room_places USING btree (room_id, network);

CREATE INDEX rooms_closed_idx ON public.rooms USING btree (closed_at) WHERE (closed_at IS NOT NULL);

CREATE INDEX rooms_of_operator_idx ON public.rooms USING btree (operator_id, room_id);

CREATE UNIQUE INDEX rooms_one_open ON public.rooms USING btree (scope, subject_id) WHERE (closed_at IS NULL);

CREATE INDEX route_stops_stop_idx ON public.route_stops USING btree (stop_id);

CREATE UNIQUE INDEX scans_boarded_once ON public.scans USING btree (bus_id, booking_id, seat_no) WHERE ((verdict = 'ok'::text) AND (undone_at IS NULL));

CREATE INDEX session_ends_at_idx ON public.session_ends USING btree (ended_at);

CREATE UNIQUE INDEX shifts_one_open_of_device ON public.shifts USING btree (operator_id, device_id) WHERE (closed_at IS NULL);

CREATE UNIQUE INDEX shifts_one_open_of_user ON public.shifts USING btree (operator_id, user_id) WHERE (closed_at IS NULL);

CREATE INDEX stops_parent_idx ON public.stops USING btree (parent_id) WHERE (parent_id IS NOT NULL);

CREATE UNIQUE INDEX users_email_key ON public.users USING btree (lower(email));

CREATE INDEX users_operator_idx ON public.users USING btree (operator_id, user_id) WHERE (operator_id IS NOT NULL);

CREATE INDEX webhook_deliveries_age_idx ON public.webhook_deliveries USING btree (created_at);

CREATE INDEX webhook_deliveries_failed_idx ON public.webhook_deliveries USING btree (endpoint_id, created_at) WHERE (state = 'FAILED'::text);

CREATE INDEX webhook_deliveries_leased_idx ON public.webhook_deliveries USING btree (endpoint_id) WHERE (lease IS NOT NULL);

CREATE INDEX webhook_deliveries_waiting_idx ON public.webhook_deliveries USING btree (endpoint_id, due_at) WHERE (state = 'WAITING'::text);

CREATE INDEX webhook_endpoints_deleted_idx ON public.webhook_endpoints USING btree (endpoint_id) WHERE (deleted_at IS NOT NULL);

CREATE UNIQUE INDEX webhook_endpoints_one_of_url ON public.webhook_endpoints USING btree (operator_id, url) WHERE (deleted_at IS NULL);

ALTER INDEX public.calls_bus_idx ATTACH PARTITION months.calls_other_bus_id_idx;

ALTER INDEX public.calls_pkey ATTACH PARTITION months.calls_other_pkey;

CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

CREATE CONSTRAINT TRIGGER audit_log_sealed AFTER INSERT ON public.audit_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.seal_audit();

CREATE TRIGGER audit_seals_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_seals FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

CREATE TRIGGER blocks_legal_move BEFORE UPDATE ON public.blocks FOR EACH ROW EXECUTE FUNCTION public.refuse_illegal_block_move();

CREATE TRIGGER blocks_with_claims_stay AFTER DELETE ON public.blocks REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_to_leave_claims();

CREATE TRIGGER bookings_legal_move BEFORE UPDATE ON public.bookings FOR EACH ROW EXECUTE FUNCTION public.refuse_illegal_booking_move();

CREATE TRIGGER bookings_with_claims_stay AFTER DELETE ON public.bookings REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_to_leave_claims();

CREATE TRIGGER bus_stops_calls_on_delete AFTER DELETE ON public.bus_stops REFERENCING OLD TABLE AS old_stops FOR EACH STATEMENT EXECUTE FUNCTION public.keep_calls();

CREATE TRIGGER bus_stops_calls_on_insert AFTER INSERT ON public.bus_stops REFERENCING NEW TABLE AS new_stops FOR EACH STATEMENT EXECUTE FUNCTION public.keep_calls();

CREATE TRIGGER bus_stops_calls_on_truncate AFTER TRUNCATE ON public.bus_stops FOR EACH STATEMENT EXECUTE FUNCTION public.keep_calls();

CREATE TRIGGER bus_stops_calls_on_update AFTER UPDATE ON public.bus_stops REFERENCING OLD TABLE AS old_stops NEW TABLE AS new_stops FOR EACH STATEMENT EXECUTE FUNCTION public.keep_calls();

CREATE TRIGGER bus_stops_ordered_on_insert AFTER INSERT ON public.bus_stops REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_unordered_stops();

CREATE TRIGGER bus_stops_ordered_on_update AFTER UPDATE ON public.bus_stops REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_unordered_stops();

CREATE TRIGGER bus_stops_told AFTER INSERT OR DELETE OR UPDATE OF idx, stop_id, arrives_at, departs_at, can_board, can_alight ON public.bus_stops FOR EACH STATEMENT EXECUTE FUNCTION public.tell_catalogue();

CREATE TRIGGER buses_legal_move BEFORE UPDATE OF status ON public.buses FOR EACH ROW WHEN ((((new.status = 'DRAFT'::text) AND (old.status <> 'DRAFT'::text)) OR ((old.status = 'CANCELLED'::text) AND (new.status <> 'CANCELLED'::text)) OR ((old.status = 'DRAFT'::text) AND (new.status <> ALL (ARRAY['DRAFT'::text, 'SCHEDULED'::text]))))) EXECUTE FUNCTION public.refuse_illegal_bus_move();

CREATE TRIGGER buses_told AFTER INSERT OR DELETE OR UPDATE OF facts, name, status, departs_at, arrives_at, fares, total_seats, route_id, layout_id ON public.buses FOR EACH STATEMENT EXECUTE FUNCTION public.tell_catalogue();

CREATE TRIGGER claims_of_seat_and_owner_on_insert AFTER INSERT ON public.claims REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_stray_claims();

CREATE TRIGGER claims_of_seat_and_owner_on_update AFTER UPDATE ON public.claims REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_stray_claims();

CREATE TRIGGER devices_legal_move BEFORE UPDATE ON public.devices FOR EACH ROW EXECUTE FUNCTION public.refuse_illegal_device_move();

CREATE TRIGGER holds_change_hands_from_devices BEFORE UPDATE OF buyer, user_id ON public.holds FOR EACH ROW WHEN (((COALESCE((old.buyer)::text, ''::text) !~~ '00000000-0000-0001-%'::text) OR (COALESCE((new.buyer)::text, ''::text) ~~ '00000000-0000-0001-%'::text))) EXECUTE FUNCTION public.refuse_to_hand_over();

CREATE TRIGGER holds_extended_once BEFORE UPDATE OF expires_at ON public.holds FOR EACH ROW WHEN ((new.expires_at > old.expires_at)) EXECUTE FUNCTION public.refuse_second_extension();

CREATE TRIGGER holds_legal_move BEFORE UPDATE ON public.holds FOR EACH ROW EXECUTE FUNCTION public.refuse_illegal_hold_move();

CREATE TRIGGER holds_with_claims_stay AFTER DELETE ON public.holds REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_to_leave_claims();

CREATE TRIGGER leg_fares_told AFTER INSERT OR DELETE OR UPDATE ON public.leg_fares FOR EACH STATEMENT EXECUTE FUNCTION public.tell_catalogue();

CREATE TRIGGER operators_told AFTER UPDATE OF name, disabled_at, time_zone ON public.operators FOR EACH STATEMENT EXECUTE FUNCTION public.tell_catalogue();

CREATE TRIGGER payments_append_only BEFORE DELETE OR UPDATE ON public.payments FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

CREATE TRIGGER postings_append_only BEFORE DELETE OR UPDATE ON public.postings FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

CREATE TRIGGER postings_balanced AFTER INSERT ON public.postings REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_unbalanced_postings();

CREATE TRIGGER refund_attempts_append_only BEFORE DELETE OR UPDATE ON public.refund_attempts FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

CREATE TRIGGER refund_rules_published_for_good BEFORE UPDATE ON public.refund_rules FOR EACH ROW WHEN ((old.published_at IS NOT NULL)) EXECUTE FUNCTION public.refuse_to_change_rules();

CREATE TRIGGER refunds_append_only BEFORE DELETE OR UPDATE ON public.refunds FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

CREATE TRIGGER routes_told AFTER UPDATE OF name ON public.routes FOR EACH STATEMENT EXECUTE FUNCTION public.tell_catalogue();

CREATE TRIGGER seats_with_claims_stay AFTER DELETE ON public.seats REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_to_leave_claims();

CREATE TRIGGER shifts_closed_for_good BEFORE UPDATE ON public.shifts FOR EACH ROW WHEN ((old.closed_at IS NOT NULL)) EXECUTE FUNCTION public.refuse_to_change_shift();

CREATE TRIGGER stops_told AFTER UPDATE OF name, parent_id, latitude, longitude, time_zone ON public.stops FOR EACH STATEMENT EXECUTE FUNCTION public.tell_catalogue();

CREATE TRIGGER tickets_legal_move BEFORE UPDATE ON public.tickets FOR EACH ROW EXECUTE FUNCTION public.refuse_illegal_ticket_move();

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT blocks_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_bus_id_hold_id_fkey FOREIGN KEY (bus_id, hold_id) REFERENCES public.holds(bus_id, hold_id);

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.bus_stops
    ADD CONSTRAINT bus_stops_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.bus_stops
    ADD CONSTRAINT bus_stops_stop_id_fkey FOREIGN KEY (stop_id) REFERENCES public.stops(stop_id);

ALTER TABLE ONLY public.buses
    ADD CONSTRAINT buses_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES public.operators(operator_id);

ALTER TABLE ONLY public.buses
    ADD CONSTRAINT buses_operator_id_layout_id_fkey FOREIGN KEY (operator_id, layout_id) REFERENCES public.layouts(operator_id, layout_id);

ALTER TABLE ONLY public.buses
    ADD CONSTRAINT buses_operator_id_route_id_fkey FOREIGN KEY (operator_id, route_id) REFERENCES public.routes(operator_id, route_id);

ALTER TABLE ONLY public.buses
    ADD CONSTRAINT buses_operator_id_vehicle_id_fkey FOREIGN KEY (operator_id, vehicle_id) REFERENCES public.vehicles(operator_id, vehicle_id);

ALTER TABLE ONLY public.buyer_holds
    ADD CONSTRAINT buyer_holds_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.cash_payouts
    ADD CONSTRAINT cash_payouts_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.cash_payouts
    ADD CONSTRAINT cash_payouts_bus_id_refund_id_fkey FOREIGN KEY (bus_id, refund_id) REFERENCES public.refunds(bus_id, refund_id);

ALTER TABLE ONLY public.cash_payouts
    ADD CONSTRAINT cash_payouts_operator_id_shift_id_fkey FOREIGN KEY (operator_id, shift_id) REFERENCES public.shifts(operator_id, shift_id);

ALTER TABLE ONLY public.demo_webhooks
    ADD CONSTRAINT demo_webhooks_provider_ref_fkey FOREIGN KEY (provider_ref) REFERENCES public.demo_payments(provider_ref);

ALTER TABLE ONLY public.device_codes
    ADD CONSTRAINT device_codes_operator_id_device_id_fkey FOREIGN KEY (operator_id, device_id) REFERENCES public.devices(operator_id, device_id);

ALTER TABLE ONLY public.device_codes
    ADD CONSTRAINT device_codes_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES public.operators(operator_id);

ALTER TABLE ONLY public.device_codes
    ADD CONSTRAINT device_codes_stop_id_fkey FOREIGN KEY (stop_id) REFERENCES public.stops(stop_id);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES public.operators(operator_id);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_stop_id_fkey FOREIGN KEY (stop_id) REFERENCES public.stops(stop_id);

ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_bus_id_part_of_fkey FOREIGN KEY (bus_id, part_of) REFERENCES public.holds(bus_id, hold_id);

ALTER TABLE ONLY public.intents
    ADD CONSTRAINT intents_bus_id_booking_id_fkey FOREIGN KEY (bus_id, booking_id) REFERENCES public.bookings(bus_id, booking_id);

ALTER TABLE ONLY public.intents
    ADD CONSTRAINT intents_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.job_inbox
    ADD CONSTRAINT job_inbox_bus_id_booking_id_job_id_fkey FOREIGN KEY (bus_id, booking_id, job_id) REFERENCES public.jobs(bus_id, booking_id, job_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.layout_seats
    ADD CONSTRAINT layout_seats_layout_id_fkey FOREIGN KEY (layout_id) REFERENCES public.layouts(layout_id);

ALTER TABLE ONLY public.layout_seats
    ADD CONSTRAINT layout_seats_operator_id_layout_id_fkey FOREIGN KEY (operator_id, layout_id) REFERENCES public.layouts(operator_id, layout_id);

ALTER TABLE ONLY public.layouts
    ADD CONSTRAINT layouts_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES public.operators(operator_id);

ALTER TABLE ONLY public.leg_fares
    ADD CONSTRAINT leg_fares_bus_id_from_idx_fkey FOREIGN KEY (bus_id, from_idx) REFERENCES public.bus_stops(bus_id, idx);

ALTER TABLE ONLY public.leg_fares
    ADD CONSTRAINT leg_fares_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.leg_fares
    ADD CONSTRAINT leg_fares_bus_id_to_idx_fkey FOREIGN KEY (bus_id, to_idx) REFERENCES public.bus_stops(bus_id, idx);

ALTER TABLE ONLY public.mailed_tokens
    ADD CONSTRAINT mailed_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id);

ALTER TABLE ONLY public.mails
    ADD CONSTRAINT mails_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_bus_id_booking_id_fkey FOREIGN KEY (bus_id, booking_id) REFERENCES public.bookings(bus_id, booking_id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_operator_id_device_id_fkey FOREIGN KEY (operator_id, device_id) REFERENCES public.devices(operator_id, device_id);

ALTER TABLE ONLY public.postings
    ADD CONSTRAINT postings_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.postings
    ADD CONSTRAINT postings_bus_id_payment_id_fkey FOREIGN KEY (bus_id, payment_id) REFERENCES public.payments(bus_id, payment_id);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.second_factors(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_parent_fkey FOREIGN KEY (parent) REFERENCES public.refresh_tokens(digest);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id);

ALTER TABLE ONLY public.refund_attempts
    ADD CONSTRAINT refund_attempts_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.refund_attempts
    ADD CONSTRAINT refund_attempts_bus_id_refund_id_fkey FOREIGN KEY (bus_id, refund_id) REFERENCES public.refunds(bus_id, refund_id);

ALTER TABLE ONLY public.refund_defaults
    ADD CONSTRAINT refund_defaults_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES public.operators(operator_id);

ALTER TABLE ONLY public.refund_defaults
    ADD CONSTRAINT refund_defaults_operator_id_route_id_fkey FOREIGN KEY (operator_id, route_id) REFERENCES public.routes(operator_id, route_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.refund_defaults
    ADD CONSTRAINT refund_defaults_operator_id_rules_id_fkey FOREIGN KEY (operator_id, rules_id) REFERENCES public.refund_rules(operator_id, rules_id);

ALTER TABLE ONLY public.refund_rules
    ADD CONSTRAINT refund_rules_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES public.operators(operator_id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_bus_id_payment_id_fkey FOREIGN KEY (bus_id, payment_id) REFERENCES public.payments(bus_id, payment_id);

ALTER TABLE ONLY public.route_stops
    ADD CONSTRAINT route_stops_operator_id_route_id_fkey FOREIGN KEY (operator_id, route_id) REFERENCES public.routes(operator_id, route_id);

ALTER TABLE ONLY public.route_stops
    ADD CONSTRAINT route_stops_route_id_fkey FOREIGN KEY (route_id) REFERENCES public.routes(route_id);

ALTER TABLE ONLY public.route_stops
    ADD CONSTRAINT route_stops_stop_id_fkey FOREIGN KEY (stop_id) REFERENCES public.stops(stop_id);

ALTER TABLE ONLY public.routes
    ADD CONSTRAINT routes_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES public.operators(operator_id);

ALTER TABLE ONLY public.scans
    ADD CONSTRAINT scans_bus_id_booking_id_seat_no_fkey FOREIGN KEY (bus_id, booking_id, seat_no) REFERENCES public.tickets(bus_id, booking_id, seat_no);

ALTER TABLE ONLY public.scans
    ADD CONSTRAINT scans_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.scans
    ADD CONSTRAINT scans_operator_id_device_id_fkey FOREIGN KEY (operator_id, device_id) REFERENCES public.devices(operator_id, device_id);

ALTER TABLE ONLY public.seats
    ADD CONSTRAINT seats_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.second_factors
    ADD CONSTRAINT second_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id);

ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_operator_id_device_id_fkey FOREIGN KEY (operator_id, device_id) REFERENCES public.devices(operator_id, device_id);

ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES public.operators(operator_id);

ALTER TABLE ONLY public.stops
    ADD CONSTRAINT stops_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.stops(stop_id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_bus_id_booking_id_fkey FOREIGN KEY (bus_id, booking_id) REFERENCES public.bookings(bus_id, booking_id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_bus_id_operator_id_fkey FOREIGN KEY (bus_id, operator_id) REFERENCES public.buses(bus_id, operator_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES public.operators(operator_id);

ALTER TABLE ONLY public.vehicles
    ADD CONSTRAINT vehicles_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES public.operators(operator_id);

ALTER TABLE ONLY public.vehicles
    ADD CONSTRAINT vehicles_operator_id_layout_id_fkey FOREIGN KEY (operator_id, layout_id) REFERENCES public.layouts(operator_id, layout_id);

ALTER TABLE ONLY public.webhook_attempts
    ADD CONSTRAINT webhook_attempts_operator_id_delivery_id_fkey FOREIGN KEY (operator_id, delivery_id) REFERENCES public.webhook_deliveries(operator_id, delivery_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_operator_id_endpoint_id_fkey FOREIGN KEY (operator_id, endpoint_id) REFERENCES public.webhook_endpoints(operator_id, endpoint_id);
ALTER TABLE public.audit_checks ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_checks_of_operator ON public.audit_checks USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.audit_heads ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_heads_of_operator ON public.audit_heads USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_log_add ON public.audit_log FOR INSERT WITH CHECK (((operator_id IS NULL) OR (operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[]))));
CREATE POLICY audit_log_read ON public.audit_log FOR SELECT USING ((COALESCE(operator_id, 0) = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.audit_seals ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_seals_of_operator ON public.audit_seals USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.blocks ENABLE ROW LEVEL SECURITY;
CREATE POLICY blocks_of_operator ON public.blocks USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.bookings ENABLE ROW LEVEL SECURITY;
CREATE POLICY bookings_of_operator ON public.bookings USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.bus_stops ENABLE ROW LEVEL SECURITY;
CREATE POLICY bus_stops_add ON public.bus_stops FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY bus_stops_change ON public.bus_stops FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY bus_stops_read ON public.bus_stops FOR SELECT USING (true);
CREATE POLICY bus_stops_remove ON public.bus_stops FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.buses ENABLE ROW LEVEL SECURITY;
CREATE POLICY buses_add ON public.buses FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY buses_change ON public.buses FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY buses_read ON public.buses FOR SELECT USING (true);
CREATE POLICY buses_remove ON public.buses FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.buyer_holds ENABLE ROW LEVEL SECURITY;
CREATE POLICY buyer_holds_of_operator ON public.buyer_holds USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.calls ENABLE ROW LEVEL SECURITY;
CREATE POLICY calls_read ON public.calls FOR SELECT USING (true);
ALTER TABLE public.cash_payouts ENABLE ROW LEVEL SECURITY;
CREATE POLICY cash_payouts_of_operator ON public.cash_payouts USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.claims ENABLE ROW LEVEL SECURITY;
CREATE POLICY claims_of_operator ON public.claims USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.conflict_counts ENABLE ROW LEVEL SECURITY;
CREATE POLICY conflict_counts_of_operator ON public.conflict_counts USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.device_codes ENABLE ROW LEVEL SECURITY;
CREATE POLICY device_codes_of_operator ON public.device_codes USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.devices ENABLE ROW LEVEL SECURITY;
CREATE POLICY devices_of_operator ON public.devices USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;
CREATE POLICY events_add ON public.events FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY events_change ON public.events FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY events_read ON public.events FOR SELECT USING (true);
CREATE POLICY events_remove ON public.events FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.holds ENABLE ROW LEVEL SECURITY;
CREATE POLICY holds_of_operator ON public.holds USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.house_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY house_keys_of_application ON public.house_keys TO omnibus_app USING (true);
CREATE POLICY house_keys_of_webhooks ON public.house_keys TO omnibus_worker USING ((purpose = 'webhook_secrets'::text));
CREATE POLICY house_keys_of_worker ON public.house_keys TO omnibus_worker USING ((purpose = ANY (ARRAY['mail_links'::text, 'ticket_signing'::text])));
ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY idempotency_keys_of_operator ON public.idempotency_keys USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.imports ENABLE ROW LEVEL SECURITY;
CREATE POLICY imports_of_operator ON public.imports USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.intents ENABLE ROW LEVEL SECURITY;
CREATE POLICY intents_of_operator ON public.intents USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.jobs ENABLE ROW LEVEL SECURITY;
CREATE POLICY jobs_of_operator ON public.jobs USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY jobs_of_worker ON public.jobs TO omnibus_worker USING ((CURRENT_USER = 'omnibus_worker'::name));
ALTER TABLE public.layout_seats ENABLE ROW LEVEL SECURITY;
CREATE POLICY layout_seats_add ON public.layout_seats FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY layout_seats_change ON public.layout_seats FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY layout_seats_read ON public.layout_seats FOR SELECT USING (true);
CREATE POLICY layout_seats_remove ON public.layout_seats FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.layouts ENABLE ROW LEVEL SECURITY;
CREATE POLICY layouts_add ON public.layouts FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY layouts_change ON public.layouts FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY layouts_read ON public.layouts FOR SELECT USING (true);
CREATE POLICY layouts_remove ON public.layouts FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.leg_fares ENABLE ROW LEVEL SECURITY;
CREATE POLICY leg_fares_add ON public.leg_fares FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY leg_fares_read ON public.leg_fares FOR SELECT USING (true);
CREATE POLICY leg_fares_remove ON public.leg_fares FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.operators ENABLE ROW LEVEL SECURITY;
CREATE POLICY operators_add ON public.operators FOR INSERT WITH CHECK (true);
CREATE POLICY operators_change ON public.operators FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY operators_read ON public.operators FOR SELECT USING (true);
ALTER TABLE public.payments ENABLE ROW LEVEL SECURITY;
CREATE POLICY payments_of_operator ON public.payments USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.postings ENABLE ROW LEVEL SECURITY;
CREATE POLICY postings_of_operator ON public.postings USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.refund_attempts ENABLE ROW LEVEL SECURITY;
CREATE POLICY refund_attempts_of_operator ON public.refund_attempts USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.refund_defaults ENABLE ROW LEVEL SECURITY;
CREATE POLICY refund_defaults_add ON public.refund_defaults FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY refund_defaults_change ON public.refund_defaults FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY refund_defaults_read ON public.refund_defaults FOR SELECT USING (true);
CREATE POLICY refund_defaults_remove ON public.refund_defaults FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.refund_rules ENABLE ROW LEVEL SECURITY;
CREATE POLICY refund_rules_add ON public.refund_rules FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY refund_rules_change ON public.refund_rules FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY refund_rules_read ON public.refund_rules FOR SELECT USING (true);
CREATE POLICY refund_rules_remove ON public.refund_rules FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.refunds ENABLE ROW LEVEL SECURITY;
CREATE POLICY refunds_of_operator ON public.refunds USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.room_places ENABLE ROW LEVEL SECURITY;
CREATE POLICY room_places_of_operator ON public.room_places USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.rooms ENABLE ROW LEVEL SECURITY;
CREATE POLICY rooms_add ON public.rooms FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY rooms_change ON public.rooms FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY rooms_read ON public.rooms FOR SELECT USING (true);
CREATE POLICY rooms_remove ON public.rooms FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.route_stops ENABLE ROW LEVEL SECURITY;
CREATE POLICY route_stops_add ON public.route_stops FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY route_stops_change ON public.route_stops FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY route_stops_read ON public.route_stops FOR SELECT USING (true);
CREATE POLICY route_stops_remove ON public.route_stops FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.routes ENABLE ROW LEVEL SECURITY;
CREATE POLICY routes_add ON public.routes FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY routes_change ON public.routes FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY routes_read ON public.routes FOR SELECT USING (true);
CREATE POLICY routes_remove ON public.routes FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.scans ENABLE ROW LEVEL SECURITY;
CREATE POLICY scans_of_operator ON public.scans USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.seats ENABLE ROW LEVEL SECURITY;
CREATE POLICY seats_add ON public.seats FOR INSERT WITH CHECK ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY seats_change ON public.seats FOR UPDATE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
CREATE POLICY seats_read ON public.seats FOR SELECT USING (true);
CREATE POLICY seats_remove ON public.seats FOR DELETE USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.shifts ENABLE ROW LEVEL SECURITY;
CREATE POLICY shifts_of_operator ON public.shifts USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.tickets ENABLE ROW LEVEL SECURITY;
CREATE POLICY tickets_of_operator ON public.tickets USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.vehicles ENABLE ROW LEVEL SECURITY;
CREATE POLICY vehicles_of_operator ON public.vehicles USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.webhook_attempts ENABLE ROW LEVEL SECURITY;
CREATE POLICY webhook_attempts_of_operator ON public.webhook_attempts USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.webhook_deliveries ENABLE ROW LEVEL SECURITY;
CREATE POLICY webhook_deliveries_of_operator ON public.webhook_deliveries USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));
ALTER TABLE public.webhook_endpoints ENABLE ROW LEVEL SECURITY;
CREATE POLICY webhook_endpoints_of_operator ON public.webhook_endpoints USING ((operator_id = ANY (( SELECT public.operators_in_scope() AS operators_in_scope)::integer[])));

REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO omnibus_app;
GRANT USAGE ON SCHEMA public TO omnibus_worker;
GRANT USAGE ON SCHEMA public TO omnibus_readonly;
GRANT SELECT ON TABLE public.audit_log TO omnibus_app;
GRANT SELECT ON TABLE public.audit_log TO omnibus_worker;
GRANT SELECT ON TABLE public.audit_log TO omnibus_readonly;
GRANT INSERT(operator_id) ON TABLE public.audit_log TO omnibus_app;
GRANT INSERT(operator_id) ON TABLE public.audit_log TO omnibus_worker;
GRANT INSERT(actor_id) ON TABLE public.audit_log TO omnibus_app;
GRANT INSERT(actor_id) ON TABLE public.audit_log TO omnibus_worker;
GRANT INSERT(action) ON TABLE public.audit_log TO omnibus_app;
GRANT INSERT(action) ON TABLE public.audit_log TO omnibus_worker;
GRANT INSERT(subject) ON TABLE public.audit_log TO omnibus_app;
GRANT INSERT(subject) ON TABLE public.audit_log TO omnibus_worker;
GRANT INSERT(detail) ON TABLE public.audit_log TO omnibus_app;
GRANT INSERT(detail) ON TABLE public.audit_log TO omnibus_worker;

REVOKE ALL ON FUNCTION public.forget_answers(buses bigint[], refs text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_answers(buses bigint[], refs text[]) TO omnibus_app;

REVOKE ALL ON FUNCTION public.forget_months(before date) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_months(before date) TO omnibus_worker;

REVOKE ALL ON FUNCTION public.open_month(month date) FROM PUBLIC;
GRANT ALL ON FUNCTION public.open_month(month date) TO omnibus_worker;
GRANT SELECT ON TABLE public.calls TO omnibus_app;
GRANT SELECT ON TABLE public.calls TO omnibus_worker;
GRANT SELECT ON TABLE public.calls TO omnibus_readonly;
GRANT SELECT ON TABLE public.audit_checks TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.audit_checks TO omnibus_worker;
GRANT SELECT ON TABLE public.audit_checks TO omnibus_readonly;
GRANT UPDATE("position") ON TABLE public.audit_checks TO omnibus_worker;
GRANT UPDATE(hash) ON TABLE public.audit_checks TO omnibus_worker;
GRANT UPDATE(broken_at) ON TABLE public.audit_checks TO omnibus_worker;
GRANT UPDATE(checked_at) ON TABLE public.audit_checks TO omnibus_worker;
GRANT SELECT ON TABLE public.audit_heads TO omnibus_app;
GRANT SELECT ON TABLE public.audit_heads TO omnibus_worker;
GRANT SELECT ON TABLE public.audit_heads TO omnibus_readonly;
GRANT USAGE ON SEQUENCE public.audit_log_audit_id_seq TO omnibus_app;
GRANT SELECT ON TABLE public.audit_seals TO omnibus_app;
GRANT SELECT ON TABLE public.audit_seals TO omnibus_worker;
GRANT SELECT ON TABLE public.audit_seals TO omnibus_readonly;
GRANT SELECT,INSERT ON TABLE public.blocks TO omnibus_app;
GRANT SELECT ON TABLE public.blocks TO omnibus_worker;
GRANT SELECT ON TABLE public.blocks TO omnibus_readonly;
GRANT UPDATE(lifted_at) ON TABLE public.blocks TO omnibus_app;
GRANT USAGE ON SEQUENCE public.booking_numbers TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.bookings TO omnibus_app;
GRANT SELECT ON TABLE public.bookings TO omnibus_worker;
GRANT SELECT(bus_id) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT(booking_id) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT(operator_id) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT(ref) ON TABLE public.bookings TO omnibus_readonly;
GRANT UPDATE(status) ON TABLE public.bookings TO omnibus_app;
GRANT UPDATE(status) ON TABLE public.bookings TO omnibus_worker;
GRANT SELECT(status) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT(user_id) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT(sold_by) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT(from_idx) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT(to_idx) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT(seats) ON TABLE public.bookings TO omnibus_readonly;
GRANT UPDATE(seats) ON TABLE public.bookings TO omnibus_app;
GRANT SELECT(prices) ON TABLE public.bookings TO omnibus_readonly;
GRANT UPDATE(names) ON TABLE public.bookings TO omnibus_app;
GRANT SELECT(names) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT(categories) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT(method) ON TABLE public.bookings TO omnibus_readonly;
GRANT UPDATE(email) ON TABLE public.bookings TO omnibus_app;
GRANT SELECT(email) ON TABLE public.bookings TO omnibus_readonly;
GRANT UPDATE(phone) ON TABLE public.bookings TO omnibus_app;
GRANT SELECT(phone) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT(created_at) ON TABLE public.bookings TO omnibus_readonly;
GRANT UPDATE(expires_at) ON TABLE public.bookings TO omnibus_app;
GRANT UPDATE(expires_at) ON TABLE public.bookings TO omnibus_worker;
GRANT SELECT(expires_at) ON TABLE public.bookings TO omnibus_readonly;
GRANT UPDATE(confirmed_at) ON TABLE public.bookings TO omnibus_app;
GRANT UPDATE(confirmed_at) ON TABLE public.bookings TO omnibus_worker;
GRANT SELECT(confirmed_at) ON TABLE public.bookings TO omnibus_readonly;
GRANT UPDATE(ended_at) ON TABLE public.bookings TO omnibus_app;
GRANT UPDATE(ended_at) ON TABLE public.bookings TO omnibus_worker;
GRANT SELECT(ended_at) ON TABLE public.bookings TO omnibus_readonly;
GRANT UPDATE(network) ON TABLE public.bookings TO omnibus_app;
GRANT UPDATE(network) ON TABLE public.bookings TO omnibus_worker;
GRANT SELECT(rules_id) ON TABLE public.bookings TO omnibus_readonly;
GRANT UPDATE(locale) ON TABLE public.bookings TO omnibus_app;
GRANT SELECT(locale) ON TABLE public.bookings TO omnibus_readonly;
GRANT SELECT,INSERT ON TABLE public.bus_stops TO omnibus_app;
GRANT SELECT ON TABLE public.bus_stops TO omnibus_worker;
GRANT SELECT ON TABLE public.bus_stops TO omnibus_readonly;
GRANT UPDATE(arrives_at) ON TABLE public.bus_stops TO omnibus_app;
GRANT UPDATE(departs_at) ON TABLE public.bus_stops TO omnibus_app;
GRANT UPDATE(bay) ON TABLE public.bus_stops TO omnibus_app;
GRANT UPDATE(delay_seconds) ON TABLE public.bus_stops TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.buses TO omnibus_app;
GRANT SELECT ON TABLE public.buses TO omnibus_worker;
GRANT SELECT ON TABLE public.buses TO omnibus_readonly;
GRANT UPDATE(layout_id) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(facts) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(epoch) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(rev) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(rev) ON TABLE public.buses TO omnibus_worker;
GRANT UPDATE(status) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(departs_at) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(arrives_at) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(sales_close_seconds) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(total_seats) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(fares) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(name) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(vehicle_id) ON TABLE public.buses TO omnibus_app;
GRANT UPDATE(cancelled_at) ON TABLE public.buses TO omnibus_app;
GRANT USAGE ON SEQUENCE public.buses_bus_id_seq TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.buyer_holds TO omnibus_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.buyer_holds TO omnibus_worker;
GRANT UPDATE(seats_held) ON TABLE public.buyer_holds TO omnibus_app;
GRANT UPDATE(seats_held) ON TABLE public.buyer_holds TO omnibus_worker;
GRANT UPDATE(seats_max) ON TABLE public.buyer_holds TO omnibus_app;
GRANT UPDATE(seats_max) ON TABLE public.buyer_holds TO omnibus_worker;
GRANT UPDATE(holds_held) ON TABLE public.buyer_holds TO omnibus_app;
GRANT UPDATE(holds_held) ON TABLE public.buyer_holds TO omnibus_worker;
GRANT UPDATE(holds_max) ON TABLE public.buyer_holds TO omnibus_app;
GRANT UPDATE(holds_max) ON TABLE public.buyer_holds TO omnibus_worker;
GRANT SELECT,INSERT ON TABLE public.cash_payouts TO omnibus_app;
GRANT SELECT ON TABLE public.cash_payouts TO omnibus_worker;
GRANT SELECT ON TABLE public.cash_payouts TO omnibus_readonly;
GRANT SELECT,INSERT,DELETE ON TABLE public.claims TO omnibus_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.claims TO omnibus_worker;
GRANT SELECT(bus_id) ON TABLE public.claims TO omnibus_readonly;
GRANT SELECT(seat_no) ON TABLE public.claims TO omnibus_readonly;
GRANT SELECT(segment) ON TABLE public.claims TO omnibus_readonly;
GRANT SELECT(operator_id) ON TABLE public.claims TO omnibus_readonly;
GRANT SELECT(booking_id) ON TABLE public.claims TO omnibus_readonly;
GRANT SELECT(block_id) ON TABLE public.claims TO omnibus_readonly;
GRANT SELECT ON TABLE public.conflict_counts TO omnibus_app;
GRANT SELECT ON TABLE public.conflict_counts TO omnibus_readonly;
GRANT SELECT,INSERT,DELETE ON TABLE public.conflict_counts TO omnibus_worker;
GRANT UPDATE(conflicts) ON TABLE public.conflict_counts TO omnibus_worker;
GRANT SELECT,INSERT ON TABLE public.demo_payments TO omnibus_app;
GRANT SELECT ON TABLE public.demo_payments TO omnibus_worker;
GRANT UPDATE(status) ON TABLE public.demo_payments TO omnibus_app;
GRANT UPDATE(status) ON TABLE public.demo_payments TO omnibus_worker;
GRANT SELECT,INSERT ON TABLE public.demo_refunds TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.demo_refunds TO omnibus_worker;
GRANT SELECT,INSERT,DELETE ON TABLE public.demo_webhooks TO omnibus_app;
GRANT UPDATE(due_at) ON TABLE public.demo_webhooks TO omnibus_app;
GRANT UPDATE(attempts) ON TABLE public.demo_webhooks TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.device_codes TO omnibus_app;
GRANT DELETE ON TABLE public.device_codes TO omnibus_worker;
GRANT SELECT(expires_at) ON TABLE public.device_codes TO omnibus_worker;
GRANT UPDATE(wrong_tries) ON TABLE public.device_codes TO omnibus_app;
GRANT UPDATE(device_id) ON TABLE public.device_codes TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.devices TO omnibus_app;
GRANT SELECT(device_id) ON TABLE public.devices TO omnibus_readonly;
GRANT SELECT(operator_id) ON TABLE public.devices TO omnibus_readonly;
GRANT UPDATE(stop_id) ON TABLE public.devices TO omnibus_app;
GRANT SELECT(stop_id) ON TABLE public.devices TO omnibus_readonly;
GRANT SELECT(kind) ON TABLE public.devices TO omnibus_readonly;
GRANT UPDATE(name) ON TABLE public.devices TO omnibus_app;
GRANT SELECT(name) ON TABLE public.devices TO omnibus_readonly;
GRANT UPDATE(key_digest) ON TABLE public.devices TO omnibus_app;
GRANT UPDATE(key_issued_at) ON TABLE public.devices TO omnibus_app;
GRANT SELECT(key_issued_at) ON TABLE public.devices TO omnibus_readonly;
GRANT UPDATE(old_key_digest) ON TABLE public.devices TO omnibus_app;
GRANT UPDATE(old_key_ends_at) ON TABLE public.devices TO omnibus_app;
GRANT SELECT(old_key_ends_at) ON TABLE public.devices TO omnibus_readonly;
GRANT SELECT(paired_at) ON TABLE public.devices TO omnibus_readonly;
GRANT UPDATE(revoked_at) ON TABLE public.devices TO omnibus_app;
GRANT SELECT(revoked_at) ON TABLE public.devices TO omnibus_readonly;
GRANT UPDATE(last_seen_at) ON TABLE public.devices TO omnibus_app;
GRANT SELECT(last_seen_at) ON TABLE public.devices TO omnibus_readonly;
GRANT UPDATE(last_sale_at) ON TABLE public.devices TO omnibus_app;
GRANT SELECT(last_sale_at) ON TABLE public.devices TO omnibus_readonly;
GRANT UPDATE(version) ON TABLE public.devices TO omnibus_app;
GRANT SELECT(version) ON TABLE public.devices TO omnibus_readonly;
GRANT SELECT,INSERT ON TABLE public.events TO omnibus_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.events TO omnibus_worker;
GRANT SELECT ON TABLE public.events TO omnibus_readonly;
GRANT SELECT,INSERT ON TABLE public.holds TO omnibus_app;
GRANT SELECT ON TABLE public.holds TO omnibus_worker;
GRANT SELECT(bus_id) ON TABLE public.holds TO omnibus_readonly;
GRANT SELECT(operator_id) ON TABLE public.holds TO omnibus_readonly;
GRANT UPDATE(state) ON TABLE public.holds TO omnibus_app;
GRANT UPDATE(state) ON TABLE public.holds TO omnibus_worker;
GRANT SELECT(state) ON TABLE public.holds TO omnibus_readonly;
GRANT SELECT(user_id) ON TABLE public.holds TO omnibus_readonly;
GRANT UPDATE(user_id) ON TABLE public.holds TO omnibus_app;
GRANT SELECT(from_idx) ON TABLE public.holds TO omnibus_readonly;
GRANT SELECT(to_idx) ON TABLE public.holds TO omnibus_readonly;
GRANT UPDATE(seats) ON TABLE public.holds TO omnibus_app;
GRANT SELECT(seats) ON TABLE public.holds TO omnibus_readonly;
GRANT UPDATE(prices) ON TABLE public.holds TO omnibus_app;
GRANT SELECT(prices) ON TABLE public.holds TO omnibus_readonly;
GRANT SELECT(created_at) ON TABLE public.holds TO omnibus_readonly;
GRANT UPDATE(expires_at) ON TABLE public.holds TO omnibus_app;
GRANT SELECT(expires_at) ON TABLE public.holds TO omnibus_readonly;
GRANT UPDATE(ended_at) ON TABLE public.holds TO omnibus_app;
GRANT UPDATE(ended_at) ON TABLE public.holds TO omnibus_worker;
GRANT SELECT(ended_at) ON TABLE public.holds TO omnibus_readonly;
GRANT UPDATE(buyer) ON TABLE public.holds TO omnibus_app;
GRANT UPDATE(network) ON TABLE public.holds TO omnibus_app;
GRANT UPDATE(network) ON TABLE public.holds TO omnibus_worker;
GRANT UPDATE(is_extended) ON TABLE public.holds TO omnibus_app;
GRANT SELECT(is_extended) ON TABLE public.holds TO omnibus_readonly;
GRANT SELECT,INSERT ON TABLE public.house_keys TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.house_keys TO omnibus_worker;
GRANT UPDATE(retired_at) ON TABLE public.house_keys TO omnibus_app;
GRANT UPDATE(signs_at) ON TABLE public.house_keys TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.idempotency_keys TO omnibus_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.idempotency_keys TO omnibus_worker;
GRANT SELECT,INSERT ON TABLE public.imports TO omnibus_app;
GRANT SELECT,DELETE ON TABLE public.imports TO omnibus_worker;
GRANT SELECT ON TABLE public.imports TO omnibus_readonly;
GRANT UPDATE(state) ON TABLE public.imports TO omnibus_app;
GRANT UPDATE(step) ON TABLE public.imports TO omnibus_app;
GRANT UPDATE(done) ON TABLE public.imports TO omnibus_app;
GRANT UPDATE(total) ON TABLE public.imports TO omnibus_app;
GRANT UPDATE(outcome) ON TABLE public.imports TO omnibus_app;
GRANT UPDATE(beat_at) ON TABLE public.imports TO omnibus_app;
GRANT UPDATE(ended_at) ON TABLE public.imports TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.intents TO omnibus_app;
GRANT SELECT ON TABLE public.intents TO omnibus_worker;
GRANT SELECT(bus_id) ON TABLE public.intents TO omnibus_readonly;
GRANT SELECT(booking_id) ON TABLE public.intents TO omnibus_readonly;
GRANT SELECT(payment_id) ON TABLE public.intents TO omnibus_readonly;
GRANT SELECT(operator_id) ON TABLE public.intents TO omnibus_readonly;
GRANT SELECT(method) ON TABLE public.intents TO omnibus_readonly;
GRANT SELECT(amount) ON TABLE public.intents TO omnibus_readonly;
GRANT SELECT(created_at) ON TABLE public.intents TO omnibus_readonly;
GRANT UPDATE(look_at) ON TABLE public.intents TO omnibus_app;
GRANT UPDATE(look_at) ON TABLE public.intents TO omnibus_worker;
GRANT SELECT(look_at) ON TABLE public.intents TO omnibus_readonly;
GRANT UPDATE(looks) ON TABLE public.intents TO omnibus_app;
GRANT UPDATE(looks) ON TABLE public.intents TO omnibus_worker;
GRANT SELECT(looks) ON TABLE public.intents TO omnibus_readonly;
GRANT SELECT ON TABLE public.invariant_checks TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.invariant_checks TO omnibus_worker;
GRANT SELECT ON TABLE public.invariant_checks TO omnibus_readonly;
GRANT UPDATE(violations) ON TABLE public.invariant_checks TO omnibus_worker;
GRANT UPDATE(bus_ids) ON TABLE public.invariant_checks TO omnibus_worker;
GRANT UPDATE(checked_at) ON TABLE public.invariant_checks TO omnibus_worker;
GRANT SELECT ON TABLE public.job_counts TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.job_counts TO omnibus_worker;
GRANT SELECT ON TABLE public.job_counts TO omnibus_readonly;
GRANT UPDATE(tries) ON TABLE public.job_counts TO omnibus_worker;
GRANT SELECT,INSERT ON TABLE public.job_inbox TO omnibus_worker;
GRANT SELECT,INSERT ON TABLE public.jobs TO omnibus_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.jobs TO omnibus_worker;
GRANT SELECT(bus_id) ON TABLE public.jobs TO omnibus_readonly;
GRANT SELECT(booking_id) ON TABLE public.jobs TO omnibus_readonly;
GRANT SELECT(job_id) ON TABLE public.jobs TO omnibus_readonly;
GRANT SELECT(operator_id) ON TABLE public.jobs TO omnibus_readonly;
GRANT SELECT(kind) ON TABLE public.jobs TO omnibus_readonly;
GRANT UPDATE(state) ON TABLE public.jobs TO omnibus_app;
GRANT UPDATE(state) ON TABLE public.jobs TO omnibus_worker;
GRANT SELECT(state) ON TABLE public.jobs TO omnibus_readonly;
GRANT UPDATE(attempts) ON TABLE public.jobs TO omnibus_app;
GRANT UPDATE(attempts) ON TABLE public.jobs TO omnibus_worker;
GRANT SELECT(attempts) ON TABLE public.jobs TO omnibus_readonly;
GRANT UPDATE(due_at) ON TABLE public.jobs TO omnibus_app;
GRANT UPDATE(due_at) ON TABLE public.jobs TO omnibus_worker;
GRANT SELECT(due_at) ON TABLE public.jobs TO omnibus_readonly;
GRANT UPDATE(lease) ON TABLE public.jobs TO omnibus_worker;
GRANT UPDATE(leased_until) ON TABLE public.jobs TO omnibus_worker;
GRANT SELECT(leased_until) ON TABLE public.jobs TO omnibus_readonly;
GRANT SELECT(created_at) ON TABLE public.jobs TO omnibus_readonly;
GRANT UPDATE(done_at) ON TABLE public.jobs TO omnibus_app;
GRANT UPDATE(done_at) ON TABLE public.jobs TO omnibus_worker;
GRANT SELECT(done_at) ON TABLE public.jobs TO omnibus_readonly;
GRANT UPDATE(last_error) ON TABLE public.jobs TO omnibus_app;
GRANT UPDATE(last_error) ON TABLE public.jobs TO omnibus_worker;
GRANT SELECT,INSERT,DELETE ON TABLE public.layout_seats TO omnibus_app;
GRANT SELECT ON TABLE public.layout_seats TO omnibus_worker;
GRANT SELECT ON TABLE public.layout_seats TO omnibus_readonly;
GRANT SELECT,INSERT,DELETE ON TABLE public.layouts TO omnibus_app;
GRANT SELECT ON TABLE public.layouts TO omnibus_worker;
GRANT SELECT ON TABLE public.layouts TO omnibus_readonly;
GRANT USAGE ON SEQUENCE public.layouts_layout_id_seq TO omnibus_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.leg_fares TO omnibus_app;
GRANT SELECT ON TABLE public.leg_fares TO omnibus_worker;
GRANT SELECT ON TABLE public.leg_fares TO omnibus_readonly;
GRANT SELECT,INSERT,DELETE ON TABLE public.mailed_tokens TO omnibus_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.mailed_tokens TO omnibus_worker;
GRANT UPDATE(expires_at) ON TABLE public.mailed_tokens TO omnibus_app;
GRANT UPDATE(expires_at) ON TABLE public.mailed_tokens TO omnibus_worker;
GRANT UPDATE(used_at) ON TABLE public.mailed_tokens TO omnibus_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.mails TO omnibus_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.mails TO omnibus_worker;
GRANT INSERT(mail_id) ON TABLE public.mails TO omnibus_worker;
GRANT UPDATE(user_id) ON TABLE public.mails TO omnibus_app;
GRANT INSERT(user_id),UPDATE(user_id) ON TABLE public.mails TO omnibus_worker;
GRANT INSERT(template) ON TABLE public.mails TO omnibus_worker;
GRANT UPDATE(recipient) ON TABLE public.mails TO omnibus_app;
GRANT INSERT(recipient),UPDATE(recipient) ON TABLE public.mails TO omnibus_worker;
GRANT UPDATE(state) ON TABLE public.mails TO omnibus_app;
GRANT UPDATE(state) ON TABLE public.mails TO omnibus_worker;
GRANT UPDATE(attempts) ON TABLE public.mails TO omnibus_app;
GRANT UPDATE(attempts) ON TABLE public.mails TO omnibus_worker;
GRANT UPDATE(due_at) ON TABLE public.mails TO omnibus_app;
GRANT UPDATE(due_at) ON TABLE public.mails TO omnibus_worker;
GRANT UPDATE(sent_at) ON TABLE public.mails TO omnibus_app;
GRANT UPDATE(sent_at) ON TABLE public.mails TO omnibus_worker;
GRANT UPDATE(last_error) ON TABLE public.mails TO omnibus_app;
GRANT UPDATE(last_error) ON TABLE public.mails TO omnibus_worker;
GRANT UPDATE(locale) ON TABLE public.mails TO omnibus_app;
GRANT UPDATE(locale) ON TABLE public.mails TO omnibus_worker;
GRANT SELECT,INSERT ON TABLE public.operators TO omnibus_app;
GRANT SELECT ON TABLE public.operators TO omnibus_worker;
GRANT SELECT ON TABLE public.operators TO omnibus_readonly;
GRANT UPDATE(name) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(time_zone) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(seats_per_buyer) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(seats_per_address) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(seats_per_staff) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(holds_per_buyer) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(holds_per_staff) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(cooldown_seconds) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(extension_seconds) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(hold_seconds_max) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(version) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(disabled_at) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(cash_needs_shift) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(no_show_minutes) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(releases_no_shows) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(locale) ON TABLE public.operators TO omnibus_app;
GRANT UPDATE(region) ON TABLE public.operators TO omnibus_app;
GRANT USAGE ON SEQUENCE public.operators_operator_id_seq TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.pairing_tries TO omnibus_app;
GRANT DELETE ON TABLE public.pairing_tries TO omnibus_worker;
GRANT UPDATE(wrong_tries) ON TABLE public.pairing_tries TO omnibus_app;
GRANT UPDATE(since) ON TABLE public.pairing_tries TO omnibus_app;
GRANT SELECT(since) ON TABLE public.pairing_tries TO omnibus_worker;
GRANT SELECT,INSERT ON TABLE public.payments TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.payments TO omnibus_worker;
GRANT SELECT ON TABLE public.payments TO omnibus_readonly;
GRANT SELECT,INSERT ON TABLE public.postings TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.postings TO omnibus_worker;
GRANT SELECT ON TABLE public.postings TO omnibus_readonly;
GRANT SELECT,INSERT ON TABLE public.provider_events TO omnibus_app;
GRANT SELECT,DELETE ON TABLE public.provider_events TO omnibus_worker;
GRANT SELECT ON TABLE public.provider_events TO omnibus_readonly;
GRANT UPDATE(state) ON TABLE public.provider_events TO omnibus_app;
GRANT UPDATE(state) ON TABLE public.provider_events TO omnibus_worker;
GRANT UPDATE(attempts) ON TABLE public.provider_events TO omnibus_app;
GRANT UPDATE(attempts) ON TABLE public.provider_events TO omnibus_worker;
GRANT UPDATE(due_at) ON TABLE public.provider_events TO omnibus_app;
GRANT UPDATE(due_at) ON TABLE public.provider_events TO omnibus_worker;
GRANT SELECT,INSERT,DELETE ON TABLE public.recovery_codes TO omnibus_app;
GRANT UPDATE(used_at) ON TABLE public.recovery_codes TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.refresh_tokens TO omnibus_app;
GRANT DELETE ON TABLE public.refresh_tokens TO omnibus_worker;
GRANT SELECT(family) ON TABLE public.refresh_tokens TO omnibus_worker;
GRANT SELECT(family_expires_at) ON TABLE public.refresh_tokens TO omnibus_worker;
GRANT UPDATE(used_at) ON TABLE public.refresh_tokens TO omnibus_app;
GRANT UPDATE(revoked_at) ON TABLE public.refresh_tokens TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.refund_attempts TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.refund_attempts TO omnibus_worker;
GRANT SELECT ON TABLE public.refund_attempts TO omnibus_readonly;
GRANT SELECT,INSERT,DELETE ON TABLE public.refund_defaults TO omnibus_app;
GRANT SELECT ON TABLE public.refund_defaults TO omnibus_worker;
GRANT SELECT ON TABLE public.refund_defaults TO omnibus_readonly;
GRANT UPDATE(rules_id) ON TABLE public.refund_defaults TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.refund_rules TO omnibus_app;
GRANT SELECT ON TABLE public.refund_rules TO omnibus_worker;
GRANT SELECT ON TABLE public.refund_rules TO omnibus_readonly;
GRANT UPDATE(terms) ON TABLE public.refund_rules TO omnibus_app;
GRANT UPDATE(published_at) ON TABLE public.refund_rules TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.refunds TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.refunds TO omnibus_worker;
GRANT SELECT ON TABLE public.refunds TO omnibus_readonly;
GRANT SELECT,INSERT,DELETE ON TABLE public.region_servers TO omnibus_app;
GRANT SELECT ON TABLE public.region_servers TO omnibus_readonly;
GRANT UPDATE(region) ON TABLE public.region_servers TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.room_places TO omnibus_app;
GRANT DELETE ON TABLE public.room_places TO omnibus_worker;
GRANT SELECT(room_id) ON TABLE public.room_places TO omnibus_worker;
GRANT UPDATE(network) ON TABLE public.room_places TO omnibus_app;
GRANT UPDATE(place_id) ON TABLE public.room_places TO omnibus_app;
GRANT SELECT(place_id) ON TABLE public.room_places TO omnibus_worker;
GRANT UPDATE(number) ON TABLE public.room_places TO omnibus_app;
GRANT UPDATE(joined_at) ON TABLE public.room_places TO omnibus_app;
GRANT UPDATE(entered_at) ON TABLE public.room_places TO omnibus_app;
GRANT UPDATE(entered_by) ON TABLE public.room_places TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.rooms TO omnibus_app;
GRANT DELETE ON TABLE public.rooms TO omnibus_worker;
GRANT SELECT(room_id) ON TABLE public.rooms TO omnibus_worker;
GRANT SELECT(room_id) ON TABLE public.rooms TO omnibus_readonly;
GRANT SELECT(operator_id) ON TABLE public.rooms TO omnibus_readonly;
GRANT SELECT(scope) ON TABLE public.rooms TO omnibus_readonly;
GRANT SELECT(subject_id) ON TABLE public.rooms TO omnibus_readonly;
GRANT SELECT(name) ON TABLE public.rooms TO omnibus_readonly;
GRANT UPDATE(draw) ON TABLE public.rooms TO omnibus_app;
GRANT SELECT(is_auto) ON TABLE public.rooms TO omnibus_readonly;
GRANT SELECT(created_at) ON TABLE public.rooms TO omnibus_readonly;
GRANT SELECT(opens_at) ON TABLE public.rooms TO omnibus_readonly;
GRANT UPDATE(opened_at) ON TABLE public.rooms TO omnibus_app;
GRANT SELECT(opened_at) ON TABLE public.rooms TO omnibus_readonly;
GRANT UPDATE(closed_at) ON TABLE public.rooms TO omnibus_app;
GRANT SELECT(closed_at) ON TABLE public.rooms TO omnibus_worker;
GRANT SELECT(closed_at) ON TABLE public.rooms TO omnibus_readonly;
GRANT UPDATE(per_minute) ON TABLE public.rooms TO omnibus_app;
GRANT SELECT(per_minute) ON TABLE public.rooms TO omnibus_readonly;
GRANT UPDATE(pace) ON TABLE public.rooms TO omnibus_app;
GRANT SELECT(pace) ON TABLE public.rooms TO omnibus_readonly;
GRANT UPDATE(served) ON TABLE public.rooms TO omnibus_app;
GRANT SELECT(served) ON TABLE public.rooms TO omnibus_readonly;
GRANT UPDATE(served_at) ON TABLE public.rooms TO omnibus_app;
GRANT SELECT(served_at) ON TABLE public.rooms TO omnibus_readonly;
GRANT UPDATE(is_sold_out) ON TABLE public.rooms TO omnibus_app;
GRANT SELECT(is_sold_out) ON TABLE public.rooms TO omnibus_readonly;
GRANT UPDATE(joined) ON TABLE public.rooms TO omnibus_app;
GRANT SELECT(joined) ON TABLE public.rooms TO omnibus_readonly;
GRANT UPDATE(places) ON TABLE public.rooms TO omnibus_app;
GRANT SELECT(places) ON TABLE public.rooms TO omnibus_readonly;
GRANT SELECT,INSERT,DELETE ON TABLE public.route_stops TO omnibus_app;
GRANT SELECT ON TABLE public.route_stops TO omnibus_readonly;
GRANT SELECT,INSERT,DELETE ON TABLE public.routes TO omnibus_app;
GRANT SELECT ON TABLE public.routes TO omnibus_readonly;
GRANT UPDATE(name) ON TABLE public.routes TO omnibus_app;
GRANT UPDATE(version) ON TABLE public.routes TO omnibus_app;
GRANT USAGE ON SEQUENCE public.routes_route_id_seq TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.scans TO omnibus_app;
GRANT SELECT(bus_id) ON TABLE public.scans TO omnibus_readonly;
GRANT SELECT(bus_id) ON TABLE public.scans TO omnibus_worker;
GRANT SELECT(scan_id) ON TABLE public.scans TO omnibus_readonly;
GRANT SELECT(operator_id) ON TABLE public.scans TO omnibus_readonly;
GRANT SELECT(operator_id) ON TABLE public.scans TO omnibus_worker;
GRANT SELECT(device_id) ON TABLE public.scans TO omnibus_readonly;
GRANT SELECT(user_id) ON TABLE public.scans TO omnibus_readonly;
GRANT SELECT(booking_id) ON TABLE public.scans TO omnibus_readonly;
GRANT SELECT(booking_id) ON TABLE public.scans TO omnibus_worker;
GRANT SELECT(seat_no) ON TABLE public.scans TO omnibus_readonly;
GRANT SELECT(seat_no) ON TABLE public.scans TO omnibus_worker;
GRANT UPDATE(seat_no) ON TABLE public.scans TO omnibus_app;
GRANT SELECT(verdict) ON TABLE public.scans TO omnibus_readonly;
GRANT SELECT(verdict) ON TABLE public.scans TO omnibus_worker;
GRANT SELECT(is_offline) ON TABLE public.scans TO omnibus_readonly;
GRANT SELECT(scanned_at) ON TABLE public.scans TO omnibus_readonly;
GRANT SELECT(received_at) ON TABLE public.scans TO omnibus_readonly;
GRANT UPDATE(undone_at) ON TABLE public.scans TO omnibus_app;
GRANT SELECT(undone_at) ON TABLE public.scans TO omnibus_readonly;
GRANT SELECT(undone_at) ON TABLE public.scans TO omnibus_worker;
GRANT SELECT,INSERT,DELETE ON TABLE public.seats TO omnibus_app;
GRANT SELECT ON TABLE public.seats TO omnibus_worker;
GRANT SELECT ON TABLE public.seats TO omnibus_readonly;
GRANT UPDATE(states) ON TABLE public.seats TO omnibus_app;
GRANT UPDATE(states) ON TABLE public.seats TO omnibus_worker;
GRANT SELECT,INSERT,DELETE ON TABLE public.second_factors TO omnibus_app;
GRANT UPDATE(sealed_secret) ON TABLE public.second_factors TO omnibus_app;
GRANT UPDATE(begun_at) ON TABLE public.second_factors TO omnibus_app;
GRANT UPDATE(confirmed_at) ON TABLE public.second_factors TO omnibus_app;
GRANT UPDATE(last_step) ON TABLE public.second_factors TO omnibus_app;
GRANT UPDATE(failures) ON TABLE public.second_factors TO omnibus_app;
GRANT UPDATE(locked_until) ON TABLE public.second_factors TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.session_ends TO omnibus_app;
GRANT SELECT,DELETE ON TABLE public.session_ends TO omnibus_worker;
GRANT SELECT,INSERT ON TABLE public.shifts TO omnibus_app;
GRANT SELECT ON TABLE public.shifts TO omnibus_readonly;
GRANT UPDATE(closed_at) ON TABLE public.shifts TO omnibus_app;
GRANT UPDATE(closed_by) ON TABLE public.shifts TO omnibus_app;
GRANT UPDATE(sold) ON TABLE public.shifts TO omnibus_app;
GRANT UPDATE(paid_out) ON TABLE public.shifts TO omnibus_app;
GRANT UPDATE(counted) ON TABLE public.shifts TO omnibus_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.stops TO omnibus_app;
GRANT SELECT ON TABLE public.stops TO omnibus_worker;
GRANT SELECT ON TABLE public.stops TO omnibus_readonly;
GRANT UPDATE(name) ON TABLE public.stops TO omnibus_app;
GRANT UPDATE(latitude) ON TABLE public.stops TO omnibus_app;
GRANT UPDATE(longitude) ON TABLE public.stops TO omnibus_app;
GRANT UPDATE(time_zone) ON TABLE public.stops TO omnibus_app;
GRANT UPDATE(version) ON TABLE public.stops TO omnibus_app;
GRANT USAGE ON SEQUENCE public.stops_stop_id_seq TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.tickets TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.tickets TO omnibus_worker;
GRANT SELECT(bus_id) ON TABLE public.tickets TO omnibus_readonly;
GRANT SELECT(booking_id) ON TABLE public.tickets TO omnibus_readonly;
GRANT SELECT(seat_no) ON TABLE public.tickets TO omnibus_readonly;
GRANT UPDATE(seat_no) ON TABLE public.tickets TO omnibus_app;
GRANT SELECT(operator_id) ON TABLE public.tickets TO omnibus_readonly;
GRANT UPDATE(status) ON TABLE public.tickets TO omnibus_app;
GRANT SELECT(status) ON TABLE public.tickets TO omnibus_readonly;
GRANT UPDATE(status) ON TABLE public.tickets TO omnibus_worker;
GRANT SELECT(issued_at) ON TABLE public.tickets TO omnibus_readonly;
GRANT UPDATE(cancelled_at) ON TABLE public.tickets TO omnibus_app;
GRANT SELECT(cancelled_at) ON TABLE public.tickets TO omnibus_readonly;
GRANT UPDATE(cancelled_at) ON TABLE public.tickets TO omnibus_worker;
GRANT UPDATE(no_show_at) ON TABLE public.tickets TO omnibus_app;
GRANT UPDATE(no_show_at) ON TABLE public.tickets TO omnibus_worker;
GRANT SELECT(no_show_at) ON TABLE public.tickets TO omnibus_readonly;
GRANT UPDATE(moved_at) ON TABLE public.tickets TO omnibus_app;
GRANT SELECT(moved_at) ON TABLE public.tickets TO omnibus_readonly;
GRANT UPDATE(former_seats) ON TABLE public.tickets TO omnibus_app;
GRANT SELECT(former_seats) ON TABLE public.tickets TO omnibus_readonly;
GRANT SELECT,INSERT ON TABLE public.users TO omnibus_app;
GRANT SELECT(user_id) ON TABLE public.users TO omnibus_worker;
GRANT SELECT(user_id) ON TABLE public.users TO omnibus_readonly;
GRANT UPDATE(name) ON TABLE public.users TO omnibus_app;
GRANT UPDATE(email) ON TABLE public.users TO omnibus_app;
GRANT SELECT(email) ON TABLE public.users TO omnibus_worker;
GRANT UPDATE(password_hash) ON TABLE public.users TO omnibus_app;
GRANT UPDATE(role) ON TABLE public.users TO omnibus_app;
GRANT SELECT(role) ON TABLE public.users TO omnibus_readonly;
GRANT SELECT(role) ON TABLE public.users TO omnibus_worker;
GRANT UPDATE(operator_id) ON TABLE public.users TO omnibus_app;
GRANT SELECT(operator_id) ON TABLE public.users TO omnibus_readonly;
GRANT SELECT(operator_id) ON TABLE public.users TO omnibus_worker;
GRANT UPDATE(disabled_at) ON TABLE public.users TO omnibus_app;
GRANT SELECT(disabled_at) ON TABLE public.users TO omnibus_worker;
GRANT SELECT(disabled_at) ON TABLE public.users TO omnibus_readonly;
GRANT SELECT(created_at) ON TABLE public.users TO omnibus_readonly;
GRANT UPDATE(email_verified_at) ON TABLE public.users TO omnibus_app;
GRANT UPDATE(erased_at) ON TABLE public.users TO omnibus_app;
GRANT UPDATE(locale) ON TABLE public.users TO omnibus_app;
GRANT SELECT(locale) ON TABLE public.users TO omnibus_worker;
GRANT USAGE ON SEQUENCE public.users_user_id_seq TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.vehicles TO omnibus_app;
GRANT SELECT ON TABLE public.vehicles TO omnibus_readonly;
GRANT UPDATE(registration) ON TABLE public.vehicles TO omnibus_app;
GRANT UPDATE(name) ON TABLE public.vehicles TO omnibus_app;
GRANT UPDATE(is_retired) ON TABLE public.vehicles TO omnibus_app;
GRANT UPDATE(version) ON TABLE public.vehicles TO omnibus_app;
GRANT USAGE ON SEQUENCE public.vehicles_vehicle_id_seq TO omnibus_app;
GRANT SELECT ON TABLE public.webhook_attempts TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.webhook_attempts TO omnibus_worker;
GRANT SELECT(operator_id) ON TABLE public.webhook_attempts TO omnibus_readonly;
GRANT SELECT(delivery_id) ON TABLE public.webhook_attempts TO omnibus_readonly;
GRANT SELECT(attempt) ON TABLE public.webhook_attempts TO omnibus_readonly;
GRANT SELECT(began_at) ON TABLE public.webhook_attempts TO omnibus_readonly;
GRANT SELECT(duration_ms) ON TABLE public.webhook_attempts TO omnibus_readonly;
GRANT SELECT(outcome) ON TABLE public.webhook_attempts TO omnibus_readonly;
GRANT SELECT(status) ON TABLE public.webhook_attempts TO omnibus_readonly;
GRANT SELECT(error) ON TABLE public.webhook_attempts TO omnibus_readonly;
GRANT SELECT ON TABLE public.webhook_counts TO omnibus_app;
GRANT SELECT,INSERT ON TABLE public.webhook_counts TO omnibus_worker;
GRANT SELECT ON TABLE public.webhook_counts TO omnibus_readonly;
GRANT UPDATE(attempts) ON TABLE public.webhook_counts TO omnibus_worker;
GRANT SELECT,INSERT ON TABLE public.webhook_deliveries TO omnibus_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.webhook_deliveries TO omnibus_worker;
GRANT SELECT ON TABLE public.webhook_deliveries TO omnibus_readonly;
GRANT UPDATE(state) ON TABLE public.webhook_deliveries TO omnibus_app;
GRANT UPDATE(state) ON TABLE public.webhook_deliveries TO omnibus_worker;
GRANT UPDATE(attempts) ON TABLE public.webhook_deliveries TO omnibus_worker;
GRANT UPDATE(tries) ON TABLE public.webhook_deliveries TO omnibus_app;
GRANT UPDATE(tries) ON TABLE public.webhook_deliveries TO omnibus_worker;
GRANT UPDATE(due_at) ON TABLE public.webhook_deliveries TO omnibus_app;
GRANT UPDATE(due_at) ON TABLE public.webhook_deliveries TO omnibus_worker;
GRANT UPDATE(lease) ON TABLE public.webhook_deliveries TO omnibus_app;
GRANT UPDATE(lease) ON TABLE public.webhook_deliveries TO omnibus_worker;
GRANT UPDATE(done_at) ON TABLE public.webhook_deliveries TO omnibus_app;
GRANT UPDATE(done_at) ON TABLE public.webhook_deliveries TO omnibus_worker;
GRANT SELECT,INSERT ON TABLE public.webhook_endpoints TO omnibus_app;
GRANT SELECT,DELETE ON TABLE public.webhook_endpoints TO omnibus_worker;
GRANT SELECT(endpoint_id) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT SELECT(operator_id) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT UPDATE(url) ON TABLE public.webhook_endpoints TO omnibus_app;
GRANT UPDATE(description) ON TABLE public.webhook_endpoints TO omnibus_app;
GRANT SELECT(description) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT UPDATE(event_types) ON TABLE public.webhook_endpoints TO omnibus_app;
GRANT SELECT(event_types) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT SELECT(api_version) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT UPDATE(secret_no) ON TABLE public.webhook_endpoints TO omnibus_app;
GRANT SELECT(secret_no) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT UPDATE(old_secret_ends_at) ON TABLE public.webhook_endpoints TO omnibus_app;
GRANT SELECT(old_secret_ends_at) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT UPDATE(last_sequence) ON TABLE public.webhook_endpoints TO omnibus_app;
GRANT UPDATE(last_sequence) ON TABLE public.webhook_endpoints TO omnibus_worker;
GRANT SELECT(last_sequence) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT UPDATE(failing_since) ON TABLE public.webhook_endpoints TO omnibus_app;
GRANT UPDATE(failing_since) ON TABLE public.webhook_endpoints TO omnibus_worker;
GRANT SELECT(failing_since) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT UPDATE(disabled_at) ON TABLE public.webhook_endpoints TO omnibus_app;
GRANT UPDATE(disabled_at) ON TABLE public.webhook_endpoints TO omnibus_worker;
GRANT SELECT(disabled_at) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT UPDATE(disabled_because) ON TABLE public.webhook_endpoints TO omnibus_app;
GRANT UPDATE(disabled_because) ON TABLE public.webhook_endpoints TO omnibus_worker;
GRANT SELECT(disabled_because) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT SELECT(created_at) ON TABLE public.webhook_endpoints TO omnibus_readonly;
GRANT UPDATE(deleted_at) ON TABLE public.webhook_endpoints TO omnibus_app;
GRANT SELECT(deleted_at) ON TABLE public.webhook_endpoints TO omnibus_readonly;
