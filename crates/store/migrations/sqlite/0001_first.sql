-- One generic table of things, an append-only journal, an outbox, and three small books.
-- Times are Unix milliseconds; bodies are JSON text.

CREATE TABLE entities (
    kind       TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    state      TEXT,
    parent     TEXT,
    sort_key   BIGINT NOT NULL,
    unique_key TEXT,
    updated_ms BIGINT NOT NULL,
    body       TEXT   NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX entities_by_sort_key ON entities (kind, sort_key, id);
CREATE INDEX entities_by_state ON entities (kind, state, sort_key, id) WHERE state IS NOT NULL;
CREATE INDEX entities_by_parent ON entities (kind, parent, sort_key, id) WHERE parent IS NOT NULL;
CREATE UNIQUE INDEX entities_by_unique_key ON entities (kind, unique_key) WHERE unique_key IS NOT NULL;

-- How many rows a kind has in each state, kept by the database itself so that counting does not walk an index.
-- A row without a state counts under ''.
CREATE TABLE entity_counts (
    kind  TEXT   NOT NULL,
    state TEXT   NOT NULL,
    rows  BIGINT NOT NULL,
    PRIMARY KEY (kind, state)
) WITHOUT ROWID;
CREATE TRIGGER entities_count_insert AFTER INSERT ON entities BEGIN
    INSERT INTO entity_counts (kind, state, rows) VALUES (NEW.kind, COALESCE(NEW.state, ''), 1)
        ON CONFLICT (kind, state) DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER entities_count_delete AFTER DELETE ON entities BEGIN
    UPDATE entity_counts SET rows = rows - 1 WHERE kind = OLD.kind AND state = COALESCE(OLD.state, '');
END;
CREATE TRIGGER entities_count_move AFTER UPDATE OF state ON entities WHEN OLD.state IS NOT NEW.state BEGIN
    UPDATE entity_counts SET rows = rows - 1 WHERE kind = OLD.kind AND state = COALESCE(OLD.state, '');
    INSERT INTO entity_counts (kind, state, rows) VALUES (NEW.kind, COALESCE(NEW.state, ''), 1)
        ON CONFLICT (kind, state) DO UPDATE SET rows = rows + 1;
END;

-- `payload` holds the canonical bytes that `payload_digest` covers; payload and salt are NULL once erased.
CREATE TABLE journal (
    lane           BIGINT NOT NULL,
    seq            BIGINT NOT NULL,
    at_ms          BIGINT NOT NULL,
    type           TEXT   NOT NULL,
    actor          TEXT   NOT NULL,
    subject        TEXT   NOT NULL,
    payload_digest BLOB   NOT NULL,
    previous_link  BLOB   NOT NULL,
    link           BLOB   NOT NULL,
    payload        TEXT,
    salt           BLOB,
    PRIMARY KEY (lane, seq)
) WITHOUT ROWID;
CREATE INDEX journal_by_subject ON journal (subject, lane, seq);

-- `position` is the order of sending; `is_open` is 1 while a row still holds its place in its chat's queue.
CREATE TABLE outbox (
    position       INTEGER PRIMARY KEY,
    id             TEXT   NOT NULL UNIQUE,
    channel        TEXT   NOT NULL,
    chat           TEXT   NOT NULL,
    state          TEXT   NOT NULL,
    is_open        BIGINT NOT NULL,
    attempts       BIGINT NOT NULL,
    in_doubt       BIGINT NOT NULL,
    not_before_ms  BIGINT NOT NULL,
    lease_holder   TEXT,
    lease_epoch    BIGINT NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    created_ms     BIGINT NOT NULL,
    updated_ms     BIGINT NOT NULL,
    body           TEXT   NOT NULL,
    receipt        TEXT,
    reason         TEXT
);
CREATE INDEX outbox_open ON outbox (channel, chat, position) WHERE is_open = 1;
CREATE INDEX outbox_by_state ON outbox (state, position);

CREATE TABLE checkpoints (
    name       TEXT   NOT NULL PRIMARY KEY,
    value      TEXT   NOT NULL,
    updated_ms BIGINT NOT NULL
) WITHOUT ROWID;

-- `epoch` only grows; a released lease keeps its row.
CREATE TABLE leases (
    name       TEXT   NOT NULL PRIMARY KEY,
    holder     TEXT   NOT NULL,
    epoch      BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE sequences (
    kind TEXT   NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
) WITHOUT ROWID;
