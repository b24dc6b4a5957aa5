//! `merganser orders` and `merganser positions`: the blotter of a running instance, and what it holds.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use messages::orders::{OrderType, Side, TimeInForce};
use messages::{Instrument, Price, Quantity};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Common;
use super::steer::running;
use crate::http::access;
use crate::http::orders::{Canceled, NewBracket, NewOrder};
use crate::http::views::{NetPosition, Order, Portfolio, Position};
use crate::output;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser orders\n  merganser orders submit simulated:SIMBTC buy 0.01 --limit 59000\n  merganser orders bracket simulated:SIMBTC buy 0.01 --limit 59000 --take-profit 61000 --stop-loss 58000\n  merganser orders cancel 0190a5c1-…"
)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The open orders: the default.
    #[command(after_help = "Example:\n  merganser orders list")]
    List,
    /// One order.
    #[command(after_help = "Example:\n  merganser orders show 0190a5c1-…")]
    Show {
        /// Its order_id.
        order_id: String,
    },
    /// Places an order in your name.
    #[command(after_help = "Example:\n  merganser orders submit simulated:SIMBTC sell 0.01 --why \"take profit\"")]
    Submit(Submit),
    /// Places an entry with the orders on its other side that close it with a gain and with a loss: all are taken, or all are denied.
    #[command(
        after_help = "Example:\n  merganser orders bracket simulated:SIMBTC buy 0.01 --limit 59000 --take-profit 61000 --stop-loss 58000"
    )]
    Bracket(Bracket),
    /// Cancels an open order.
    #[command(after_help = "Example:\n  merganser orders cancel 0190a5c1-…")]
    Cancel {
        /// Its order_id.
        order_id: String,
    },
    /// Cancels all open orders.
    #[command(after_help = "Example:\n  merganser orders cancel-all")]
    CancelAll,
}

#[derive(Debug, Args)]
struct Submit {
    #[command(flatten)]
    terms: Terms,
    /// Once the price reaches this against the order.
    #[arg(long, value_name = "PRICE")]
    stop: Option<Price>,
    /// Once the price reaches this in favour of the order, at the market.
    #[arg(long, value_name = "PRICE", conflicts_with_all = ["limit", "stop", "trail"])]
    take_profit: Option<Price>,
    /// Once the price has come back by so much from its best; with --stop it begins there.
    #[arg(long, value_name = "AMOUNT", conflicts_with = "limit")]
    trail: Option<Price>,
    /// gtc, ioc, fok or day.
    #[arg(long, value_name = "HOW", value_parser = named::<TimeInForce>)]
    time_in_force: Option<TimeInForce>,
    /// Only to make a position smaller.
    #[arg(long)]
    reduce_only: bool,
}

#[derive(Debug, Args)]
struct Bracket {
    #[command(flatten)]
    terms: Terms,
    /// Closes the entry at this price or better.
    #[arg(long, value_name = "PRICE", required_unless_present = "stop_loss")]
    take_profit: Option<Price>,
    /// Closes the entry at the market once the price reaches this.
    #[arg(long, value_name = "PRICE")]
    stop_loss: Option<Price>,
    /// The limit of the stop-loss.
    #[arg(long, value_name = "PRICE", requires = "stop_loss")]
    stop_limit: Option<Price>,
    /// gtc, ioc, fok or day; with day the exits are for the day, too.
    #[arg(long, value_name = "HOW", value_parser = named::<TimeInForce>)]
    time_in_force: Option<TimeInForce>,
}

/// What an order and the entry of a bracket have alike.
#[derive(Debug, Args)]
struct Terms {
    /// What, as exchange:symbol.
    #[arg(value_parser = actors::settings::parse_instrument)]
    instrument: Instrument,
    /// buy or sell.
    #[arg(value_parser = named::<Side>)]
    side: Side,
    /// How much, in base asset.
    quantity: Quantity,
    /// At this price or better; at the market without one.
    #[arg(long, value_name = "PRICE")]
    limit: Option<Price>,
    // Help shows these two behind the options of each command.
    /// Why; it stands with what is placed and in the ledger.
    #[arg(long, default_value = "", display_order = 100)]
    why: String,
    /// The same key gives the same, however often it is asked for; a new one is made where none is given.
    #[arg(long, display_order = 101)]
    key: Option<String>,
}

/// A value by its name in rows.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

/// The answer to a list of orders.
#[derive(Deserialize)]
struct Rows {
    rows: Vec<Order>,
}

