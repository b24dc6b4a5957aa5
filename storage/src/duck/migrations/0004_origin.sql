-- Of rows that were brought over from another database: its table and the slice of time that it was, as JSON.
ALTER TABLE manifest ADD COLUMN origin VARCHAR;
