//! Each limit, how much of it is used, and what would trip it: what `merganser risk status` shows.
//!
//! Nothing is decided here; what is off is shown for the account alone, where somebody may expect it.

use messages::risk::{LimitName, Scope, whose};

use super::*;
use crate::orders::risk::book::Stake;
use crate::orders::risk::latch::remedy;
use crate::orders::risk::losses;
use crate::orders::risk::reconciling::Waits;

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitRow {
    /// Whom it binds: `all`, `account`, `strategy:NAME`, `symbol:EXCHANGE:SYMBOL`, or a strategy in a symbol.
    pub scope: String,
    /// Its name.
    pub name: String,
    /// Its value; `off` without one.
    pub limit: String,
    /// How much of it is used; `None` where it binds each order by itself, or a price is unknown.
    pub used: Option<String>,
    /// What would trip it.
    pub trips: String,
    /// Who changed it last, and when; `None` where the settings say it.
    pub changed: Option<String>,
}

/// Something that stands besides the limits: a latch that has fallen, an instrument that does not trade, a blackout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRow {
    /// What.
    pub what: String,
    /// Why, or since when, in words.
    pub why: String,
}

/// How risk stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskStatus {
    /// `ACTIVE`, `REDUCING` or `HALTED`.
    pub trading: String,
    /// What the account is worth, where all it holds has a price.
    pub value: Option<String>,
    /// Latches that have fallen, instruments that do not trade, blackouts that hold.
    pub stops: Vec<StatusRow>,
    /// Each limit.
    pub limits: Vec<LimitRow>,
}

/// Limits that look at one order and nothing else, and what they refuse.
const PER_ORDER: &[(LimitName, &str)] = &[
    (LimitName::MaxOrderQuantity, "an order of more"),
    (LimitName::MaxOrderNotional, "an order worth more"),
    (LimitName::PriceCollarPercent, "a limit price farther beyond the other side"),
    (LimitName::MaxPriceDistancePercent, "a price farther from the market"),
    (LimitName::MaxSizeRatio, "an order of more times the usual size"),
    (LimitName::DuplicateWindow, "the same terms again within it"),
    (LimitName::StaleQuoteAfter, "an order on an older price"),
];

impl Orders {
    /// How risk stands.
    #[must_use]
    pub fn risk_status(&self, now: UtcNanos) -> RiskStatus {
        let mut rows = Rows { orders: self, rows: Vec::new() };
        rows.orders_alone();
        rows.strategies(now);
        rows.symbols();
        rows.account(now);
        RiskStatus {
            trading: self.trading.to_string(),
            value: self.equity().map(|value| value.to_string()),
            limits: rows.rows,
            stops: self.stops(now),
        }
    }

    fn stops(&self, now: UtcNanos) -> Vec<StatusRow> {
        let latches = self.watch.latches.iter().map(|((latch, strategy), fallen)| StatusRow {
            what: format!("latch {}", whose(*latch, *strategy)),
            why: format!("fell at {}: {}; {} sets it free", fallen.at, fallen.why, remedy(*latch, *strategy)),
        });
        let statuses = self.watch.statuses.iter().filter(|(_, s)| **s != messages::risk::InstrumentStatus::Trading);
        let statuses = statuses.map(|(instrument, status)| StatusRow {
            what: format!("instrument {instrument}"),
            why: format!("{status}: its venue takes no orders"),
        });
        let blackouts = self.rulebook.current().blackouts.iter().filter(|b| b.holds(now));
        let blackouts =
            blackouts.map(|b| StatusRow { what: format!("blackout {b}"), why: "nothing new is begun".to_owned() });
        let waits = self.reconcile_status().waits.map(|waits| StatusRow {
            what: "reconciliation".to_owned(),
            why: match waits {
                Waits::Books => "our books are not held against the venue's yet: nothing new passes".to_owned(),
                Waits::Accept => "our books differ from the venue's, or it does not say what it holds: only what reduces passes until `merganser reconcile --accept --why …`".to_owned(),
            },
        });
        latches.chain(waits).chain(statuses).chain(blackouts).collect()
    }
}

struct Rows<'a> {
    orders: &'a Orders,
    rows: Vec<LimitRow>,
}

