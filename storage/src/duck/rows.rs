//! Rows: what the records of both journals become in the tables.
//!
//! Gathers a batch of records. What a table keeps once per key (orders, bars, gaps) is consolidated here to
//! its newest state, so that DuckDB sees one upsert per key and batch; all else is appended.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use duckdb::Connection;
use messages::instrument::Rules;
use messages::ledger::{Imported, LedgerRecord, MarketRecord, Seq};
use messages::market::{Bar, EventBody};
use messages::orders::{Order, OrderEvent, OrderUpdate};
use messages::positions::{Balance, Booked, Position, Trade};
use messages::snapshots::Portfolio;
use messages::{Instrument, OrderId, UtcNanos};

use super::Error;
use super::sheet::Sheet;
use super::ticks::TicksByDay;

mod decisions;
mod gaps;
mod spec;
mod telemetry;

pub(super) use spec::sql_type;
pub use spec::{Table, columns, prepare};

type BarKey = (Instrument, u32, UtcNanos);

/// Rows of one transaction.
pub struct Rows {
    /// Ticks, by day.
    pub ticks: TicksByDay,
    bars: BTreeMap<BarKey, Bar>,
    gaps: gaps::Gaps,
    orders: BTreeMap<OrderId, Order>,
    instruments: BTreeMap<Instrument, Rules>,
    tables: BTreeMap<&'static str, Sheet>,
    count: usize,
}

impl Rows {
    /// No rows.
    pub fn new() -> Self {
        let tables = spec::tables().map(|t| (t.name, Sheet::new(t.columns))).collect();
        Self {
            ticks: TicksByDay::default(),
            bars: BTreeMap::new(),
            gaps: gaps::Gaps::default(),
            orders: BTreeMap::new(),
            instruments: BTreeMap::new(),
            tables,
            count: 0,
        }
    }

