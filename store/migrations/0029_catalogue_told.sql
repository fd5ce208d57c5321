-- Every process keeps what searches find. Whoever changes what a search may show tells all of them with the commit:
-- the application, an import, somebody at a prompt. `rev` and `epoch` are left out: sales count them up, and what they
-- change of a bus is told by its events.
CREATE FUNCTION tell_catalogue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('omnibus_bulletin', 'catalogue ' || tg_table_name);
    RETURN NULL;
END
$$;
CREATE TRIGGER buses_told
AFTER INSERT OR DELETE
OR UPDATE OF facts, name, status, departs_at, arrives_at, fares, total_seats, route_id, layout_id ON buses
FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue();
CREATE TRIGGER bus_stops_told
AFTER INSERT OR DELETE
OR UPDATE OF idx, stop_id, arrives_at, departs_at, can_board, can_alight ON bus_stops
FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue();
CREATE TRIGGER leg_fares_told AFTER INSERT OR UPDATE OR DELETE ON leg_fares
FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue();
CREATE TRIGGER routes_told AFTER UPDATE OF name ON routes
FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue();
CREATE TRIGGER stops_told
AFTER UPDATE OF name, parent_id, latitude, longitude, time_zone ON stops
FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue();
CREATE TRIGGER operators_told AFTER UPDATE OF name, disabled_at, time_zone ON operators
FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue();
