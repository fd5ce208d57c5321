-- name: look_around
-- For the doctor: servers, and how the tables lie.
SELECT
    (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'citus') AS version,
    (SELECT count(*) FROM pg_dist_node AS n WHERE n.noderole = 'primary' AND n.groupid <> 0) AS workers,
    (SELECT count(*) FROM pg_dist_node AS n WHERE n.noderole = 'primary' AND NOT n.isactive) AS workers_away,
    (SELECT count(*) FROM pg_dist_partition AS p WHERE p.partmethod = 'h') AS tables,
    (SELECT count(DISTINCT p.colocationid) FROM pg_dist_partition AS p WHERE p.partmethod = 'h') AS groups_of_tables,
    current_setting('max_prepared_transactions')::integer AS prepared_max;

-- name: shard_of
SELECT get_shard_id_for_distribution_column('buses', $1::bigint) AS shard_id;

-- name: find_places
-- For the doctor: each server, its region, and how many parts of the data it holds.
SELECT n.nodename AS host, n.nodeport AS port, r.region, count(p.shardid) AS parts
FROM pg_dist_node AS n
LEFT JOIN region_servers AS r ON r.host = n.nodename AND r.port = n.nodeport
LEFT JOIN pg_dist_shard AS s ON s.logicalrelid = 'buses'::regclass
LEFT JOIN pg_dist_placement AS p ON p.shardid = s.shardid AND p.groupid = n.groupid
WHERE n.noderole = 'primary' AND n.isactive
GROUP BY n.nodename, n.nodeport, r.region
HAVING count(p.shardid) > 0 OR r.region IS NOT NULL
ORDER BY r.region NULLS LAST, n.nodename, n.nodeport;
