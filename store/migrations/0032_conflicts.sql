-- How often buyers found a seat taken, minute by minute: what is left of refusals when their answers are forgotten.
-- timeout: 1min
-- Like rooms this has no key to another table, and stays on a cluster's coordinator.

CREATE TABLE conflict_counts (
    operator_id integer NOT NULL,
    -- When the minute began.
    minute timestamptz NOT NULL CHECK (minute = date_trunc('minute', minute, 'UTC')),
    conflicts integer NOT NULL CHECK (conflicts > 0),
    CONSTRAINT conflict_counts_pkey PRIMARY KEY (operator_id, minute)
);
CREATE INDEX conflict_counts_age_idx ON conflict_counts USING brin (minute);

GRANT SELECT ON conflict_counts TO omnibus_app, omnibus_readonly;
GRANT SELECT, INSERT, DELETE, UPDATE (conflicts) ON conflict_counts TO omnibus_worker;

ALTER TABLE conflict_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE conflict_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY conflict_counts_of_operator ON conflict_counts
USING (operator_id = any((SELECT operators_in_scope())::integer[]));
