//! The same input and seed give the same journals, byte for byte; a session re-run gives the same ledger.

use std::fs;
use std::path::Path;

use actors::assembly::Assembly;
use actors::backtest::driver::Driver;
use actors::backtest::machine::Machine;
use actors::backtest::recorder::Recorder;
use actors::backtest::session::Session;
use actors::feeds::simulated::Simulated;
use actors::strategies::registry::Registry;
use actors::venues::Venues;
use messages::ledger::{Decider, Delivery, LedgerRecord, Mode, Started};
use messages::{Exchange, Instrument, MarketId, UtcNanos};
use storage::datadir::Paths;

const FRAMES: usize = 20_000;

pub fn assembly(seed: u64) -> Assembly {
    let settings = config::load(&config::Layers::default()).unwrap();
    Assembly::new(settings.deciding(vec![Exchange::Simulated]), "test", 0, seed).unwrap()
}

fn machine(assembly: &Assembly, paths: &Paths) -> Machine {
    let hosts = assembly.hosts(&Registry::shipped()).unwrap();
    let recorder = Recorder::open(paths, 1 << 30).unwrap();
    Machine::new(assembly.paper().unwrap(), assembly.orders().unwrap(), assembly.positions(), hosts, 0, recorder)
}

/// Trades a stretch of the simulated market with the default strategies. Returns the fills.
pub fn backtest(dir: &Path, seed: u64) -> u64 {
    let assembly = assembly(seed);
    let start: UtcNanos = "2026-01-01".parse().unwrap();
    let settings = config::load(&config::Layers::default()).unwrap();
    let symbols: Vec<_> = settings
        .feeds
        .simulated
        .iter()
        .map(|(symbol, s)| {
            s.with_rules(*symbol, &assembly.rules()[&Instrument { exchange: Exchange::Simulated, symbol: *symbol }])
        })
        .collect();
    let mut market = Simulated::new(seed, &symbols, start).unwrap();
    let mut machine = machine(&assembly, &Paths::of(dir, None));
    machine.recorder.ledger(&LedgerRecord::Started(Started {
        instance: "test".to_owned(),
        epoch: 0,
        seed,
        config_hash: [0; 32],
        mode: Mode::Backtest,
        account: assembly.deciding().account.name,
        settings: toml::to_string(assembly.deciding()).unwrap(),
        at: start,
    }));
    machine.recorder.ledger(&assembly.instruments());
    let account = &assembly.deciding().account;
    let deposit = Delivery::Deposit { asset: account.currency, amount: account.deposit };
    for actor in [Decider::Positions, Decider::Orders] {
        machine.deliver(actor, &deposit, start, &[], MarketId(0));
    }
    let mut driver = Driver::new(machine, assembly.market(), settings.snapshots.every);
    for _ in 0..FRAMES {
        driver.frame(&market.next_batch());
        assert_eq!(driver.machine.next_due(), searched(&driver.machine));
    }
    driver.stop();
    driver.machine.recorder.finish().unwrap();
    driver.machine.tally.fills
}

/// The next timer of a machine, asked of every state anew: a missed timer would be a lost cancel.
fn searched(machine: &Machine) -> Option<UtcNanos> {
    let hosts = machine.hosts.values().filter_map(|host| host.next_due());
    hosts.chain(machine.paper.next_due()).chain(machine.orders.next_due()).min()
}

fn bytes(dir: &Path, log: &str) -> Vec<u8> {
    let segments = storage::journal::segments(&dir.join(log)).unwrap();
    segments.iter().flat_map(|s| fs::read(&s.path).unwrap()).collect()
}

#[test]
fn one_seed_gives_one_journal_and_another_seed_another() {
    let dirs: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    assert!(backtest(dirs[0].path(), 1) > 10, "the test needs fills");
    backtest(dirs[1].path(), 1);
    backtest(dirs[2].path(), 2);
    for log in ["ledger", "market"] {
        assert_eq!(bytes(dirs[0].path(), log), bytes(dirs[1].path(), log), "{log}");
        assert_ne!(bytes(dirs[0].path(), log), bytes(dirs[2].path(), log), "{log}");
    }
}

/// All but the records that only the first run writes: its start and its stop.
fn decided(dir: &Path) -> Vec<LedgerRecord> {
    let mut reader = storage::journal::Reader::<LedgerRecord>::new(&dir.join("ledger"), messages::ledger::Seq(1));
    let mut found = Vec::new();
    while let Some(group) = reader.next_group(messages::ledger::Seq(u64::MAX)).unwrap() {
        found.extend(group.records.into_iter().map(|(_, r)| r).filter(|r| {
            matches!(
                r,
                LedgerRecord::Order(_) | LedgerRecord::Booked(_) | LedgerRecord::Deposit(_) | LedgerRecord::Snapshot(_)
            )
        }));
    }
    found
}

#[test]
fn a_session_run_again_decides_the_same() {
    let (first, again) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    backtest(first.path(), 7);
    let paths = Paths::of(first.path(), None);
    let (registry, venues) = (Registry::shipped(), Venues::default());
    let recorder = Recorder::open(&Paths::of(again.path(), None), 1 << 30).unwrap();
    let mut session = Session::open(&paths, &registry, &venues, recorder).unwrap();
    let rerun = session.run().unwrap();
    assert!(rerun.deliveries > FRAMES as u64);
    assert_eq!((rerun.taken_over, rerun.never_durable), (0, 0));
    session.machine.recorder.finish().unwrap();
    let (one, two) = (decided(first.path()), decided(again.path()));
    assert!(one.len() > 100);
    assert_eq!(one, two);
}
