-- The open rows under one parent (what waits in one chat) must not cost a walk over all its past.
CREATE INDEX entities_by_parent_and_state ON entities (kind, parent, state, sort_key, id)
    WHERE parent IS NOT NULL AND state IS NOT NULL;
