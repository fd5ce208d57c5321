-- One thing at a time: servers are given the function with the column that needs it.
CREATE FUNCTION folded(written text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT replace(replace(replace(replace(replace(replace(replace(replace(
        translate(
            lower(regexp_replace(normalize($1, NFKD), '[\u0300-\u036f]', '', 'g')),
            'øØłŁđĐðÐħĦıς', 'oollddddhhiσ'
        ),
        'ß', 'ss'), 'ẞ', 'ss'), 'æ', 'ae'), 'Æ', 'ae'), 'œ', 'oe'), 'Œ', 'oe'), 'þ', 'th'), 'Þ', 'th')
$$;
ALTER TABLE stops ADD COLUMN folded text NOT NULL GENERATED ALWAYS AS (folded(name)) STORED;
DROP INDEX stops_name_idx;