/// What runs where nobody says otherwise; exit code 1 where an order was denied.
pub fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    let running = running(common)?;
    match &arguments.what {
        None | Some(What::List) => show(running.read::<Rows>("/api/v1/orders?status=open")?.rows),
        Some(What::Show { order_id }) => show(vec![running.read(&format!("/api/v1/orders/{order_id}"))?]),
        Some(What::Submit(submit)) => {
            let key = submit.terms.key()?;
            let asked = running.say_once("/api/v1/orders", &submit.order(), &key);
            let order: Order = asked.with_context(|| format!("to ask again for the same order, add --key {key}"))?;
            return Ok(placed(vec![order]));
        }
        Some(What::Bracket(bracket)) => {
            let key = bracket.terms.key()?;
            let asked = running.say_once("/api/v1/orders/bracket", &bracket.orders(), &key);
            return Ok(placed(asked.with_context(|| format!("to ask again for the same orders, add --key {key}"))?));
        }
        Some(What::Cancel { order_id }) => show(vec![running.delete(&format!("/api/v1/orders/{order_id}"))?]),
        Some(What::CancelAll) => {
            let Canceled { orders, journaled } = running.delete("/api/v1/orders")?;
            output::line(format_args!("{orders} open orders are cancelled (journaled: {journaled})"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows orders that were placed; exit code 1 where one was denied.
fn placed(orders: Vec<Order>) -> ExitCode {
    let is_denied = orders.iter().any(|order| order.status == "denied");
    show(orders);
    if is_denied { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

impl Terms {
    /// The key that was given, or a new one.
    fn key(&self) -> anyhow::Result<String> {
        self.key.clone().map_or_else(|| access::make().map(|made| made.secret), Ok)
    }

    /// An order of these terms, without a trigger.
    fn order(&self, time_in_force: Option<TimeInForce>) -> NewOrder {
        NewOrder {
            instrument: self.instrument,
            side: self.side,
            order_type: if self.limit.is_some() { OrderType::Limit } else { OrderType::Market },
            time_in_force,
            quantity: self.quantity,
            quote_quantity: None,
            price: self.limit,
            stop_price: None,
            trail_amount: None,
            post_only: false,
            reduce_only: false,
            note: self.why.clone(),
        }
    }
}

impl Bracket {
    fn orders(&self) -> NewBracket {
        NewBracket {
            entry: self.terms.order(self.time_in_force),
            take_profit: self.take_profit,
            stop_loss: self.stop_loss,
            stop_limit: self.stop_limit,
        }
    }
}

impl Submit {
    fn order_type(&self) -> OrderType {
        match (self.terms.limit, self.stop) {
            _ if self.trail.is_some() => OrderType::TrailingStop,
            _ if self.take_profit.is_some() => OrderType::TakeProfit,
            (None, None) => OrderType::Market,
            (Some(_), None) => OrderType::Limit,
            (None, Some(_)) => OrderType::Stop,
            (Some(_), Some(_)) => OrderType::StopLimit,
        }
    }

    fn order(&self) -> NewOrder {
        NewOrder {
            order_type: self.order_type(),
            stop_price: self.stop.or(self.take_profit),
            trail_amount: self.trail,
            reduce_only: self.reduce_only,
            ..self.terms.order(self.time_in_force)
        }
    }
}

fn show(orders: Vec<Order>) {
    let rows = orders.into_iter().map(|o| {
        [
            o.order_id,
            o.strategy_id,
            format!("{}:{}", o.exchange, o.symbol),
            o.side,
            o.order_type,
            o.quantity,
            o.price.unwrap_or_default(),
            o.filled_quantity,
            o.status,
            o.reason.or(o.reason_code).unwrap_or_default(),
        ]
    });
    let head =
        ["order_id", "strategy", "instrument", "side", "type", "quantity", "price", "filled", "status", "reason"];
    output::columns(head, rows);
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  merganser positions\n  merganser positions --all")]
pub struct Positions {
    /// Those that are flat, too.
    #[arg(long)]
    all: bool,
}

/// What is held and what it is worth.
pub fn positions(arguments: &Positions, common: &Common) -> anyhow::Result<ExitCode> {
    let running = running(common)?;
    let unknown = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    let found: Vec<Position> = running.read("/api/v1/positions")?;
    let rows = found.into_iter().filter(|p| arguments.all || p.side != "flat").map(|p| {
        let entry = p.avg_entry_price.unwrap_or_default();
        [
            format!("{}:{}", p.exchange, p.symbol),
            p.strategy_id,
            p.side,
            p.quantity,
            entry,
            unknown(p.current_price),
            unknown(p.unrealized_pnl),
            p.realized_pnl,
        ]
    });
    // Those of the strategies, and behind them what the account holds: their sum.
    let net: Vec<NetPosition> = running.read("/api/v1/positions/net")?;
    let net = net.into_iter().filter(|p| arguments.all || !p.strategies.is_empty()).map(|p| {
        [
            format!("{}:{}", p.exchange, p.symbol),
            "(account)".to_owned(),
            p.side,
            p.quantity,
            String::new(),
            unknown(p.current_price),
            unknown(p.unrealized_pnl),
            p.realized_pnl,
        ]
    });
    let head = ["instrument", "strategy", "side", "quantity", "entry", "price", "unrealized", "realized"];
    output::columns(head, rows.chain(net));
    let p: Portfolio = running.read("/api/v1/portfolio")?;
    let kind = if p.is_simulated { "simulated money" } else { "real money" };
    output::line(format_args!(
        "{} ({kind}): value {} {}, today {}, in total {}, exposure {}",
        p.account,
        unknown(p.portfolio_value),
        p.currency,
        unknown(p.daily_pnl),
        unknown(p.total_pnl),
        unknown(p.gross_exposure)
    ));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is the same for both commands stands where a reader looks for it: the price first, why and the key last.
    #[test]
    fn help_shows_the_options_in_their_order() {
        let mut orders = Arguments::augment_args(clap::Command::new("orders"));
        let mut options = |name: &str| -> Vec<String> {
            let command = orders.find_subcommand_mut(name).unwrap();
            let help = command.clone().term_width(0).render_help().to_string();
            let option = |line: &str| line.split_whitespace().next().filter(|w| w.starts_with("--")).map(str::to_owned);
            help.lines().filter_map(option).collect()
        };
        let submit =
            ["--limit", "--stop", "--take-profit", "--trail", "--time-in-force", "--reduce-only", "--why", "--key"];
        assert_eq!(options("submit"), submit);
        let bracket = ["--limit", "--take-profit", "--stop-loss", "--stop-limit", "--time-in-force", "--why", "--key"];
        assert_eq!(options("bracket"), bracket);
    }
}
