//! What may be traded at all: the state, the kill switch, closing everything.

use std::time::Duration;

use actix_web::{get, post, web};
use actors::ports::Steer;
use messages::StrategyId;
use messages::orders::{Command, Order, Status};
use messages::risk::{StateChange, TradingState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Reader, Trader, Who};
use super::edge::{Edge, to_the_end};
use super::problem::{Answer, Code, Problem};
use super::{Refusals, views, words};

/// How long the cancels may take before it goes on without them.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);

/// Times that what is still held is asked to be closed, and how long each may take.
const ROUNDS: usize = 20;
const ROUND: Duration = Duration::from_millis(500);

/// Rounds more for what closes and waits for its turn: a venue that counts requests by the minute may keep it waiting for one.
const TURNS: usize = 140;

/// How often is looked.
const LOOKS_EVERY: Duration = Duration::from_millis(50);

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_trading).service(change_trading).service(flatten_all);
}

/// What may be traded, and within which limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trading {
    /// `ACTIVE`, `REDUCING` or `HALTED`.
    pub state: String,
    /// Who changed it last; null where nobody did since the start.
    pub by: Option<String>,
    /// Why.
    pub why: Option<String>,
    /// When.
    pub changed_at: Option<String>,
    /// The limits of `[risk]`, as the settings have them.
    #[schema(value_type = Object)]
    pub limits: serde_json::Value,
}

/// A change of the trading state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// `ACTIVE`, `REDUCING` or `HALTED`.
    #[schema(value_type = String, pattern = "^(ACTIVE|REDUCING|HALTED)$")]
    pub state: TradingState,
    /// Why; it is written to the ledger.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub why: String,
    /// Whether all open orders are cancelled, too: the kill switch.
    #[serde(default)]
    pub cancel_all: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    /// What may be traded now.
    pub state: String,
    /// Open orders that are cancelled; null where none were to be.
    pub canceled: Option<usize>,
    /// False while the ledger's disk is full: it holds in any case.
    pub journaled: bool,
}

/// What may be traded, who said so, and the limits.
#[utoipa::path(tag = "trading", responses((status = 200, description = "The answer", body = Trading), Refusals))]
#[get("/trading")]
async fn read_trading(_: Reader, edge: web::Data<Edge>) -> Answer<Trading> {
    let status = edge.runtime.orders().await.ok_or_else(|| Problem::silent("orders"))?;
    let (change, at) = status.changed.unzip();
    Ok(web::Json(Trading {
        state: views::text(status.trading),
        by: change.as_ref().map(|change| change.by.clone()),
        why: change.map(|change| change.why),
        changed_at: views::maybe(at),
        limits: serde_json::to_value(&edge.settings.risk).map_err(anyhow::Error::from)?,
    }))
}

/// Changes what may be traded; with `cancel_all` it is the kill switch.
#[utoipa::path(tag = "trading", request_body = Change, responses((status = 200, description = "The answer", body = Changed), Refusals))]
#[post("/trading")]
async fn change_trading(trader: Trader, edge: web::Data<Edge>, change: web::Json<Change>) -> Answer<Changed> {
    let Change { state, why, cancel_all } = change.into_inner();
    to_the_end(async move {
        let (who, why) = (trader.0, words::cut(why));
        let status = edge.runtime.orders().await.ok_or_else(|| Problem::silent("orders"))?;
        // What lets more be traded is written down first; what makes things safer is done first.
        if state < status.trading {
            edge.note(&who, "trading.state", state, &why).await?;
        }
        let set = edge.runtime.set_trading(StateChange { state, by: who.name.clone(), why: why.clone() });
        let cancel = async { cancel_all && !edge.runtime.command(Command::CancelAll).await };
        let (set, is_lost) = futures::join!(set, cancel);
        if is_lost {
            return Err(Problem::silent("orders"));
        }
        if state >= status.trading {
            edge.has_noted(&who, "trading.state", state, &why).await;
        }
        if cancel_all {
            edge.has_noted(&who, "order.cancel_all", "", &why).await;
        }
        let canceled = cancel_all.then_some(status.open.len());
        // A latch that has fallen keeps it from being ACTIVE.
        let now = set.unwrap_or(state);
        Ok(web::Json(Changed { state: views::text(now), canceled, journaled: set.is_some() }))
    })
    .await
}

