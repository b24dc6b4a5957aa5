//! The account's snapshots in the ledger: from them a start takes what losses are counted from.

use messages::positions::Balance;
use messages::risk::Latch;
use messages::snapshots::{Portfolio, Snapshot, SnapshotType};

use super::*;

impl Bench {
    /// Money is paid in, as the ledger has it.
    fn deposit(&mut self, name: &str, amount: &str) {
        let asset: Asset = name.parse().unwrap();
        self.orders.on_deposit(asset, amount.parse().unwrap());
        let balance = Balance {
            balance_id: 1,
            account: "paper".parse().unwrap(),
            asset,
            total: self.orders.balances[&asset],
            at: self.now,
        };
        self.ledger.push(LedgerRecord::Deposit(balance));
    }

    /// The process starts anew, and then the market moves: whether a latch falls.
    fn moves_after_a_start(&mut self, price: &str, falls: bool) {
        self.step("restart");
        let said = self.market(price);
        assert_eq!(said.iter().any(|what| what == "risk.tripped"), falls, "at {price}: {said:?}");
        self.check_restored();
    }

    /// Snapshots are taken as often as the account is valued, so that nothing is forgotten between two. `due` is when it was to
    /// be valued before the delivery.
    pub(super) fn snapshot_if_valued(&mut self, due: Option<UtcNanos>) {
        let next = self.orders.watch.value_due;
        let was_valued = due.is_some() && next.is_some() && next != due;
        let Some(value) = self.orders.equity().filter(|_| was_valued) else { return };
        let portfolio = Portfolio {
            snapshot_id: self.deliveries,
            account: "paper".parse().unwrap(),
            currency: "USD".parse().unwrap(),
            at: self.now,
            kind: SnapshotType::Intraday,
            cash: None,
            value: Some(value),
            total_pnl: None,
            daily_pnl: None,
            max_drawdown: None,
            leverage: None,
            long_positions: 0,
            short_positions: 0,
        };
        let snapshot = Snapshot { portfolio, positions: Vec::new(), balances: Vec::new() };
        self.ledger.push(LedgerRecord::Snapshot(Box::new(snapshot)));
    }
}

#[test]
fn a_loss_is_counted_from_the_same_value_over_any_start() {
    let mut bench = Bench::new();
    bench.deposit("USD", "1000");
    bench.limit_account(LimitName::MaxDailyLossPercent, "5");
    bench.market("100");
    bench.step("submit 1 buy 10 @ 100");
    bench.step("venue 1 fill x 10 of 10");
    // A fee of 1 was paid: 959, and 950 of 1000.
    bench.moves_after_a_start("96", false);
    bench.moves_after_a_start("95.1", true);
    bench.change(RiskAct::Reset { latch: Latch::DailyLoss, strategy: None }).unwrap();
    bench.check_restored();
    // 903, and 902 of the 950 at the reset.
    bench.moves_after_a_start("90.4", false);
    bench.moves_after_a_start("90.3", true);
}
