//! One key, one order: a request that is sent again is the same order, or is refused.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use messages::caps;
use messages::orders::{Order as Stored, OrderRequest};
use serde_json::{Map, Value};

use crate::http::problem::{Code, Problem};
use crate::http::stored;

/// The header whose value names an order before it exists.
pub const KEY: &str = "Idempotency-Key";

/// The key that a request carries.
pub fn of(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(KEY) else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| (1..=caps::KEY_BYTES).contains(&text.len()));
    let text = text.ok_or_else(|| {
        Problem::new(Code::Unreadable, format!("{KEY}: expected 1 to {} visible characters", caps::KEY_BYTES))
    })?;
    Ok(Some(text.to_owned()))
}

/// The order that a key made before; a key is for one order.
pub fn same(
    asked: &OrderRequest,
    known: stored::Known,
    mut answer: HttpResponseBuilder,
) -> Result<HttpResponse, Problem> {
    check(asked, &known)?;
    Ok(known.answer(&mut answer))
}

/// A key is for one order, or for one list.
pub fn check(asked: &OrderRequest, known: &stored::Known) -> Result<(), Problem> {
    let is_same = match known {
        stored::Known::Open(order) => asks_the_same(asked, order),
        stored::Known::Row(row) => row_asks_the_same(asked, row),
    };
    if is_same {
        return Ok(());
    }
    Err(Problem::new(Code::KeyReused, format!("this {KEY} made another order before; give each order its own")))
}

fn asks_the_same(asked: &OrderRequest, order: &Stored) -> bool {
    // Terms that a replacement, or the order that it belongs to, may have changed say nothing of what was asked for first.
    let is_replaced = order.attempts.len() > 1 || order.replacing.is_some() || order.request.parent.is_some();
    let mut first = order.request.clone();
    if is_replaced {
        (first.quantity, first.price, first.stop_price) = (asked.quantity, asked.price, asked.stop_price);
    }
    first.note.clone_from(&asked.note);
    first == *asked
}

/// Of the tables: what no replacement changes.
fn row_asks_the_same(asked: &OrderRequest, row: &Map<String, Value>) -> bool {
    let same = |name: &str, text: &str| row.get(name).and_then(Value::as_str) == Some(text);
    same("exchange", asked.instrument.exchange.as_str())
        && same("symbol", asked.instrument.symbol.as_str())
        && same("side", asked.side.as_str())
        && same("order_type", asked.order_type.as_str())
        && same("time_in_force", asked.time_in_force.as_str())
}