impl Rows<'_> {
    /// Adds a limit, if it is on or of the account as a whole.
    fn add(&mut self, scope: Scope, name: LimitName, limit: &str, used: Option<String>, trips: String) {
        self.add_for(&scope.to_string(), scope, name, limit, used, trips);
    }

    fn add_for(
        &mut self,
        shown: &str,
        scope: Scope,
        name: LimitName,
        limit: &str,
        used: Option<String>,
        trips: String,
    ) {
        let is_off = matches!(limit, "0" | "0s");
        if is_off && scope != Scope::Account {
            return;
        }
        let changes = self.orders.rulebook.changes();
        let changed = changes.get(&(scope, name)).or_else(|| changes.get(&(Scope::All, name)));
        let changed = changed.filter(|_| scope != Scope::Account || changes.contains_key(&(scope, name)));
        self.rows.push(LimitRow {
            scope: shown.to_owned(),
            name: name.to_string(),
            limit: if is_off { "off".to_owned() } else { limit.to_owned() },
            used,
            trips: if is_off { "nothing".to_owned() } else { trips },
            changed: changed.map(|c| format!("by {} at {}", c.by, c.at)),
        });
    }

    /// What binds each order by itself, for all and where a strategy or a symbol has its own.
    fn orders_alone(&mut self) {
        let current = self.orders.rulebook.current();
        let own = current.strategies.keys().map(|name| Scope::Strategy(*name));
        let symbols = current.symbols.keys().filter_map(|text| crate::settings::parse_instrument(text).ok());
        let scopes: Vec<Scope> = std::iter::once(Scope::All).chain(own).chain(symbols.map(Scope::Symbol)).collect();
        for scope in scopes {
            for (name, trips) in PER_ORDER {
                let value = self.orders.rulebook.value(scope, *name).unwrap_or_default();
                if scope == Scope::All || self.orders.rulebook.value(Scope::All, *name).as_ref() != Ok(&value) {
                    self.add(scope, *name, &value, None, (*trips).to_owned());
                }
            }
        }
    }

    /// What binds a strategy: its orders, and what it holds in all and in each symbol.
    fn strategies(&mut self, now: UtcNanos) {
        let orders = self.orders;
        let mut names: BTreeSet<StrategyId> = orders.book.owners().map(|(name, ..)| name).collect();
        names.extend(orders.generations.keys());
        for name in names {
            let scope = Scope::Strategy(name);
            let value = |limit| orders.rulebook.value(scope, limit).unwrap_or_default();
            let limit = value(LimitName::MaxOpenOrders);
            self.count(scope, LimitName::MaxOpenOrders, &limit, orders.book.open(name), "orders more");
            let limit = value(LimitName::MaxOrdersPerSecond);
            let rate = orders.recent.rates(name, now).0;
            self.count(scope, LimitName::MaxOrdersPerSecond, &limit, rate, "within this second");
            let stakes = || orders.book.stakes_of(name);
            let (gross, longest, shortest) = orders.sums(stakes());
            self.cash(scope, LimitName::MaxGrossExposure, &value(LimitName::MaxGrossExposure), gross);
            let net = longest.zip(shortest).map(|(long, short)| long.max(short));
            self.cash(scope, LimitName::MaxNetExposure, &value(LimitName::MaxNetExposure), net);
            let began = orders.watch.results.day_began_with(name);
            let lost = began.zip(orders.result(name)).and_then(|(began, result)| began.checked_sub(result));
            let lost = lost.map(|lost| lost.max(Cash::ZERO));
            self.cash(scope, LimitName::MaxDailyLoss, &value(LimitName::MaxDailyLoss), lost);
        }
        for (name, instrument, stake) in orders.book.owners() {
            let limits = orders.rulebook.work_out(name, instrument);
            let shown = format!("strategy:{name} symbol:{instrument}");
            let limits = [limits.max_position_quantity.to_string(), limits.max_position_notional.to_string()];
            let names = [LimitName::MaxPositionQuantity, LimitName::MaxPositionNotional];
            self.stake(&shown, Scope::Strategy(name), instrument, stake, names, limits);
        }
    }

    /// What binds all strategies together in a symbol.
    fn symbols(&mut self) {
        let orders = self.orders;
        for (instrument, stake, _) in orders.book.stakes() {
            let scope = Scope::Symbol(instrument);
            let names = [LimitName::MaxAccountPositionQuantity, LimitName::MaxAccountPositionNotional];
            let limits = names.map(|name| orders.rulebook.value(scope, name).unwrap_or_default());
            self.stake(&scope.to_string(), scope, instrument, stake, names, limits);
        }
    }

    fn stake(
        &mut self,
        shown: &str,
        scope: Scope,
        instrument: Instrument,
        stake: Stake,
        [quantity, notional]: [LimitName; 2],
        [most, worth]: [String; 2],
    ) {
        let used = stake.worst();
        let trips = "an order beyond it on the side that has most".to_owned();
        self.add_for(shown, scope, quantity, &most, Some(used.to_string()), trips);
        let value = self.orders.prices.get(instrument).and_then(Prices::mark).and_then(|mark| mark.times(used));
        let trips = left(&worth, value);
        self.add_for(shown, scope, notional, &worth, value.map(|v| v.to_string()), trips);
    }

    /// What binds the account.
    fn account(&mut self, now: UtcNanos) {
        let orders = self.orders;
        let account = *orders.rulebook.account();
        let scope = Scope::Account;
        let stakes = || orders.book.stakes().map(|(instrument, stake, _)| (instrument, stake));
        let (gross, longest, shortest) = orders.sums(stakes());
        self.cash(scope, LimitName::MaxGrossExposure, &account.max_gross_exposure.to_string(), gross);
        let net = longest.zip(shortest).map(|(long, short)| long.max(short));
        self.cash(scope, LimitName::MaxNetExposure, &account.max_net_exposure.to_string(), net);
        let equity = orders.equity();
        let leverage = gross.zip(equity).and_then(|(gross, equity)| share(gross, equity));
        let room = equity.and_then(|e| percent_of(e, account.max_leverage_percent)).zip(gross);
        let room = room.and_then(|(most, gross)| most.checked_sub(gross));
        let trips = room.map_or_else(unknown, |room| format!("{room} more of gross exposure: the buying power"));
        self.add(scope, LimitName::MaxLeveragePercent, &account.max_leverage_percent.to_string(), leverage, trips);
        let marks = orders.marks();
        let largest =
            stakes().filter_map(|(i, stake)| Some((marks.value(i, marks.sized(i, stake)?.worst())?, i))).max();
        let used = largest.zip(gross).and_then(|((value, i), gross)| Some(format!("{} ({i})", share(value, gross)?)));
        let trips = format!("a larger share of one symbol, beyond {} of gross exposure", account.concentration_above);
        let limit = account.max_concentration_percent.to_string();
        self.add(scope, LimitName::MaxConcentrationPercent, &limit, used, trips);
        let open = orders.book.open_of_all();
        self.count(scope, LimitName::MaxOpenOrders, &account.max_open_orders.to_string(), open, "orders more");
        let limit = account.max_orders_per_second.to_string();
        let rate = orders.recent.rates(StrategyId::manual(), now).1;
        self.count(scope, LimitName::MaxOrdersPerSecond, &limit, rate, "within this second");
        self.losses(equity);
        self.rejects();
    }

    fn losses(&mut self, equity: Option<Cash>) {
        let (watch, account) = (&self.orders.watch.losses, *self.orders.rulebook.account());
        for (name, from, percent, state) in [
            (LimitName::MaxDailyLossPercent, watch.day_began_with(), account.max_daily_loss_percent, account.on_loss),
            (LimitName::MaxDrawdownPercent, watch.highest(), account.max_drawdown_percent, account.on_loss),
        ] {
            let used = from.zip(equity).and_then(|(from, equity)| losses::percent(from, equity));
            let floor = from.and_then(|from| percent_of(from, 100_u32.saturating_sub(percent)));
            let trips = floor.map_or_else(unknown, |floor| format!("a value of {floor}: trading is {state} then"));
            self.add(Scope::Account, name, &percent.to_string(), used, trips);
        }
    }

    fn rejects(&mut self) {
        let account = *self.orders.rulebook.account();
        let (refused, of) = self.orders.watch.answers.of_last(account.reject_window);
        let trips = format!(
            "{} refused of the last {}: trading is {} then",
            (u64::from(account.max_reject_percent) * u64::from(account.reject_window)).div_ceil(100),
            account.reject_window,
            account.on_rejects
        );
        let limit = account.max_reject_percent.to_string();
        self.add(Scope::Account, LimitName::MaxRejectPercent, &limit, Some(format!("{refused} of {of}")), trips);
    }

    fn count(&mut self, scope: Scope, name: LimitName, limit: &str, used: usize, what: &str) {
        let most: usize = limit.parse().unwrap_or_default();
        let trips = format!("{} {what}", (most.saturating_sub(used)).saturating_add(1));
        self.add(scope, name, limit, Some(used.to_string()), trips);
    }

    fn cash(&mut self, scope: Scope, name: LimitName, limit: &str, used: Option<Cash>) {
        self.add(scope, name, limit, used.map(|used| used.to_string()), left(limit, used));
    }
}

