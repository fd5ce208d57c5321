-- One thing at a time. The function that takes numbers by region comes after it (place_by_region in distribute.sql).

CREATE TABLE region_servers (
    host text NOT NULL CHECK (host ~ '^[A-Za-z0-9._:-]{1,253}$'),
    port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
    region text NOT NULL CHECK (region ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    CONSTRAINT region_servers_pkey PRIMARY KEY (host, port)
);
GRANT SELECT ON region_servers TO omnibus_app, omnibus_readonly;
GRANT INSERT, DELETE, UPDATE (region) ON region_servers TO omnibus_app;

ALTER TABLE operators ADD COLUMN region text;
ALTER TABLE operators ADD CONSTRAINT operators_region_check CHECK (region ~ '^[a-z0-9][a-z0-9-]{0,39}$');
GRANT UPDATE (region) ON operators TO omnibus_app;

-- The number of an operator's next bus. Where a bus lies follows from its number, so a cluster has a wiser function of
-- this name: it takes numbers until one lies in the operator's region.
CREATE OR REPLACE FUNCTION next_bus_of(operator integer) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $$ SELECT nextval('buses_bus_id_seq') $$;
