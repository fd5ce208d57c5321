-- What a leg costs where the sum of its segments is not meant: adult fare from one stop of a bus to another.

CREATE TABLE leg_fares (
    bus_id bigint NOT NULL,
    from_idx smallint NOT NULL,
    to_idx smallint NOT NULL,
    operator_id integer NOT NULL,
    -- Ten times as much (the dearest class) still is a price that fits where prices are kept.
    amount integer NOT NULL CHECK (amount BETWEEN 0 AND 100000000),
    PRIMARY KEY (bus_id, from_idx, to_idx),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id),
    FOREIGN KEY (bus_id, from_idx) REFERENCES bus_stops (bus_id, idx),
    FOREIGN KEY (bus_id, to_idx) REFERENCES bus_stops (bus_id, idx),
    CONSTRAINT leg_fares_leg CHECK (from_idx < to_idx)
);

-- Fares are replaced as a whole, never changed one by one; what was sold keeps its own price.
GRANT SELECT, INSERT, DELETE ON leg_fares TO omnibus_app;

ALTER TABLE leg_fares ENABLE ROW LEVEL SECURITY;
ALTER TABLE leg_fares FORCE ROW LEVEL SECURITY;
CREATE POLICY leg_fares_read ON leg_fares FOR SELECT USING (true);
CREATE POLICY leg_fares_add ON leg_fares FOR INSERT
WITH CHECK (operator_id = any((SELECT operators_in_scope())::integer[]));
CREATE POLICY leg_fares_remove ON leg_fares FOR DELETE
USING (operator_id = any((SELECT operators_in_scope())::integer[]));