/// How everything is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Flatten {
    /// Why; it is written to the ledger.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub why: String,
    /// What may be traded afterwards: `REDUCING`, the usual, or `HALTED`.
    #[serde(default = "reducing")]
    #[schema(value_type = String, pattern = "^(REDUCING|HALTED)$")]
    pub then: TradingState,
    /// Only what this strategy holds: it is stopped, its orders are cancelled and its positions closed. Nobody else's
    /// orders and positions change, and neither does what may be traded: `then` is not looked at.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "ema_cross")]
    pub strategy: Option<StrategyId>,
}

fn reducing() -> TradingState {
    TradingState::Reducing
}

/// What was closed, and what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Flattened {
    /// Open orders that were cancelled.
    pub canceled: usize,
    /// Positions that were not flat before.
    pub positions: usize,
    /// Positions that are not flat yet; their orders may still fill, or were denied: see them.
    pub left: Vec<views::Position>,
    /// Orders that close something and have not left for their venue yet: as where they wait for their turn within its limit on
    /// requests.
    pub waiting: usize,
    /// What may be traded now.
    pub state: String,
    /// False while the ledger's disk is full.
    pub journaled: bool,
}

/// Cancels all orders, closes every position at the market, and leaves trading REDUCING or HALTED; or stops one strategy
/// and closes what that one holds.
#[utoipa::path(tag = "trading", request_body = Flatten, responses((status = 200, description = "The answer", body = Flattened), Refusals))]
#[post("/flatten")]
async fn flatten_all(trader: Trader, edge: web::Data<Edge>, asked: web::Json<Flatten>) -> Answer<Flattened> {
    let Flatten { why, then, strategy } = asked.into_inner();
    let why = words::cut(why);
    to_the_end(async move {
        let done = match strategy {
            Some(strategy) => close_one(&trader.0, &edge, why, strategy).await,
            None => close_everything(&trader.0, &edge, why, then).await,
        };
        done.map(web::Json)
    })
    .await
}

/// Stops a strategy, so that it orders nothing meanwhile, and closes what it holds.
async fn close_one(who: &Who, edge: &Edge, why: String, strategy: StrategyId) -> Result<Flattened, Problem> {
    let orders = || async { edge.runtime.orders().await.ok_or_else(|| Problem::silent("orders")) };
    let of_it = |open: &[Order]| open.iter().filter(|order| order.strategy == strategy).count();
    let held = || async { open_positions(edge).await.map(|all| held_by(all, strategy)) };
    let (before, positions) = (orders().await?, held().await?.len());
    let canceled = of_it(&before.open);
    let runs = edge.runtime.assembly().deciding().strategies.run.contains_key(&strategy);
    if !runs && canceled + positions == 0 {
        let text = format!("`{strategy}` does not run here, and holds and orders nothing; see GET /api/v1/positions");
        return Err(Problem::new(Code::NotFound, text));
    }
    edge.note(who, "strategy.flatten", strategy, &why).await?;
    if runs {
        let stopped = edge.runtime.steer_strategy(strategy.as_str(), Steer::Stop).await;
        stopped.map_err(|why| Problem::new(Code::Conflict, format!("nothing is closed: {why}")))?;
    }
    let waiting = |open: &[Order]| open.iter().filter(|o| o.strategy == strategy && waits_to_close(o)).count();
    let mut patience = Patience::new();
    // Orders that are being cancelled may still fill, and what is offered may be less than what is held.
    loop {
        if !edge.runtime.command(Command::FlattenStrategy { strategy, id: edge.next_order_id() }).await {
            return Err(Problem::silent("orders"));
        }
        tokio::time::sleep(ROUND).await;
        let open = orders().await?.open;
        if held().await?.is_empty() && of_it(&open) == 0 || !patience.goes_on(waiting(&open)) {
            break;
        }
    }
    let now = orders().await?;
    let (waiting, state) = (waiting(&now.open), views::text(now.trading));
    Ok(Flattened { canceled, positions, left: held().await?, waiting, state, journaled: true })
}

fn held_by(all: Vec<views::Position>, strategy: StrategyId) -> Vec<views::Position> {
    all.into_iter().filter(|position| position.strategy_id == strategy.as_str()).collect()
}

