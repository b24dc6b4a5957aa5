//! Where rows came from that were brought over: a slice of a table of another database.
//!
//! It stands with each piece of the slice, so that a slice is known to be done by what the manifest owns, and by nothing
//! else.

use messages::UtcNanos;
use serde::{Deserialize, Serialize};

/// A slice of a table of another database. Its range is half open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The table, with its schema.
    pub from: String,
    /// Its first instant, in microseconds.
    pub start: i64,
    /// The first instant behind it, in microseconds.
    pub end: i64,
    /// Rows of it that did not fit, and are not here.
    pub refused: u64,
}

impl Origin {
    /// True if it is of this table and holds all of the range.
    #[must_use]
    pub fn covers(&self, from: &str, start: UtcNanos, end: UtcNanos) -> bool {
        self.from == from && self.start <= start.micros() && end.micros() <= self.end
    }

    /// True if it is of this table and holds some of the range.
    #[must_use]
    pub fn overlaps(&self, from: &str, start: UtcNanos, end: UtcNanos) -> bool {
        self.from == from && self.start < end.micros() && start.micros() < self.end
    }

    /// The first instant behind it.
    #[must_use]
    pub fn end(&self) -> UtcNanos {
        UtcNanos(self.end.saturating_mul(1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_half_open() {
        let at = |micros: i64| UtcNanos(micros * 1_000);
        let origin = Origin { from: "public.t".to_owned(), start: 10, end: 20, refused: 0 };
        assert!(origin.covers("public.t", at(10), at(20)) && origin.covers("public.t", at(12), at(13)));
        assert!(!origin.covers("public.t", at(10), at(21)) && !origin.covers("public.u", at(10), at(20)));
        assert!(origin.overlaps("public.t", at(19), at(30)) && origin.overlaps("public.t", at(0), at(11)));
        assert!(!origin.overlaps("public.t", at(20), at(30)) && !origin.overlaps("public.t", at(0), at(10)));
    }
}
