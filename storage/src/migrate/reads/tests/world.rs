//! The same rows for both sides: in PostgreSQL those of another program and those of the sink, in DuckDB all of them, numbered
//! as a backfill numbers them, and the ticks that were recorded before there was a sink.

use std::sync::Arc;
use std::time::Duration;

use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use messages::market::{Batch, Event, EventBody, Level, Source, Tick, TickBody};
use messages::{MarketId, Price, Size, UtcNanos};

use super::super::{Alone, Need, Postgres, Sessions};
use super::lend;
use super::rows::{MAPPING, Rows, TABLES, bars, equity, fills, hours, minutes, names, orders, positions, values};
use crate::migrate::sink;
use crate::migrate::sink::tests::directory::Written;
use crate::migrate::sink::tests::follow;
use crate::migrate::sink::tests::records::started;
use crate::postgres::tests::running::{Running, running};
use crate::postgres::{Server, Session};
use crate::query::tests::{Directory, at, instrument, limits};
use crate::query::{Answer, Query};

/// Where rows of the other program end and those of the sink begin.
pub const WATERMARK: &str = "2023-12-12 16:00:00";
/// So many ticks were recorded before there was a sink.
const ALONE: u64 = 600;
/// So many trades, and so many quotes, the other program has before the watermark.
const THEIRS: [u64; 2] = [1_280, 480];
/// From here on a backfill numbers ticks and bars.
pub const BACKFILL_IDS: u64 = 1 << 62;

/// Both sides.
pub struct World {
    /// The server, for as long as this lives.
    _running: Arc<Running>,
    pub directory: Directory,
    pub postgres: Postgres,
    pub session: Session,
}

