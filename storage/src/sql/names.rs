//! Which tables and functions SQL from outside may name. Decided by reading what each function of the engine
//! does; a test says when an engine brings others.

use crate::duck::hot;

/// Schemas and databases in which the tiers keep their rows, in tables that come and go. SQL asks for the table by its
/// own name, which holds the same rows.
pub const HIDDEN: &[&str] = &[hot::DATABASE, "disk"];

/// What may stand before the name of a table: the file's database and its schema.
pub const OWN: &[&str] = &["trading", "main"];

/// Of the system's tables, those that say what tables there are, and no path or setting.
pub const SYSTEM_SCHEMA: &str = "information_schema";
pub const SYSTEM_TABLES: &[&str] = &["tables", "columns"];

/// How names of the system's tables begin that are found without a schema: they show paths, settings, and views' texts.
pub const SYSTEM_PREFIXES: &[&str] = &["duckdb_", "pragma_", "sqlite_", "pg_"];

/// Functions that may stand where a table does. All others read files, show settings, or change something.
pub const TABLE_FUNCTIONS: &[&str] = &[
    "range",
    "generate_series",
    "unnest",
    "repeat",
    "repeat_row",
    "json_each",
    "json_tree",
    "duckdb_functions",
    "duckdb_keywords",
    "duckdb_types",
    "pragma_version",
];

/// Functions that may not be called.
pub const FUNCTIONS: &[&str] = &[
    // Environment, settings, secrets, and texts of views, which hold paths.
    "getenv",
    "current_setting",
    "which_secret",
    "pg_get_viewdef",
    "get_block_size",
    // SQL within SQL, which nobody has looked at: planning it already opens files.
    "query",
    "query_table",
    "json_serialize_plan",
    "json_execute_serialized_sql",
    // They change a sequence, a session or a log.
    "nextval",
    "currval",
    "setval",
    "setseed",
    "write_log",
    // They hold a reader and do nothing.
    "sleep_ms",
    "pg_sleep",
    // The engine's own, which take their bytes for what it wrote itself.
    "finalize",
    "combine",
    "combine_aggr",
    "to_aggregate_state",
    "variant_bytes_to_variant",
    "variant_to_parquet_variant",
    "index_key",
    "vector_type",
];

/// Functions that make a value as large as one of their arguments says, and which argument that is; all of them where
/// none is named. No bound of DuckDB holds for one value: `range(1000000000)` in a SELECT took 20 GB, and heard no
/// interrupt for 78 s.
pub const SIZED: &[(&str, &[usize])] = &[
    ("range", &[]),
    ("generate_series", &[]),
    ("repeat", &[1]),
    ("lpad", &[1]),
    ("rpad", &[1]),
    ("list_resize", &[1]),
    ("array_resize", &[1]),
    ("bar", &[3]),
    ("bitstring", &[1]),
    ("to_base", &[2]),
    ("equi_width_bins", &[2]),
];

/// Functions whose first argument says how wide they write.
pub const FORMATS: &[&str] = &["format", "printf"];

/// How large all such values of a statement may be, multiplied: DuckDB makes 2,048 of them at a time, of 8 bytes and more.
pub const LARGEST: u64 = 100_000;

/// How names of functions begin that only the engine itself calls.
pub const FUNCTION_PREFIX: &str = "__internal_";
