//! Whose report it is, and of which stretch of time: what was asked for, and what the snapshots say.

use anyhow::{bail, ensure};
use messages::instrument::Asset;
use messages::{Account, StrategyId, UtcNanos};
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
            [only] => Ok(*only),
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

    /// Everything between the two snapshots: what came after the first, up to the last.
    pub fn scope(&self) -> Scope {
        let microsecond = std::time::Duration::from_micros(1);
        Scope::Range(Range { from: self.begin.after(microsecond), to: self.end.after(microsecond) })
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