    /// Rows so far, before consolidation.
    pub fn len(&self) -> usize {
        self.count + self.ticks.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn sheet(&mut self, table: &'static str) -> &mut Sheet {
        self.count += 1;
        self.tables.get_mut(table).expect("every table has its columns in spec")
    }

    /// Rows that may replace a row of another part, by table and the time that tells its period.
    pub fn replacing(&self) -> impl Iterator<Item = (&'static str, UtcNanos)> {
        let bars = self.bars.keys().map(|(_, _, open)| ("ohlcv_bars", *open));
        bars.chain(self.orders.values().map(|order| ("orders", order.created_at)))
    }

    /// Adds what a ledger record means for the tables.
    pub fn ledger(&mut self, seq: Seq, record: LedgerRecord) {
        match record {
            LedgerRecord::Order(update) => self.order(*update),
            LedgerRecord::Booked(booked) => self.booked(&booked),
            LedgerRecord::Deposit(balance) => self.balance(&balance),
            LedgerRecord::Snapshot(snapshot) => {
                self.portfolio(&snapshot.portfolio);
                snapshot.positions.iter().for_each(|p| self.position(p));
                snapshot.balances.iter().for_each(|b| self.balance(b));
            }
            LedgerRecord::Trading { change, at } => {
                let what = format!("trading.{}", change.state);
                self.action(seq, at, [&change.by, &what, "", &change.why]);
            }
            LedgerRecord::Action(a) => self.action(seq, a.at, [&a.by, &a.what, &a.subject, &a.why]),
            LedgerRecord::Started(s) => {
                let subject = format!("{}:{}", s.instance, s.epoch);
                self.action(seq, s.at, ["merganser", "started", &subject, s.account.as_str()]);
            }
            LedgerRecord::Stopped { at } => self.action(seq, at, ["merganser", "stopped", "", ""]),
            LedgerRecord::Checkpoint(c) => {
                let sheet = self.sheet("strategy_state");
                sheet.text(c.strategy.as_str()).int(i64::from(c.generation)).time(c.at);
                sheet.int(c.state.len() as i64).int(int(seq.0));
            }
            LedgerRecord::Instruments(rules) => self.instruments.extend(rules.into_iter().map(|r| (r.instrument, r))),
            LedgerRecord::ImportBegun(begun) => {
                let all = |what: fn(&Imported) -> &str| begun.files.iter().map(what).collect::<Vec<_>>().join(", ");
                let (contents, paths) = (all(|file| &file.content), all(|file| &file.path));
                self.action(seq, begun.at, ["merganser import", "import.begun", &contents, &paths]);
            }
            LedgerRecord::Migration(m) => {
                self.action(seq, m.at, [&m.by, &m.what, m.state.phase.as_str(), &m.why]);
            }
            LedgerRecord::Risk(r) => {
                let (what, subject) = r.event.words();
                self.action(seq, r.at, [&r.by, what, &subject, &r.why]);
            }
            LedgerRecord::Reconciled(r) => {
                let what = format!("reconcile.{}", r.outcome);
                self.action(seq, r.at, [&r.by, &what, r.cause.as_str(), &r.words()]);
            }
            LedgerRecord::Opened(opened) => {
                opened.positions.iter().for_each(|p| self.position(p));
                opened.balances.iter().for_each(|b| self.balance(b));
            }
            LedgerRecord::MarketIds { .. } => {}
        }
    }

    /// Adds what a market record means for the tables.
    pub fn market(&mut self, seq: Seq, number: i64, record: &MarketRecord) {
        match record {
            MarketRecord::Batch(batch) => {
                for event in &batch.events {
                    match &event.body {
                        EventBody::Tick(tick) => self.ticks.push(event, tick, batch.source, batch.received),
                        EventBody::Bar(bar) => self.bar(*bar),
                        EventBody::Gap(gap) => {
                            self.count += 1;
                            self.gaps.push(event.id, gap);
                        }
                        EventBody::Depth(_) => {}
                    }
                }
            }
            MarketRecord::Handled(handled) => self.decision(handled),
            MarketRecord::Restored { .. } => {}
            MarketRecord::Undecodable { feed, received, error, frame } => {
                let text = String::from_utf8_lossy(frame);
                let sheet = self.sheet("undecodable_frames");
                sheet.int(int(seq.0)).int(number).text(feed.as_str()).time(*received);
                sheet.text(error.as_str()).text(text.as_ref());
            }
        }
    }

    fn bar(&mut self, bar: Bar) {
        self.count += 1;
        let key = (bar.instrument, bar.timeframe.secs(), bar.open_time);
        match self.bars.get(&key) {
            Some(known) if known.revision > bar.revision => {}
            _ => drop(self.bars.insert(key, bar)),
        }
    }

    fn order(&mut self, update: OrderUpdate) {
        let OrderUpdate { event, order } = update;
        self.event(&event, &order);
        self.orders.insert(order.order_id, order);
    }

    fn event(&mut self, event: &OrderEvent, order: &Order) {
        let fill = event.fill.as_ref();
        let sheet = self.sheet("order_events");
        sheet.id(event.order_id.0).int(i64::from(event.number)).text(order.account.as_str());
        sheet.text(order.client_order_id.as_str());
        sheet.text(order.request.instrument.exchange.as_str()).text(order.request.instrument.symbol.as_str());
        sheet.text(order.strategy.as_str()).text(event.kind.as_str()).text(event.status.as_str());
        sheet.text(event.reason.as_ref().map(|r| r.as_str())).text(not_empty(&event.reason_text)).time(event.at);
        sheet.q(order.request.quantity).q(order.filled);
        // Of one that was undone before it was heard of nothing is known but its key.
        let known = fill.filter(|f| !f.quantity.is_zero());
        sheet.text(fill.map(|f| f.execution_id.as_str())).q(known.map(|f| f.quantity)).p(known.map(|f| f.price));
        sheet.id(order.correlation_id.0).int(int(event.as_of));
    }

    fn booked(&mut self, booked: &Booked) {
        self.trade(&booked.trade);
        self.position(&booked.position);
        booked.balances.iter().for_each(|b| self.balance(b));
    }

    fn trade(&mut self, t: &Trade) {
        let sheet = self.sheet("trades");
        sheet.id(t.trade_id.0).text(t.account.as_str()).id(t.order_id.0);
        sheet.text(t.instrument.exchange.as_str()).text(t.instrument.symbol.as_str()).text(t.side.as_str());
        sheet.q(t.quantity).p(t.price).time(t.executed_at).time(t.reported_at);
        sheet.cash(t.fee.map(|f| f.amount)).text(t.fee.as_ref().map(|f| f.asset.as_str()));
        sheet.text(t.liquidity.map(|l| l.as_str())).cash(t.realized_pnl).text(t.execution_id.as_str());
        sheet.text(t.strategy.as_str()).id(t.correlation_id.0).int(int(t.as_of));
    }

    fn position(&mut self, p: &Position) {
        let sheet = self.sheet("positions");
        sheet.int(int(p.position_id)).text(p.account.as_str());
        sheet.text(p.instrument.exchange.as_str()).text(p.instrument.symbol.as_str()).text(p.side());
        sheet.q(p.quantity.abs()).cash(p.cost_basis.abs()).p(p.average_entry()).p(p.mark_price);
        sheet.cash(p.unrealized_pnl()).cash(p.realized_pnl).time(p.opened_at).time(p.closed_at);
        sheet.time(p.at).text(p.strategy.as_str()).id(p.correlation_id.map(|c| c.0));
    }

    fn balance(&mut self, b: &Balance) {
        let sheet = self.sheet("balances");
        sheet.int(int(b.balance_id)).text(b.account.as_str()).text(b.asset.as_str()).cash(b.total).time(b.at);
    }

    fn portfolio(&mut self, p: &Portfolio) {
        let sheet = self.sheet("portfolio_snapshots");
        sheet.int(int(p.snapshot_id)).text(p.account.as_str()).text(p.currency.as_str()).time(p.at);
        sheet.text(p.kind.as_str()).cash(p.cash).cash(p.value).cash(p.total_pnl).cash(p.daily_pnl);
        sheet.cash(p.max_drawdown).p(p.leverage);
        sheet.int(i64::from(p.long_positions)).int(i64::from(p.short_positions));
    }

    fn action(&mut self, seq: Seq, at: UtcNanos, [by, what, subject, why]: [&str; 4]) {
        self.sheet("actions").int(int(seq.0)).time(at).text(by).text(what).text(subject).text(why);
    }

    /// Takes all rows out, as batches of their tables: parents before children, ticks last and each day by itself.
    pub fn take(&mut self) -> Vec<(&'static Table, RecordBatch)> {
        self.consolidate();
        self.count = 0;
        let mut batches = Vec::new();
        for table in spec::tables() {
            let sheet = self.tables.get_mut(table.name).expect("every table has its columns in spec");
            if !sheet.is_empty() {
                batches.push((table, sheet.take()));
            }
        }
        batches.extend(self.ticks.take().into_iter().map(|(_, batch)| (&spec::TICKS, batch)));
        batches
    }

    /// Writes everything but ticks, inside the caller's transaction.
    pub fn write(&mut self, db: &Connection) -> Result<(), Error> {
        self.take().into_iter().try_for_each(|(table, batch)| table.write(db, batch))
    }

    /// Moves what was gathered by key to the sheets of its tables.
    fn consolidate(&mut self) {
        let bars = std::mem::take(&mut self.bars);
        bars.values().for_each(|bar| write_bar(self.sheet("ohlcv_bars"), bar));
        let mut gaps = std::mem::take(&mut self.gaps);
        gaps.write(self.sheet("feed_gaps"));
        let orders = std::mem::take(&mut self.orders);
        for order in orders.values() {
            write_order(self.sheet("orders"), order);
            write_ids(self.sheet("order_ids"), order);
        }
        let instruments = std::mem::take(&mut self.instruments);
        instruments.values().for_each(|rules| write_rules(self.sheet("instruments"), rules));
    }
}

/// Ids are counters far below 2^63; beyond it a row says that it does not know.
fn int(value: u64) -> Option<i64> {
    i64::try_from(value).ok()
}

fn not_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Writes one bar as a row. One that is no row of a table has the number 0, and none here.
pub fn write_bar(sheet: &mut Sheet, b: &Bar) {
    sheet
        .int(int(b.bar_id.0).filter(|id| *id != 0))
        .text(b.instrument.exchange.as_str())
        .text(b.instrument.symbol.as_str());
    write_bar_after_names(sheet, b);
}

/// Writes one bar as a row of a table that holds one instrument: without its names.
pub fn write_nameless_bar(sheet: &mut Sheet, b: &Bar) {
    sheet.int(int(b.bar_id.0));
    write_bar_after_names(sheet, b);
}

fn write_bar_after_names(sheet: &mut Sheet, b: &Bar) {
    sheet.text(b.timeframe.to_string().as_str()).time(b.open_time);
    sheet.p(b.open).p(b.high).p(b.low).p(b.close).q(b.volume).cash(b.notional.to_cash());
    sheet.p(b.notional.average(b.volume)).int(int(b.trade_count)).small(b.revision).flag(b.is_complete);
}

fn write_order(sheet: &mut Sheet, o: &Order) {
    let r = &o.request;
    sheet.id(o.order_id.0).text(o.account.as_str()).text(o.client_order_id.as_str());
    sheet.text(r.instrument.exchange.as_str()).text(r.instrument.symbol.as_str());
    sheet.text(r.side.as_str()).text(r.order_type.as_str()).text(r.time_in_force.as_str());
    sheet.q(r.quantity).cash(r.quote_quantity).p(r.price).p(r.stop_price).p(r.trail_amount);
    sheet.q(o.filled).p(o.average_fill_price()).text(o.status.as_str());
    sheet.text(o.reason.as_ref().map(|r| r.as_str())).text(not_empty(&o.reason_text));
    sheet.time(o.created_at).time(o.submitted_at).time(o.updated_at).time(o.filled_at);
    sheet.cash(o.commission.map(|f| f.amount)).text(o.commission.as_ref().map(|f| f.asset.as_str()));
    sheet.id(o.correlation_id.0).text(o.strategy.as_str()).id(r.parent.map(|p| p.0));
    sheet.text(r.contingency.map(|c| c.as_str())).text(r.position_intent.map(|p| p.as_str())).int(int(o.as_of));
    let origin = if o.strategy == messages::StrategyId::manual() { "manual" } else { "strategy" };
    let refused = (o.status == messages::orders::Status::Denied).then_some(o.reason_text.as_str());
    sheet.text(origin).text(not_empty(&r.note)).text(refused);
}

fn write_ids(sheet: &mut Sheet, o: &Order) {
    for (n, attempt) in (1..).zip(&o.attempts) {
        sheet.id(o.order_id.0).int(n).text(attempt.client_order_id.as_str());
        sheet.text(attempt.venue_order_id.as_ref().map(|v| v.as_str())).time(attempt.since);
    }
}

fn write_rules(sheet: &mut Sheet, r: &Rules) {
    sheet.text(r.instrument.exchange.as_str()).text(r.instrument.symbol.as_str());
    sheet.text(r.base.as_str()).text(r.quote.as_str()).p(r.price_step).q(r.quantity_step);
    sheet.q(r.min_quantity).q(r.max_quantity).cash(r.min_notional).text(r.sessions.as_str());
}
