//! What stands where: rows, bytes and compression by table, period and tier.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Archive, Error};
use crate::duck;

/// What stands in one tier of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The table.
    pub table: String,
    /// The day or month.
    pub period: String,
    /// The tier.
    pub tier: String,
    /// Parts.
    pub parts: u64,
    /// Files, or tables on disk.
    pub files: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes, of a table of its own on disk in whole blocks; unknown of rows in a table that holds many periods.
    pub bytes: Option<u64>,
    /// Bytes of the values in plain form; unknown of what is on disk.
    pub plain_bytes: Option<u64>,
    /// Plain bytes in one byte of the files.
    pub ratio: Option<f64>,
}

/// DuckDB's block.
const BLOCK: u64 = 256 << 10;

impl Archive<'_> {
    /// What stands where, by table, period and tier.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn status(&self) -> Result<Vec<Standing>, Error> {
        let read = || duck::Error::duck("read what stands where");
        let sql =
            "SELECT table_name, period, tier, count(DISTINCT coalesce(part, 0)), count(*), sum(\"rows\")::UBIGINT,
                sum(bytes)::UBIGINT, sum(plain_bytes)::UBIGINT, min(location)
            FROM partitions GROUP BY ALL ORDER BY ALL";
        let mut statement = self.db.prepare(sql).map_err(read())?;
        let rows = statement
            .query_map([], |row| {
                let standing = Standing {
                    table: row.get(0)?,
                    period: row.get(1)?,
                    tier: row.get(2)?,
                    parts: row.get(3)?,
                    files: row.get(4)?,
                    rows: row.get(5)?,
                    bytes: row.get(6)?,
                    plain_bytes: row.get(7)?,
                    ratio: None,
                };
                Ok((standing, row.get::<_, String>(8)?))
            })
            .map_err(read())?;
        let mut blocks = BTreeMap::new();
        let mut found = Vec::new();
        for row in rows {
            let (mut standing, location) = row.map_err(read())?;
            standing.ratio = standing.plain_bytes.zip(standing.bytes).map(|(plain, bytes)| plain as f64 / bytes as f64);
            if standing.tier == "disk" && standing.table == "market_ticks" {
                let bytes = blocks.entry(location.clone()).or_insert(self.blocks(&location)? * BLOCK);
                standing.bytes = Some(*bytes);
            }
            found.push(standing);
        }
        Ok(found)
    }

    fn blocks(&self, table: &str) -> Result<u64, Error> {
        let sql = "SELECT count(DISTINCT block_id) FROM pragma_storage_info(?) WHERE block_id >= 0";
        let count = self.db.query_row(sql, [table], |row| row.get(0));
        Ok(count.map_err(duck::Error::duck("count the blocks of a table"))?)
    }
}
