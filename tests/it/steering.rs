//! What people do to a running tree: a strategy is stopped and started, everything is closed. All of it stands in the
//! journals and comes out of them again.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actors::ports::Steer;
use actors::runtime::Runtime;
use messages::ledger::LedgerRecord;
use messages::orders::{Command, OrderRequest, Side};
use messages::positions::Position;
use messages::risk::{StateChange, TradingState};
use messages::{Cash, Exchange, Instrument, OrderId, StrategyId};
use storage::datadir::Paths;

use crate::supervision::{Told, comes_out_again, ledger, run, status, until};

/// Looks until it is so.
async fn becomes(what: &str, is_so: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} within 30 s");
}

async fn set(runtime: &Runtime, state: TradingState) {
    let change = StateChange { state, by: "test".to_owned(), why: "a test".to_owned() };
    assert_eq!(runtime.set_trading(change).await, Some(state), "it is durable");
}

async fn is_flat(runtime: &Runtime) -> bool {
    let snapshot = runtime.portfolio().await.expect("positions answer");
    snapshot.positions.iter().all(|position| position.quantity.is_zero())
}

/// What is left is less than the smallest order: nobody can close it.
async fn is_closed(runtime: &Runtime) -> bool {
    let smallest: Cash = "5".parse().unwrap();
    let snapshot = runtime.portfolio().await.expect("positions answer");
    let worth = |p: &Position| p.mark_price.and_then(|mark| mark.times(p.quantity.abs())).expect("a price is known");
    snapshot.positions.iter().all(|position| position.quantity.is_zero() || worth(position) < smallest)
}

async fn open(runtime: &Runtime) -> usize {
    runtime.orders().await.expect("orders answer").open.len()
}

#[test]
fn a_person_stops_a_strategy_starts_it_and_closes_everything() {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::of(dir.path(), None);
    run(&paths, &["well"], &Told::default(), async |runtime| {
        until(runtime, "well", "running").await;
        becomes("it holds something", async || !is_flat(runtime).await).await;
        runtime.steer_strategy("well", Steer::Stop).await.unwrap();
        assert_eq!(status(runtime, "well").await.state, "stopped");
        becomes("its orders are cancelled", async || open(runtime).await == 0).await;
        assert!(runtime.steer_strategy("nobody", Steer::Stop).await.unwrap_err().contains("known are well"));

        runtime.steer_strategy("well", Steer::Start).await.unwrap();
        let again = until(runtime, "well", "running").await;
        assert_eq!((again.generation, again.faults), (1, 0));
        assert!(runtime.steer_strategy("well", Steer::Start).await.unwrap_err().contains("runs already"));
        runtime.steer_strategy("well", Steer::Restart).await.unwrap();
        assert_eq!(until(runtime, "well", "running").await.generation, 2);

        becomes("it holds something again", async || !is_flat(runtime).await).await;
        set(runtime, TradingState::Halted).await;
        assert!(runtime.command(Command::CancelAll).await);
        becomes("nothing is open", async || open(runtime).await == 0).await;
        set(runtime, TradingState::Reducing).await;
        // The simulated market offers little at a time: what is left is asked for again.
        let rounds = AtomicU32::new(0);
        becomes("everything is closed", async || {
            let round = rounds.fetch_add(1, Ordering::Relaxed).to_string();
            let id = OrderId::of_key("test".parse().unwrap(), &round);
            assert!(runtime.command(Command::Flatten { id }).await);
            is_closed(runtime).await
        })
        .await;
        set(runtime, TradingState::Halted).await;
        runtime.steer_strategy("well", Steer::Stop).await.unwrap();
    });
    let records = ledger(&paths);
    let closing = |record: &LedgerRecord| match record {
        LedgerRecord::Order(u) if u.order.request.note == "flatten" => Some(u.order.clone()),
        _ => None,
    };
    let closing: Vec<_> = records.iter().filter_map(closing).collect();
    let owned = closing.iter().all(|order| order.strategy.as_str() == "well" && order.request.reduce_only);
    assert!(owned, "what closes a position belongs to who holds it");
    // Its own orders may have closed it in the same moment: then nothing is left for it.
    println!("{} events of closing orders", closing.len());
    comes_out_again(&paths);
}

#[test]
fn a_person_is_heard_though_the_trading_group_is_replaced_meanwhile() {
    const ORDERS: usize = 20;
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::of(dir.path(), None);
    let instrument = Instrument { exchange: Exchange::Simulated, symbol: "SIMBTC".parse().unwrap() };
    let request = OrderRequest::market(instrument, Side::Buy, "0.01".parse().unwrap());
    run(&paths, &["well"], &Told::default(), async |runtime| {
        until(runtime, "well", "running").await;
        for n in 0..ORDERS {
            let order_id = OrderId::of_key("test".parse().unwrap(), &n.to_string());
            let placed = async {
                let request = Box::new(request.clone());
                assert!(runtime.command(Command::Submit { order_id, request }).await, "it is heard");
                runtime.find_order(order_id).await.expect("orders answer").order
            };
            let (restored, order) = tokio::join!(runtime.reconcile(), placed);
            restored.unwrap();
            assert_eq!(order.map(|order| order.order_id), Some(order_id));
        }
    });
    let mut placed = 0;
    for record in ledger(&paths) {
        if let LedgerRecord::Order(u) = record
            && u.order.strategy == StrategyId::manual()
            && u.event.number == 1
        {
            placed += 1;
        }
    }
    assert_eq!(placed, ORDERS, "each once");
}
