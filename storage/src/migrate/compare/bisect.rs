//! From a slice that differs to its rows: the range of time is cut, what is equal on both sides is left, what differs is cut
//! again, until few enough rows are left to be laid beside each other. Pure: who looks is given.
//!
//! A range is cut into so many parts that each has some hundred rows: one look at each side takes it down by a factor of
//! up to [`MOST_PARTS`], where halves would need eight looks.

/// Rows of a range that are few enough to be laid beside each other.
pub const FEW: u64 = 1_000;
/// The same where one side has none: nothing is compared then, only read.
const FEW_OF_ONE: u64 = 50_000;
/// The most parts that a range is cut into at a time.
const MOST_PARTS: u64 = 256;

/// What a side has in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// How many rows.
    pub rows: u64,
    /// The sum of their hashes.
    pub hash: u128,
}

impl Seen {
    /// Adds a row.
    pub fn add(&mut self, hash: u128) {
        self.rows += 1;
        self.hash = self.hash.wrapping_add(hash);
    }

    fn and(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, hash: self.hash.wrapping_add(other.hash) }
    }
}

/// A range of time, half open, in microseconds, with what each side has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its first instant.
    pub from: i64,
    /// The first instant behind it.
    pub to: i64,
    /// What DuckDB has.
    pub duckdb: Seen,
    /// What PostgreSQL has.
    pub postgres: Seen,
}

impl Window {
    fn differs(&self) -> bool {
        self.duckdb != self.postgres
    }

    fn most(&self) -> u64 {
        self.duckdb.rows.max(self.postgres.rows)
    }

    /// True if its rows can be laid beside each other, or it cannot be cut further.
    fn is_small(&self) -> bool {
        let of_one = self.duckdb.rows.min(self.postgres.rows) == 0 && self.most() <= FEW_OF_ONE;
        self.most() <= FEW || of_one || self.to.saturating_sub(self.from) <= 1
    }

    /// This and the one behind it as one, if that is still small.
    fn with(&self, next: &Self) -> Option<Self> {
        let (duckdb, postgres) = (self.duckdb.and(next.duckdb), self.postgres.and(next.postgres));
        let both = Self { from: self.from, to: next.to, duckdb, postgres };
        (self.to == next.from && both.is_small()).then_some(both)
    }
}

/// Equal parts of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Its first instant.
    pub from: i64,
    /// The first instant behind it.
    pub to: i64,
    width: i64,
}

impl Cut {
    fn of(window: &Window) -> Self {
        let span = window.to.saturating_sub(window.from).max(1);
        let parts = (2 * window.most() / FEW + 1).clamp(2, MOST_PARTS) as i64;
        Self { from: window.from, to: window.to, width: (span / parts + i64::from(span % parts > 0)).max(1) }
    }

    /// How many parts.
    #[must_use]
    pub fn parts(&self) -> usize {
        let span = self.to.saturating_sub(self.from).max(1);
        (span / self.width + i64::from(span % self.width > 0)) as usize
    }

    /// The part that an instant lies in: the first or the last one where it lies outside of the range.
    #[must_use]
    pub fn part(&self, at: i64) -> usize {
        let part = at.saturating_sub(self.from).max(0) / self.width;
        (part as usize).min(self.parts() - 1)
    }

    fn windows(&self, seen: [Vec<Seen>; 2]) -> Vec<Window> {
        let [duckdb, postgres] = seen;
        let from = |part: usize| self.from.saturating_add(self.width.saturating_mul(part as i64));
        let window = |(part, (duckdb, postgres))| {
            let to = from(part + 1).min(self.to);
            Window { from: from(part), to, duckdb, postgres }
        };
        duckdb.into_iter().zip(postgres).enumerate().map(window).collect()
    }
}

/// Who looks at both sides.
pub trait Look {
    /// Why it cannot.
    type Error;

    /// What each side has in each part: DuckDB, then PostgreSQL.
    ///
    /// # Errors
    /// A side cannot be read.
    fn look(&mut self, cut: &Cut) -> Result<[Vec<Seen>; 2], Self::Error>;

    /// Lays the rows of a range beside each other. False if it has seen enough.
    ///
    /// # Errors
    /// A side cannot be read.
    fn lay(&mut self, from: i64, to: i64) -> Result<bool, Self::Error>;
}

/// Finds every small range that differs, in the order of time. False if the one who looks has seen enough before the end.
///
/// # Errors
/// A side cannot be read.
pub fn find<L: Look>(look: &mut L, whole: Window) -> Result<bool, L::Error> {
    let mut open = vec![whole];
    while let Some(window) = open.pop() {
        if !window.differs() {
            continue;
        }
        if window.is_small() {
            if !look.lay(window.from, window.to)? {
                return Ok(false);
            }
            continue;
        }
        let cut = Cut::of(&window);
        let seen = look.look(&cut)?;
        let mut parts = joined(cut.windows(seen).into_iter().filter(Window::differs));
        parts.reverse();
        open.append(&mut parts);
    }
    Ok(true)
}

