//! Whose report it is, and of which stretch of time: what was asked for, and what the snapshots say.

use anyhow::{Context, bail, ensure};
use messages::instrument::Asset;
use messages::{Account, StrategyId, UtcNanos, caps};
use storage::query::Range;
use storage::sql_tiers::Scope;

use crate::report::ask::Ask;
use crate::report::cells::{each, literal};
use crate::report::figures::samples::Period;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// From this time on.
    pub from: Option<UtcNanos>,
    /// Before this time.
    pub to: Option<UtcNanos>,
    /// Of this account; none where the directory has only one.
    pub account: Option<Account>,
    /// Of this strategy alone.
    pub strategy: Option<StrategyId>,
    /// How far apart samples are; none for what fits.
    pub period: Option<Period>,
}

/// Whose it is, and from its first snapshot with a value to its last.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    /// The account.
    pub account: Account,
    /// The strategy, if it is of one alone.
    pub strategy: Option<StrategyId>,
    /// What the account is valued in.
    pub currency: Asset,
    /// The first snapshot with a value.
    pub begin: UtcNanos,
    /// The last.
    pub end: UtcNanos,
    /// Snapshots.
    pub snapshots: u64,
    /// Those without a value, because an asset had no rate.
    pub unvalued: u64,
}

impl Whose {
    /// What the snapshots say of what is wanted.
    ///
    /// # Errors
    /// There is no snapshot, or more than one account or currency.
    pub fn find(ask: &dyn Ask, wanted: &Wanted) -> anyhow::Result<Self> {
        let range = Range { from: wanted.from.unwrap_or(UtcNanos::MIN), to: wanted.to.unwrap_or(UtcNanos::MAX) };
        let of = wanted.account.map_or_else(String::new, |a| format!("WHERE account = {}", literal(a.as_str())));
        let sql = format!(
            "SELECT account, currency, count(*) AS snapshots, count(portfolio_value) AS valued,
                 epoch_us(min(snapshot_time) FILTER (portfolio_value IS NOT NULL)) AS begin_us,
                 epoch_us(max(snapshot_time) FILTER (portfolio_value IS NOT NULL)) AS end_us
             FROM portfolio_snapshots {of} GROUP BY account, currency ORDER BY account, currency"
        );
        let mut found = Vec::new();
        let names = &["account", "currency", "snapshots", "valued", "begin_us", "end_us"];
        each(&ask.sql(&sql, Scope::Range(range))?, names, |row| {
            let (snapshots, valued) = (row.need::<u64>("snapshots")?, row.need::<u64>("valued")?);
            let unvalued = snapshots - valued;
            let (account, currency): (Account, Asset) = (row.need("account")?, row.need("currency")?);
            ensure!(
                valued > 0,
                "account {account}: none of {snapshots} snapshots has a value, for an asset that it holds has no rate in {currency}"
            );
            let (begin, end) = (row.instant("begin_us")?, row.instant("end_us")?);
            found.push(Self { account, strategy: wanted.strategy, currency, begin, end, snapshots, unvalued });
            Ok(())
        })?;
        match found.as_slice() {
            [only] => only.with_its_strategy(ask),
            [] => bail!(
                "there is no portfolio snapshot{}; `merganser history equity` shows what there is",
                wanted.account.map_or_else(String::new, |account| format!(" of account {account} in this range"))
            ),
            [first, others @ ..] => {
                let accounts: Vec<_> = found.iter().map(|whose| whose.account.as_str()).collect();
                ensure!(
                    others.iter().all(|other| other.account == first.account),
                    "there are snapshots of {}; give one of them as --account",
                    accounts.join(", ")
                );
                bail!(
                    "account {} was valued in more than one currency; give --from and --to of one of them",
                    first.account
                )
            }
        }
    }

    /// Refuses a strategy that the account knows nothing of, as one that was mistyped.
    fn with_its_strategy(self, ask: &dyn Ask) -> anyhow::Result<Self> {
        if let Some(strategy) = self.strategy {
            check(strategy, &self.strategies(ask)?)
                .with_context(|| format!("account {}, from {} to {}", self.account, self.begin, self.end))?;
        }
        Ok(self)
    }

