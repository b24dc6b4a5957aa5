//! The plan of a run: what is due, from who owns what and from the limits. Pure: nothing is moved here.

use std::collections::BTreeMap;

use messages::UtcNanos;
use serde::{Deserialize, Serialize};

use crate::settings::{AtEnd, Limits, Tiers};
use crate::tiers::tables::{Moves, TABLES};
use crate::tiers::{Manifest, Period, Table, Tier};

/// Something that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The table.
    pub table: String,
    /// The day or month.
    pub period: String,
    /// Which part of it.
    pub part: u32,
    /// What is to be done.
    pub action: Action,
    /// Rows, where they are counted.
    pub rows: Option<u64>,
    /// Bytes of the files as they are; unknown of rows that are on disk.
    pub bytes: Option<u64>,
    /// Files that are there.
    pub files: usize,
}

/// What is to be done with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Its day is over: it is sorted, and takes no more rows.
    Seal,
    /// It gets another owner.
    Move {
        /// Its owner.
        from: Tier,
        /// The next.
        to: Tier,
    },
    /// It has reached the end of its table's life.
    Delete {
        /// Its owner.
        from: Tier,
    },
}

/// Rows of a period in a table on disk that holds many periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnDisk {
    /// How many may move.
    pub rows: u64,
    /// False while an order of the period has not ended.
    pub is_ready: bool,
}

/// The rows on disk, by table and period.
pub type DiskRows = BTreeMap<(&'static str, Period), OnDisk>;

/// Where a part belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a tier.
    In(Tier),
    /// Its table's life has ended for it.
    Gone,
}

/// Where a period belongs at `now`.
pub(crate) fn place(limits: &Limits, period: Period, now: UtcNanos) -> Place {
    let within = |age: crate::settings::Age| age.holds(now.since(period.end()));
    if within(limits.disk) {
        return Place::In(Tier::Disk);
    }
    let has_warm = limits.warm > limits.disk;
    let has_cold = limits.cold > limits.warm.max(limits.disk);
    if has_warm && within(limits.warm) {
        return Place::In(Tier::Warm);
    }
    if has_cold && within(limits.cold) {
        return Place::In(Tier::Cold);
    }
    match limits.at_end {
        AtEnd::Delete => Place::Gone,
        AtEnd::Keep if has_cold => Place::In(Tier::Cold),
        AtEnd::Keep if has_warm => Place::In(Tier::Warm),
        AtEnd::Keep => Place::In(Tier::Disk),
    }
}

/// Everything that is due at `now`, in the order in which it is to be done: tables that refer to orders first, the
/// oldest period first.
#[must_use]
pub fn plan(settings: &Tiers, manifest: &Manifest, on_disk: &DiskRows, now: UtcNanos) -> Vec<Step> {
    let mut steps = Vec::new();
    for table in TABLES {
        let limits = settings.limits(table.name);
        for part in parts(table, manifest, on_disk) {
            let action = match (part.owner, place(limits, part.period, now)) {
                (from, Place::Gone) => Some(Action::Delete { from }),
                (from, Place::In(to)) if to > from => Some(Action::Move { from, to }),
                _ => None,
            };
            let is_over = part.period.end() <= now && !part.is_sealed;
            if table.moves == Moves::Whole && part.owner == Tier::Disk && is_over {
                steps.push(part.step(table, Action::Seal));
            }
            if let Some(action) = action.filter(|_| part.is_ready) {
                steps.push(part.step(table, action));
            }
        }
    }
    steps
}

/// A part with its one owner.
struct Part {
    period: Period,
    number: u32,
    owner: Tier,
    is_sealed: bool,
    is_ready: bool,
    rows: Option<u64>,
    bytes: Option<u64>,
    files: usize,
}

impl Part {
    fn step(&self, table: &Table, action: Action) -> Step {
        Step {
            table: table.name.to_owned(),
            period: self.period.to_string(),
            part: self.number,
            action,
            rows: self.rows,
            bytes: self.bytes,
            files: self.files,
        }
    }
}

fn parts(table: &'static Table, manifest: &Manifest, on_disk: &DiskRows) -> Vec<Part> {
    let mut found = BTreeMap::<(Period, u32), Part>::new();
    for piece in manifest.of_table(table.name) {
        let Ok(period) = piece.period.parse::<Period>() else { continue };
        if table.moves != Moves::Whole && piece.tier == Tier::Disk {
            // Its rows are counted with the others of the table.
            continue;
        }
        let is_file = piece.content.is_some();
        let part = found.entry((period, piece.part)).or_insert(Part {
            period,
            number: piece.part,
            owner: piece.tier,
            is_sealed: true,
            is_ready: true,
            rows: is_file.then_some(0),
            bytes: is_file.then_some(0),
            files: 0,
        });
        part.is_sealed &= piece.sealed;
        if let Some(content) = &piece.content {
            part.rows = part.rows.map(|rows| rows + content.rows);
            part.bytes = part.bytes.map(|bytes| bytes + content.bytes);
            part.files += 1;
        }
    }
    for ((_, period), rows) in on_disk.iter().filter(|((name, _), rows)| *name == table.name && rows.rows > 0) {
        let text = period.to_string();
        let open = manifest.of_period(table.name, &text).iter().find(|p| p.tier == Tier::Disk).map(|p| p.part);
        let number = open.unwrap_or_else(|| manifest.next_part(table.name, &text));
        let part = Part {
            period: *period,
            number,
            owner: Tier::Disk,
            is_sealed: false,
            is_ready: rows.is_ready,
            rows: Some(rows.rows),
            bytes: None,
            files: 0,
        };
        found.insert((*period, number), part);
    }
    found.into_values().collect()
}
