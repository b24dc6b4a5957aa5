-- Every part of every partition, with the tier that owns it: one row for each file, or table on disk. Without a key:
-- a transaction removes and inserts the same one; the one writer and doctor keep it unique.
CREATE TABLE manifest (
    table_name     VARCHAR NOT NULL,
    period         VARCHAR NOT NULL,
    part           INTEGER NOT NULL,
    slice          VARCHAR NOT NULL,
    tier           VARCHAR NOT NULL,
    location       VARCHAR NOT NULL,
    storage_class  VARCHAR,
    sealed         BOOLEAN NOT NULL,
    has_revisions  BOOLEAN NOT NULL,
    "rows"         BIGINT,
    bytes          BIGINT,
    plain_bytes    BIGINT,
    min_time       TIMESTAMP,
    max_time       TIMESTAMP,
    min_id         BIGINT,
    max_id         BIGINT,
    row_hash       VARCHAR,
    sums           VARCHAR,
    file_hash      VARCHAR,
    schema_hash    VARCHAR
);

-- Inserted, never updated: the newest is the manifest's version, and what changed it.
CREATE TABLE manifest_versions (
    version  BIGINT NOT NULL,
    what     VARCHAR NOT NULL
);

-- Which manifest-N.json files beside the cold files are this directory's.
CREATE TABLE manifest_files (
    number   BIGINT NOT NULL,
    run      UUID NOT NULL,
    version  BIGINT NOT NULL
);

-- What this file is known by beside its files in the tiers.
CREATE TABLE database_identity (id UUID NOT NULL);
INSERT INTO database_identity VALUES (uuid());

INSERT INTO manifest
    SELECT table_name, period, part, '', tier, 'disk.' || location, NULL, false, false,
           NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM partitions;
INSERT INTO manifest_versions VALUES (1, 'migrated');
DROP TABLE partitions;