impl Orders {
    /// What stakes come to: gross, and net at either end, each positive in its own direction.
    fn sums(
        &self,
        stakes: impl Iterator<Item = (Instrument, Stake)> + Clone,
    ) -> (Option<Cash>, Option<Cash>, Option<Cash>) {
        let marks = self.marks();
        let sum = |quantity: fn(&Stake) -> Quantity| {
            stakes.clone().try_fold(Cash::ZERO, |sum, (i, stake)| {
                sum.checked_add(marks.value(i, quantity(&marks.sized(i, stake)?))?)
            })
        };
        (sum(Stake::worst), sum(Stake::longest), sum(|stake| -stake.shortest()))
    }
}

fn unknown() -> String {
    "unknown: a price or a rate is missing".to_owned()
}

fn left(limit: &str, used: Option<Cash>) -> String {
    let left = limit.parse::<Cash>().ok().zip(used).and_then(|(limit, used)| limit.checked_sub(used));
    left.map_or_else(unknown, |left| format!("more than {} more", left.max(Cash::ZERO)))
}

fn percent_of(value: Cash, percent: u32) -> Option<Cash> {
    value.per_million(i64::from(percent) * 10_000)
}

/// A share in percent, for people, rounded down to hundredths.
fn share(part: Cash, whole: Cash) -> Option<String> {
    let hundredths = part.raw().checked_mul(10_000)?.checked_div(whole.raw()).filter(|_| whole.is_positive())?;
    Some(format!("{}.{:02} %", hundredths / 100, hundredths % 100))
}