/// Neighbours as one, as long as they stay small.
fn joined(windows: impl Iterator<Item = Window>) -> Vec<Window> {
    let mut joined: Vec<Window> = Vec::new();
    for window in windows {
        match joined.last().and_then(|last| last.with(&window)) {
            Some(both) => *joined.last_mut().expect("it is there") = both,
            None => joined.push(window),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// Rows of both sides: a time and what a row says.
    struct Model {
        sides: [Vec<(i64, u64)>; 2],
        found: BTreeMap<(i64, u64), i64>,
        laid: u64,
    }

    fn hash(row: &(i64, u64)) -> u128 {
        let bytes = [row.0.to_le_bytes(), row.1.to_le_bytes()].concat();
        u128::from_le_bytes(blake3::hash(&bytes).as_bytes()[..16].try_into().unwrap())
    }

    impl Look for Model {
        type Error = Infallible;

        fn look(&mut self, cut: &Cut) -> Result<[Vec<Seen>; 2], Infallible> {
            let mut seen = [vec![Seen::default(); cut.parts()], vec![Seen::default(); cut.parts()]];
            for (side, rows) in self.sides.iter().enumerate() {
                for row in rows.iter().filter(|row| (cut.from..cut.to).contains(&row.0)) {
                    seen[side][cut.part(row.0)].add(hash(row));
                }
            }
            Ok(seen)
        }

        fn lay(&mut self, from: i64, to: i64) -> Result<bool, Infallible> {
            for (rows, count) in self.sides.iter().zip([1, -1]) {
                for row in rows.iter().filter(|row| (from..to).contains(&row.0)) {
                    self.laid += 1;
                    *self.found.entry(*row).or_default() += count;
                }
            }
            Ok(true)
        }
    }

    fn seen(rows: &[(i64, u64)]) -> Seen {
        let mut seen = Seen::default();
        rows.iter().for_each(|row| seen.add(hash(row)));
        seen
    }

    /// What is found between two sides: rows and how many more of each the first has.
    fn differences(sides: [Vec<(i64, u64)>; 2]) -> (BTreeMap<(i64, u64), i64>, u64) {
        let whole = Window { from: 0, to: 86_400_000_000, duckdb: seen(&sides[0]), postgres: seen(&sides[1]) };
        let mut model = Model { sides, found: BTreeMap::new(), laid: 0 };
        find(&mut model, whole).unwrap();
        model.found.retain(|_, count| *count != 0);
        (model.found, model.laid)
    }

    /// Many rows, some of one instant, from a seed.
    fn many(count: u64, instants: i64) -> Vec<(i64, u64)> {
        (0..count).map(|n| (((n * n) as i64).wrapping_mul(7_919).rem_euclid(instants), n % 97)).collect()
    }

    #[derive(Debug, Clone)]
    enum Change {
        Remove(prop::sample::Index),
        Double(prop::sample::Index),
        Say(prop::sample::Index, u64),
        Move(prop::sample::Index, i64),
        Add(i64, u64),
    }

    fn change() -> impl Strategy<Value = Change> {
        let row = any::<prop::sample::Index>;
        prop_oneof![
            row().prop_map(Change::Remove),
            row().prop_map(Change::Double),
            (row(), 100u64..200).prop_map(|(row, says)| Change::Say(row, says)),
            (row(), 0i64..86_400_000_000).prop_map(|(row, at)| Change::Move(row, at)),
            (0i64..86_400_000_000, any::<u64>()).prop_map(|(at, says)| Change::Add(at, says)),
        ]
    }

    fn apply(rows: &mut Vec<(i64, u64)>, change: &Change) {
        match change {
            Change::Add(at, says) => rows.push((*at, *says)),
            _ if rows.is_empty() => {}
            Change::Remove(row) => drop(rows.swap_remove(row.index(rows.len()))),
            Change::Double(row) => rows.push(rows[row.index(rows.len())]),
            Change::Say(row, says) => {
                let row = row.index(rows.len());
                rows[row].1 = *says;
            }
            Change::Move(row, at) => {
                let row = row.index(rows.len());
                rows[row].0 = *at;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn exactly_the_changed_rows_are_found_whatever_they_are(
            count in 0u64..20_000,
            instants in prop_oneof![Just(1i64), Just(50), Just(86_400_000_000)],
            changes in prop::collection::vec((any::<bool>(), change()), 0..12),
        ) {
            let mut sides = [many(count, instants), many(count, instants)];
            for (first, change) in &changes {
                apply(&mut sides[usize::from(*first)], change);
            }
            let mut expected = BTreeMap::<(i64, u64), i64>::new();
            sides[0].iter().for_each(|row| *expected.entry(*row).or_default() += 1);
            sides[1].iter().for_each(|row| *expected.entry(*row).or_default() -= 1);
            expected.retain(|_, count| *count != 0);
            prop_assert_eq!(differences(sides).0, expected);
        }
    }

    #[test]
    fn an_instant_outside_of_a_range_counts_at_its_edge() {
        let cut = Cut { from: -100, to: 105, width: 10 };
        let parts = [i64::MIN, -101, -100, -91, -90, 104, 105, i64::MAX].map(|at| cut.part(at));
        assert_eq!(parts, [0, 0, 0, 0, 1, 20, 20, 20]);
    }

    #[test]
    fn few_rows_are_laid_beside_each_other_for_one_that_differs() {
        let rows = many(200_000, 86_400_000_000);
        let mut changed = rows.clone();
        changed[77_777].1 += 1;
        let (found, laid) = differences([rows, changed]);
        assert_eq!(found.len(), 2);
        assert!(laid <= 2 * FEW, "{laid} rows were laid beside each other");
    }
}