/// HALTED first, so that no strategy orders while all is cancelled; then what closes goes out, as long as only that may. Somebody may
/// halt meanwhile: that is the later word, and it stays so.
async fn close_everything(who: &Who, edge: &Edge, why: String, then: TradingState) -> Result<Flattened, Problem> {
    let before = edge.runtime.orders().await.ok_or_else(|| Problem::silent("orders"))?;
    let set = |state| edge.runtime.set_trading(StateChange { state, by: who.name.clone(), why: why.clone() });
    let cancel = edge.runtime.command(Command::CancelAll);
    let (halted, is_heard) = futures::join!(set(TradingState::Halted), cancel);
    if !is_heard {
        return Err(Problem::silent("orders"));
    }
    let journaled = edge.has_noted(who, "trading.flatten", then, &why).await && halted.is_some();
    if !journaled {
        let text = "trading is HALTED and all orders are cancelled; nothing is closed while the ledger cannot write: make room on its disk, then ask again";
        return Err(Problem::new(Code::Unavailable, text));
    }
    settle(|| async { edge.runtime.orders().await.is_some_and(|orders| orders.open.is_empty()) }).await;
    let positions = open_positions(edge).await?.len();
    let orders = || async { edge.runtime.orders().await.ok_or_else(|| Problem::silent("orders")) };
    let waiting = |open: &[Order]| open.iter().filter(|order| waits_to_close(order)).count();
    let mut patience = Patience::new();
    let close = || edge.runtime.command(Command::Flatten { id: edge.next_order_id() });
    let (_, mut is_heard) = futures::join!(set(TradingState::Reducing), close());
    // What is offered may be less than what is held: the rest is asked for again.
    loop {
        if !is_heard {
            return Err(Problem::silent("orders"));
        }
        tokio::time::sleep(ROUND).await;
        let now = orders().await?;
        if open_positions(edge).await?.is_empty() || !patience.closes_on(now.trading, waiting(&now.open)) {
            break;
        }
        is_heard = close().await;
    }
    // What was HALTED stays so until somebody resumes it.
    let then = then.max(before.trading);
    if then != TradingState::Reducing {
        set(then).await;
    }
    let left = open_positions(edge).await?;
    let now = orders().await?;
    let (waiting, state) = (waiting(&now.open), views::text(now.trading));
    Ok(Flattened { canceled: before.open.len(), positions, left, waiting, state, journaled })
}

/// True for an order that closes something and has not left for its venue.
fn waits_to_close(order: &Order) -> bool {
    order.request.reduce_only && order.status == Status::PendingSubmit
}

/// How long is asked again.
#[derive(Debug)]
struct Patience {
    rounds: usize,
    turns: usize,
}

impl Patience {
    const fn new() -> Self {
        Self { rounds: ROUNDS, turns: TURNS }
    }

    /// A round is over, and so many orders wait for their turn: true while there is another one.
    fn goes_on(&mut self, waiting: usize) -> bool {
        let left = if waiting > 0 { &mut self.turns } else { &mut self.rounds };
        *left = left.saturating_sub(1);
        *left > 0
    }

    /// The same where everything is closed: HALTED, nothing closes any more.
    fn closes_on(&mut self, trading: TradingState, waiting: usize) -> bool {
        trading != TradingState::Halted && self.goes_on(waiting)
    }
}

async fn open_positions(edge: &Edge) -> Result<Vec<views::Position>, Problem> {
    let snapshot = edge.runtime.portfolio().await.ok_or_else(|| Problem::silent("positions"))?;
    let open = snapshot.positions.iter().filter(|position| !position.quantity.is_zero());
    Ok(open.map(views::Position::from).collect())
}

/// Looks until it is so, or the time is over.
async fn settle<F: Future<Output = bool>>(is_so: impl Fn() -> F) {
    let looks = async {
        while !is_so().await {
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    };
    let _ = tokio::time::timeout(SETTLES_WITHIN, looks).await;
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Done {
    /// In words.
    pub done: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rounds that it goes on for, with so many orders waiting in each of the first `of`.
    fn rounds(waiting: usize, of: usize) -> usize {
        let mut patience = Patience::new();
        let mut waiting = std::iter::repeat_n(waiting, of).chain(std::iter::repeat(0));
        1 + (0..).take_while(|_| patience.goes_on(waiting.next().unwrap_or_default())).count()
    }

    #[test]
    fn what_waits_for_its_turn_is_waited_for_a_minute_and_not_for_ever() {
        assert_eq!(rounds(0, 0), ROUNDS);
        assert_eq!(rounds(3, 100), 100 + ROUNDS, "rounds in which something waits are none of the others");
        assert_eq!(rounds(3, 1_000), TURNS);
    }

    #[test]
    fn whoever_halts_meanwhile_ends_it() {
        let mut patience = Patience::new();
        assert!(patience.closes_on(TradingState::Reducing, 1));
        assert!(!patience.closes_on(TradingState::Halted, 1));
    }
}
