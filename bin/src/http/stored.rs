//! Orders that left memory: asked for in the tables.

use actix_web::{HttpResponse, HttpResponseBuilder};
use messages::OrderId;
use serde_json::{Map, Value};
use storage::pool::Class;
use storage::sql_tiers::Scope;

use super::ask::Select;
use super::edge::Edge;
use super::problem::Problem;
use super::views;
use crate::output::{self, Format};

/// An order, from where it was found.
pub enum Known {
    /// In memory.
    Open(Box<messages::orders::Order>),
    /// In the tables, with the columns of `orders`.
    Row(Map<String, Value>),
}

impl Known {
    /// As an answer.
    pub fn answer(self, answer: &mut HttpResponseBuilder) -> HttpResponse {
        match self {
            Self::Open(order) => answer.json(views::Order::from(&*order)),
            Self::Row(row) => answer.json(row),
        }
    }

    /// As a part of an answer.
    pub fn json(self) -> Result<Value, Problem> {
        match self {
            Self::Open(order) => Ok(serde_json::to_value(views::Order::from(&*order)).map_err(anyhow::Error::from)?),
            Self::Row(row) => Ok(Value::Object(row)),
        }
    }

    /// Where it stands.
    pub fn status(&self) -> String {
        match self {
            Self::Open(order) => views::text(order.status),
            Self::Row(row) => row.get("status").and_then(Value::as_str).unwrap_or("unknown").to_owned(),
        }
    }
}

/// One order: from memory, or from the tables where it may have left memory. No order waits for DuckDB before that.
pub async fn order(edge: &Edge, id: OrderId) -> Result<Option<Known>, Problem> {
    let found = edge.runtime.find_order(id).await.ok_or_else(|| Problem::silent("orders"))?;
    if let Some(order) = found.order {
        return Ok(Some(Known::Open(order)));
    }
    if !found.forgets {
        return Ok(None);
    }
    edge.until_fresh().await?;
    let text = format!("{OF_ONE} WHERE order_id = '{id}'");
    Ok(rows(edge, text).await?.into_iter().next().map(Known::Row))
}

/// The columns that an order in memory shows as well.
const OF_ONE: &str = "
    SELECT order_id::VARCHAR AS order_id, account, client_order_id,
        (SELECT max(i.venue_order_id) FROM order_ids i WHERE i.order_id = o.order_id) AS venue_order_id,
        exchange, symbol, side, order_type, time_in_force, quantity, quote_quantity, price, stop_price, trail_amount,
        NULL::BOOLEAN AS post_only, NULL::BOOLEAN AS reduce_only, filled_quantity, average_fill_price, status,
        false AS is_open, reason_code, reason, created_at, submitted_at, updated_at, filled_at, commission,
        commission_asset, correlation_id::VARCHAR AS correlation_id, strategy_id,
        parent_order_id::VARCHAR AS parent_order_id, contingency, metadata.note AS note
    FROM orders o";

/// What happened to an order, as far as the tables are when it is asked.
pub async fn events(edge: &Edge, id: OrderId) -> Result<Vec<Row>, Problem> {
    edge.until_fresh().await?;
    let columns = "number, event, state, reason, reason_text, timestamp, quantity, filled_quantity, execution_id, \
                   last_quantity, last_price, correlation_id::VARCHAR AS correlation_id, as_of";
    rows(edge, format!("SELECT {columns} FROM order_events WHERE order_id = '{id}' ORDER BY number")).await
}

/// A row by its columns.
pub type Row = Map<String, Value>;

/// The rows of a SELECT of ours, as JSON.
pub async fn rows(edge: &Edge, text: String) -> Result<Vec<Row>, Problem> {
    let max_rows = messages::caps::HISTORY_ROWS as usize;
    let select = Select { class: Class::Internal, text, scope: Scope::Local, max_rows, time: None };
    let (body, ()) = edge.select(select, |answer, body| output::write(&answer, Format::Json, body)).await?;
    Ok(serde_json::from_slice(body.bytes()).map_err(anyhow::Error::from)?)
}
