-- name: find_own
-- Everybody may read an operator's row, but row security lets it be locked only in the operator's own scope.
SELECT o.operator_id FROM operators AS o WHERE o.operator_id = $1 FOR KEY SHARE OF o;
