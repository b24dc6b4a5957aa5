//! Questions to one tier: the ticks of one instrument in five minutes, of an instrument and a time by chance.
//! Hot ones are of the last minutes, the others of a day that the tier owns. Whether that tier gave the answer is
//! counted, for a question that fell through to another one measures that one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use actors::feeds::simulated::SplitMix64;
use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use messages::{Instrument, UtcNanos};
use storage::query::{Page, Query, Range, Source, Tier};
use storage::service::Database;
use storage::tiers::Period;

use super::super::Figure;
use super::super::ingest::now;

/// How much a question asks for.
const STRETCH: Duration = Duration::from_secs(300);
/// The rows that an answer holds at most, the newest: as much as a chart or a strategy looks back.
const ROWS: u32 = 1_000;
/// How long ago a hot question ends at most.
const LATELY: Duration = Duration::from_secs(120);

/// What can be asked.
pub struct Questions {
    pub database: Database,
    instruments: Vec<Instrument>,
    days: BTreeMap<Tier, Vec<UtcNanos>>,
}

/// What was found, in microseconds.
pub struct Seen {
    took: Histogram<u64>,
    rows: u64,
    /// Answers that came from another tier.
    pub elsewhere: u64,
    pub errors: Vec<String>,
}

impl Questions {
    /// To a database whose archive has run.
    pub fn new(database: Database, instruments: Vec<Instrument>) -> anyhow::Result<Self> {
        let manifest = database.stores().context("the database is not open")?.manifest.newest();
        let mut days = BTreeMap::<Tier, BTreeSet<UtcNanos>>::new();
        let hot_from = database.hot_window().map_or(UtcNanos::MAX, |window| window.from);
        // The open part is today's, and of yesterday memory holds a part and would answer for the disk.
        for piece in manifest.of_table("market_ticks").filter(|piece| piece.sealed) {
            let period = piece.period.parse::<Period>()?;
            if period.end() <= hot_from {
                days.entry(piece.tier).or_default().insert(period.start());
            }
        }
        let days = days.into_iter().map(|(tier, days)| (tier, days.into_iter().collect())).collect();
        Ok(Self { database, instruments, days })
    }

    /// The days of a tier, the earliest first.
    pub fn days(&self, tier: Tier) -> &[UtcNanos] {
        self.days.get(&tier).map_or(&[], Vec::as_slice)
    }

    /// True where there is something to ask a tier for.
    pub fn has(&self, tier: Tier) -> bool {
        if tier == Tier::Hot { self.database.hot_window().is_some() } else { !self.days(tier).is_empty() }
    }

    /// A question to a tier.
    pub fn any(&self, tier: Tier, chance: &mut SplitMix64) -> anyhow::Result<Query> {
        let instrument = *pick(&self.instruments, chance)?;
        if tier == Tier::Hot {
            let newest = self.database.hot_window().context("the hot tier is empty")?.to;
            return Ok(question(instrument, newest.before(LATELY.mul_f64(chance.below(1_000) as f64 / 1e3))));
        }
        Ok(in_day(instrument, *pick(self.days(tier), chance)?, chance))
    }

    /// Questions to a tier of which no two are of the same file.
    pub fn distinct(&self, tier: Tier, most: usize, chance: &mut SplitMix64) -> Vec<Query> {
        let days = self.days(tier).iter();
        let mut all: Vec<_> = days.flat_map(|day| self.instruments.iter().map(|of| (*of, *day))).collect();
        let most = most.min(all.len());
        for n in 0..most {
            let other = n + chance.below((all.len() - n) as u64) as usize;
            all.swap(n, other);
        }
        all[..most].iter().map(|(of, day)| in_day(*of, *day, chance)).collect()
    }

    /// Asks one question that was due at an instant.
    pub fn ask(
        &self,
        source: &dyn Source,
        tier: Tier,
        query: &Query,
        due: Instant,
        seen: &mut Seen,
    ) -> anyhow::Result<()> {
        match source.ask(query) {
            Ok(answer) => {
                let took = due.elapsed().as_micros() as u64;
                // Not `saturating_record`: a histogram that grows saturates at where it began.
                seen.took.record(took)?;
                // Empty where no piece can hold anything of the range: no tier was asked.
                let by_tier = answer.explain.rows_by_tier;
                seen.rows += by_tier.values().sum::<u64>();
                seen.elsewhere += u64::from(!by_tier.is_empty() && !by_tier.contains_key(&tier));
            }
            Err(error) => seen.errors.push(format!("{tier}: {:#}", anyhow::Error::from(error))),
        }
        Ok(())
    }

    /// Asks one question after the other, with nothing beside.
    pub fn alone(&self, tier: Tier, queries: &[Query]) -> anyhow::Result<Seen> {
        let source = self.database.source().context("the database is not open")?;
        let mut seen = Seen::new()?;
        for query in queries {
            self.ask(&*source, tier, query, now(), &mut seen)?;
        }
        ensure!(seen.errors.is_empty(), "a question failed: {}", seen.errors[0]);
        Ok(seen)
    }

    /// How many files of the table were not looked at for a whole day of one instrument, in percent of all.
    pub fn pruned(&self, tier: Tier, chance: &mut SplitMix64) -> anyhow::Result<Option<f64>> {
        if !self.has(tier) {
            return Ok(None);
        }
        let (instrument, from) = (*pick(&self.instruments, chance)?, *pick(self.days(tier), chance)?);
        let range = Range { from, to: from.after(Duration::from_secs(86_400)) };
        let query = Query::Ticks { instrument, range, page: Page::Oldest(u32::MAX - 1) };
        let explain = self.database.source().context("the database is not open")?.ask(&query)?.explain;
        Ok(Some(explain.files_pruned as f64 * 100.0 / explain.files_total as f64))
    }
}

impl Seen {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { took: Histogram::new(3)?, rows: 0, elsewhere: 0, errors: Vec::new() })
    }

    pub fn merge(&mut self, other: Self) -> anyhow::Result<()> {
        self.took.add(other.took)?;
        self.rows += other.rows;
        self.elsewhere += other.elsewhere;
        self.errors.extend(other.errors);
        Ok(())
    }

    pub fn answers(&self) -> u64 {
        self.took.len()
    }

    /// The median, beside a fifth of the target, the 99th percentile beside it, and the rows of an answer.
    pub fn figures(&self, [p50, p99, rows]: [&'static str; 3], target: f64) -> [Figure; 3] {
        let is_there = self.answers() > 0;
        let at = |quantile| is_there.then(|| self.took.value_at_quantile(quantile) as f64 / 1e3);
        let mean = is_there.then(|| self.rows as f64 / self.answers() as f64);
        [
            Figure { name: p50, unit: "ms", value: at(0.5), target: Some(target / 5.0) },
            Figure { name: p99, unit: "ms", value: at(0.99), target: Some(target) },
            Figure { name: rows, unit: "rows/answer", value: mean, target: None },
        ]
    }
}

fn pick<'a, T>(from: &'a [T], chance: &mut SplitMix64) -> anyhow::Result<&'a T> {
    from.get(chance.below(from.len() as u64) as usize).context("there is nothing to ask for")
}

/// Five minutes of a day.
fn in_day(instrument: Instrument, day: UtcNanos, chance: &mut SplitMix64) -> Query {
    question(instrument, day.after(Duration::from_secs(STRETCH.as_secs() + chance.below(86_400 - STRETCH.as_secs()))))
}

fn question(instrument: Instrument, to: UtcNanos) -> Query {
    let range = Range { from: to.before(STRETCH), to };
    Query::Ticks { instrument, range, page: Page::Newest(ROWS) }
}