/// A trade: its number, symbol, time, the venue's number, and revision.
pub type Trade = (u64, &'static str, UtcNanos, Option<i64>, u16);

fn tick((_, symbol, time, sequence, revision): Trade) -> Tick {
    let price = Price::from_raw(100_000_000 + sequence.unwrap_or(7) + i64::from(revision)).unwrap();
    let body = TickBody::Trade { price, size: Size::ONE, aggressor: None, conditions: Default::default() };
    Tick { instrument: instrument(symbol), time, sequence, revision, body }
}

/// Trades of the other program: two of an instant, some without a number, and one that the sink's correct.
fn theirs() -> Vec<Trade> {
    let first = at("2023-12-12").0;
    let trade = |n: u64| {
        let time = UtcNanos(first + (n / 2 * 90) as i64 * 1_000_000_000);
        (BACKFILL_IDS + n, ["A", "B/C"][(n % 3 / 2) as usize], time, (n % 14 != 1).then_some(n as i64), 0)
    };
    (0..THEIRS[0]).map(trade).collect()
}

/// Quotes of the other program, which has a table of its own for them: three of an instant at which it has trades, too.
fn quotes() -> Vec<(u64, Tick)> {
    let first = at("2023-12-12").0;
    let quote = |n: u64| {
        let level = |price: u64| Level { price: Price::from_raw(price as i64).unwrap(), size: Size::ONE };
        let (bid, ask) = (Some(level(100_000_000 + n)), Some(level(200_000_000 + n)));
        let time = UtcNanos(first + (n / 3 * 360) as i64 * 1_000_000_000);
        let body = TickBody::Quote { bid, ask };
        (BACKFILL_IDS + THEIRS[0] + n, Tick { instrument: instrument("A"), time, sequence: None, revision: 0, body })
    };
    (0..THEIRS[1]).map(quote).collect()
}

/// Trades from before there was a sink: some of an instant with one of theirs, one of a venue whose clock is ahead, and one that
/// corrects one of theirs.
fn alone() -> Vec<Trade> {
    let first = at("2023-12-12 04:00:00").0;
    let trade = |n: u64| {
        let time = UtcNanos(first + (n / 2 * 45) as i64 * 1_000_000_000);
        (n + 1, ["A", "B/C"][(n % 3 / 2) as usize], time, (n % 11 != 1).then_some(20_000 + n as i64), 0)
    };
    let mut trades: Vec<Trade> = (0..ALONE - 2).map(trade).collect();
    trades.push((ALONE - 1, "A", at("2023-12-12 16:01:00"), Some(30_000), 0));
    trades.push((ALONE, "A", at("2023-12-12 00:12:00"), Some(16), 1));
    trades
}

/// Trades of the sink: from the watermark on, and some that the venue sent late or corrected.
fn ours() -> Vec<Trade> {
    let first = at(WATERMARK).0;
    let trade = |n: u64| {
        let time = UtcNanos(first + n as i64 * 60_000_000_000);
        (n + 1, ["A", "B/C"][(n % 3 / 2) as usize], time, Some(5_000 + n as i64), 0)
    };
    let mut trades: Vec<Trade> = (0..900).map(trade).collect();
    // Late, and at the instant of one of theirs.
    trades.push((901, "A", at("2023-12-12 00:45:00"), Some(9_001), 0));
    trades.push((902, "A", at("2023-12-12 07:45:01"), None, 0));
    // One of the other program's trades, and one of the sink's own, twice.
    trades.push((903, "A", at("2023-12-12 00:03:00"), Some(3), 1));
    trades.push((904, "A", at("2023-12-12 20:00:30"), Some(5_240), 1));
    trades.push((905, "A", at("2023-12-12 20:00:30"), Some(5_240), 2));
    // One from before there was a sink.
    trades.push((906, "A", at("2023-12-12 04:03:45"), Some(20_010), 1));
    trades.iter_mut().for_each(|trade| trade.0 += ALONE);
    trades
}

impl World {
    /// `None` where PostgreSQL is not installed.
    pub fn new(name: &str) -> Option<Self> {
        let running = running()?;
        let session = running.database(name);
        let settings = running.settings_of(name, "owner");
        let directory = Directory::new();
        let mapping_file = directory.path().join("timescale.toml");
        std::fs::write(&mapping_file, MAPPING).unwrap();
        session.execute("make their tables", TABLES).unwrap();
        let world = {
            let sessions = Sessions::new(Server::new(&settings).unwrap(), 2, settings.connect_timeout);
            let postgres = Postgres::new(sessions, &settings.schema, mapping_file);
            Self { _running: running, directory, postgres, session }
        };
        let written = world.write();
        let schema = settings.schema.clone();
        let plan = sink::Plan { settings, schema, tiers: limits(), watermark: Seq(THEIRS[0] + THEIRS[1] + ALONE) };
        follow(&plan, &written.journals(), written.ends()).unwrap();
        world.directory.follow();
        world.fill();
        Some(world)
    }

    /// Writes the ledger's first record, and all ticks into the market journal, each as a record of its own: those of the
    /// other program first, which is how DuckDB gets them here, and those that it alone has; the sink begins behind them.
    fn write(&self) -> Written {
        let record = |(id, tick): (u64, Tick)| {
            let source = if id < BACKFILL_IDS { Source::Stream } else { Source::Import };
            let received = if source == Source::Import { tick.time } else { at(WATERMARK) };
            let event = Event { id: MarketId(id), body: EventBody::Tick(tick) };
            MarketRecord::Batch(Batch { source, received, events: vec![event] })
        };
        let numbered = |trade: Trade| (trade.0, tick(trade));
        let of_theirs = theirs().into_iter().map(numbered).chain(quotes());
        let market: Vec<MarketRecord> =
            of_theirs.chain(alone().into_iter().chain(ours()).map(numbered)).map(record).collect();
        let mut written = Written::new(self.directory.path(), 1 << 22);
        written.add(&[LedgerRecord::Started(started("a"))], &market);
        written
    }

    /// Rows of all else: up to number 200 of the other program, from there on ours.
    fn fill(&self) {
        self.old_ticks();
        let old = |table: &str, columns: &str, rows: &Rows, n: &str| {
            let sql = format!("INSERT INTO {table} ({columns}) SELECT {} FROM generate_series({n}) n", values(rows));
            self.session.execute("fill a table", &sql).unwrap();
        };
        let ours = |table: &str, rows: &Rows, n: &str| old(&format!("merganser.{table}"), &names(rows), rows, n);
        let duck = |table: &str, rows: &Rows, n: &str| {
            let (names, values) = (names(rows), values(rows));
            // Whole numbers are divided so in PostgreSQL.
            let values = values.replace("n / 2", "n // 2");
            self.directory.execute(&format!("INSERT INTO disk.{table} ({names}) SELECT {values} FROM range({n}) t(n)"));
        };
        let with = |rows: &Rows, id: &'static str, value: &str| {
            let mut rows = rows.clone();
            rows.push((id, value.to_owned()));
            rows
        };
        // Theirs go on behind the watermark, where nobody looks.
        let without = |rows: &Rows, names: &[&str]| -> Rows {
            let mut rows = rows.clone();
            rows.retain(|(name, _)| !names.contains(name));
            rows
        };
        let upper = |rows: &Rows| -> Rows {
            rows.iter()
                .map(
                    |(name, value)| {
                        if *name == "side" { (*name, format!("upper({value})")) } else { (*name, value.clone()) }
                    },
                )
                .collect()
        };

        let all = orders();
        let theirs = upper(&without(&all, &["exchange", "strategy_id"]));
        old(
            "old_orders",
            "id, who, ref, sym, way, kind, tif, qty, done, px, state, made, changed, corr, remark",
            &theirs,
            "0, 230",
        );
        ours("orders", &with(&all, "origin", "'manual'"), "200, 399");
        let stored = |origin: &str| {
            let rows = without(&all, &["note"]);
            let note = &all.last().unwrap().1;
            with(&rows, "metadata", &format!("struct_pack(origin := {origin}, note := {note}, risk := NULL)"))
        };
        duck("orders", &stored("NULL"), "0, 200");
        duck("orders", &stored("'manual'"), "200, 400");

        let all = fills();
        let theirs = upper(&without(&all, &["exchange", "strategy_id"]));
        old("old_fills", "id, who, order_id, sym, way, qty, px, at, exec, corr", &theirs, "0, 230");
        ours("trades", &with(&all, "as_of", "n"), "200, 399");
        duck("trades", &all, "0, 200");
        duck("trades", &with(&all, "as_of", "n"), "200, 400");

        let all = positions();
        old("old_positions", "who, sym, way, qty, cost, at", &without(&all, &["exchange", "strategy_id"]), "0, 230");
        ours("positions", &with(&all, "position_id", "n"), "200, 399");
        duck("positions", &with(&all, "position_id", "n - 4611686018427387904"), "0, 200");
        duck("positions", &with(&all, "position_id", "n"), "200, 400");

        let all = equity();
        old("old_equity", "who, at, form, cash, value, longs, shorts", &without(&all, &["currency"]), "0, 230");
        ours("portfolio_snapshots", &with(&all, "snapshot_id", "n"), "200, 399");
        duck("portfolio_snapshots", &with(&all, "snapshot_id", "n - 4611686018427387904"), "0, 200");
        duck("portfolio_snapshots", &with(&all, "snapshot_id", "n"), "200, 400");

        let all = bars();
        let theirs = without(&all, &["exchange", "timeframe", "revision", "is_complete"]);
        old("old_bars", "sym, t, o, h, l, c, v, n, k", &theirs, "1, 2200");
        ours("ohlcv_bars", &with(&all, "bar_id", "n"), "2000, 3999");
        duck("ohlcv_bars", &with(&all, "bar_id", "n + 4611686018427387904"), "1, 2000");
        duck("ohlcv_bars", &with(&all, "bar_id", "n"), "2000, 4000");

        let all = hours();
        let theirs = without(&all, &["exchange", "is_complete"]);
        old("old_lengths", "sym, len, t, o, h, l, c, v, n, k, rev", &theirs, "0, 60");
        // Number 53 opens an hour before the watermark.
        duck("ohlcv_bars", &with(&all, "bar_id", "n + 4611686018427400000"), "0, 54");
        let all = minutes();
        ours("ohlcv_bars", &with(&all, "bar_id", "n + 10000"), "0, 259");
        duck("ohlcv_bars", &with(&all, "bar_id", "n + 10000"), "0, 260");
    }

    fn old_ticks(&self) {
        let row = |trade: Trade| {
            let tick = tick(trade);
            let TickBody::Trade { price, .. } = tick.body else { unreachable!() };
            let sequence = trade.3.map_or("NULL".to_owned(), |n| n.to_string());
            format!("('{}+00', '{}', {price}, 1, {sequence})", trade.2, trade.1)
        };
        // As many again behind the watermark, and one that does not fit.
        let later = theirs().into_iter().map(|(id, symbol, time, number, revision)| {
            (id, symbol, UtcNanos(time.0 + 16 * 3_600_000_000_000), number, revision)
        });
        let rows: Vec<String> = theirs().into_iter().chain(later).map(row).collect();
        let sql = format!(
            "INSERT INTO old_trades VALUES {}, ('2023-12-12 03:00:00+00', 'A', 0.123456789, 1, 77)",
            rows.join(", ")
        );
        self.session.execute("fill a table", &sql).unwrap();
        let row = |(_, tick): (u64, Tick)| {
            let TickBody::Quote { bid: Some(bid), ask: Some(ask) } = tick.body else { unreachable!() };
            format!("('{}+00', '{}', {}, 1, {}, 1)", tick.time, tick.instrument.symbol, bid.price, ask.price)
        };
        let rows: Vec<String> = quotes().into_iter().map(row).collect();
        self.session.execute("fill a table", &format!("INSERT INTO old_quotes VALUES {}", rows.join(", "))).unwrap();
    }

    /// PostgreSQL's answer.
    pub fn there(&self, query: &Query, need: Need) -> Result<Answer, super::super::Error> {
        let watermark = at(WATERMARK);
        let (db, stores) = self.directory.connect();
        let alone = Alone::new(db, stores, watermark.after(Duration::from_mins(2)));
        lend(self.postgres.sessions())?
            .run(|session| self.postgres.answer(session, query, watermark, need, Some(&alone)))
    }
}
