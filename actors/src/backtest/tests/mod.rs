//! The real driver with strategies of the tests' own.

mod lookahead;
mod rules;

use messages::ledger::{Decider, Delivery};
use messages::{Cash, Exchange, Instrument, MarketId, UtcNanos};

use super::driver::Driver;
use super::machine::Machine;
use super::recorder::Recorder;
use crate::assembly::Assembly;
use crate::settings::Deciding;
use crate::strategies::registry::Registry;

/// What every test runs with: no fees, no latency, no limits; and what it adds to `[paper]`.
const SETTINGS: &str = "
exchanges = ['simulated']
[account]
name = 'backtest'
kind = 'margin'
currency = 'USD'
deposit = '1000000'
[bars]
timeframes = ['1s']
lateness = '0s'
[venues]
query_after = '5s'
not_received_after = '60s'
[snapshots]
every = '1m'
[risk]
max_order_quantity = '0'
max_order_notional = '0'
max_position_notional = '0'
max_open_orders = 0
price_collar_percent = 0
max_orders_per_second = 0
stale_quote_after = '0s'
[strategies]
hang_after = '2s'
checkpoint_every = '10s'
queue = 100
[strategies.run.tested]
[instruments.'simulated:A']
base = 'A'
quote = 'USD'
price_step = '0.01'
quantity_step = '0.1'
min_quantity = '0.1'
max_quantity = '0'
min_notional = '0'
sessions = 'around_the_clock'
[paper]
latency = '0s'
maker_fee_ppm = 0
taker_fee_ppm = 0
";

fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() }
}

/// A driver around one strategy, `tested`, whose account has its deposit.
fn driver(registry: &Registry, paper: &str, start: UtcNanos) -> Driver {
    let deciding: Deciding = toml::from_str(&format!("{SETTINGS}{paper}")).unwrap();
    let every = deciding.snapshots.every;
    let assembly = Assembly::new(deciding, "test", 0, 1).unwrap();
    let hosts = assembly.hosts(registry).unwrap();
    let (paper, orders) = (assembly.paper().unwrap(), assembly.orders().unwrap());
    let mut machine = Machine::new(paper, orders, assembly.positions(), hosts, 0, Recorder::none());
    let account = &assembly.deciding().account;
    let deposit = Delivery::Deposit { asset: account.currency, amount: account.deposit };
    for actor in [Decider::Positions, Decider::Orders] {
        machine.deliver(actor, &deposit, start, &[], MarketId(0));
    }
    Driver::new(machine, assembly.market(), every)
}

/// What the account has gained at its last snapshot.
fn profit(driver: &Driver) -> Cash {
    driver.machine.tally.equity.last().and_then(|equity| equity.profit).expect("the account has a value")
}