    /// The strategies that have an order, a fill or a position in the report.
    fn strategies(&self, ask: &dyn Ask) -> anyhow::Result<Vec<StrategyId>> {
        let all = Self { strategy: None, ..*self };
        let (rows, [begin, end]) = (all.rows(""), [self.begin, self.end].map(UtcNanos::micros));
        let within = |time: &str| format!("{time} BETWEEN make_timestamp({begin}) AND make_timestamp({end})");
        let sql = format!(
            "SELECT strategy_id FROM orders WHERE {rows} AND {} UNION SELECT strategy_id FROM trades WHERE {}
             UNION SELECT strategy_id FROM positions WHERE {rows} AND {} ORDER BY strategy_id",
            within("created_at"),
            all.fills(""),
            within("snapshot_time")
        );
        let mut found = Vec::new();
        each(&ask.sql(&sql, self.fills_scope())?, &["strategy_id"], |row| {
            found.push(row.need("strategy_id")?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Everything between the two snapshots: what came after the first, up to the last.
    pub fn scope(&self) -> Scope {
        let microsecond = std::time::Duration::from_micros(1);
        Scope::Range(Range { from: self.begin.after(microsecond), to: self.end.after(microsecond) })
    }

    /// Where fills of the report are looked for. The tables go by the venue's time, which may lie far before the booking: a
    /// venue tells late what happened while nobody listened.
    pub fn fills_scope(&self) -> Scope {
        Scope::Range(Range {
            from: self.begin.before(caps::REPORT_LATE_FILLS),
            to: self.end.after(caps::REPORT_LATE_FILLS),
        })
    }

    /// The condition on fills: those that were booked after the first snapshot and up to the last, as positions were, which
    /// stand in the snapshots.
    pub fn fills(&self, alias: &str) -> String {
        let [begin, end] = [self.begin, self.end].map(UtcNanos::micros);
        let booked = format!("coalesce({alias}reported_at, {alias}executed_at)");
        format!("{} AND {booked} > make_timestamp({begin}) AND {booked} <= make_timestamp({end})", self.rows(alias))
    }

    /// The condition on rows of a table, with `alias.` before its columns.
    pub fn rows(&self, alias: &str) -> String {
        let account = format!("{alias}account = {}", literal(self.account.as_str()));
        match self.strategy {
            Some(strategy) => format!("{account} AND {alias}strategy_id = {}", literal(strategy.as_str())),
            None => account,
        }
    }
}

/// Refuses a strategy that is not among those.
fn check(strategy: StrategyId, known: &[StrategyId]) -> anyhow::Result<()> {
    let names: Vec<&str> = known.iter().map(StrategyId::as_str).collect();
    ensure!(
        !names.is_empty(),
        "there is no order, fill or position of any strategy; give no --strategy, or a longer range"
    );
    ensure!(
        known.contains(&strategy),
        "there is no order, fill or position of strategy {strategy}; give one of {} as --strategy",
        names.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_that_is_not_there_is_refused_with_those_that_are() {
        let [here, there, typo] = ["ema_cross", "manual", "ema_corss"].map(|name| name.parse().unwrap());
        assert!(check(here, &[here, there]).is_ok());
        let error = check(typo, &[here, there]).unwrap_err().to_string();
        assert!(error.contains("strategy ema_corss; give one of ema_cross, manual"), "{error}");
        assert!(check(typo, &[]).unwrap_err().to_string().contains("any strategy"));
    }

    #[test]
    fn fills_go_by_their_booking_and_are_looked_for_around_it() {
        let day = UtcNanos::start_of_day;
        let whose = Whose {
            account: "paper".parse().unwrap(),
            strategy: "o'x".parse().ok(),
            currency: "USD".parse().unwrap(),
            begin: day(20_000),
            end: day(20_001),
            snapshots: 2,
            unvalued: 0,
        };
        let booked = "coalesce(t.reported_at, t.executed_at)";
        assert_eq!(
            whose.fills("t."),
            format!(
                "t.account = 'paper' AND t.strategy_id = 'o''x' AND {booked} > make_timestamp(1728000000000000) AND {booked} <= make_timestamp(1728086400000000)"
            )
        );
        assert_eq!(whose.fills_scope(), Scope::Range(Range { from: day(19_993), to: day(20_008) }));
    }
}
