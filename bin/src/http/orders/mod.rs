//! Orders of people: asked for, looked at, changed, cancelled.
//!
//! A key (`Idempotency-Key`) makes the order's id, so that the same request, sent again after whatever happened to the
//! first, is the same order and nothing is sent to a venue twice: over restarts, too.

mod asked;
mod bracket;
mod key;

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use messages::OrderId;
use messages::orders::{Command, OrderRequest, Replacement};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Reader, Trader, Who};
use super::edge::{Edge, to_the_end};
use super::problem::{Answer, Code, Problem};
use super::words::{self, Why};
use super::{Refusals, stored, views};
use key::{KEY, same};

pub use asked::{NewBracket, NewOrder, NewTerms, Preview};

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(submit_order)
        .service(bracket::submit_bracket)
        .service(preview_order)
        .service(read_order)
        .service(read_events)
        .service(replace_order)
        .service(cancel_order)
        .service(cancel_orders);
}

/// Places an order. What risk denies is an order, too: with the status `denied`.
#[utoipa::path(tag = "orders", request_body = NewOrder, params(("Idempotency-Key" = Option<String>, Header, description = "The same key gives the same order.", max_length = 128)), responses(
    (status = 201, body = views::Order, description = "It stands in the ledger, and is on its way unless it was denied"),
    (status = 200, body = views::Order, description = "The order that this key made before"),
    Refusals,
))]
#[post("/orders")]
async fn submit_order(
    trader: Trader,
    edge: web::Data<Edge>,
    request: HttpRequest,
    new: web::Json<NewOrder>,
) -> Result<HttpResponse, Problem> {
    let terms = new.into_inner().request()?;
    let key = key::of(&request)?;
    to_the_end(async move { place(&trader.0, &edge, terms, key).await }).await
}

/// Places an order that no earlier request with the same key placed.
async fn place(who: &Who, edge: &Edge, terms: OrderRequest, key: Option<String>) -> Result<HttpResponse, Problem> {
    let account = edge.settings.account.name;
    let order_id = key.as_deref().map_or_else(|| edge.next_order_id(), |key| OrderId::of_key(account, key));
    if key.is_some()
        && let Some(known) = stored::order(edge, order_id).await?
    {
        return same(&terms, known, HttpResponse::Ok());
    }
    edge.note(who, "order.submit", order_id, &terms.note).await?;
    let command = Command::Submit { order_id, request: Box::new(terms.clone()) };
    // One that was not heard in time may still be, later: it is not known then, and must not be sent under another id.
    let found = if edge.runtime.command(command).await { edge.runtime.find_order(order_id).await } else { None };
    match found.and_then(|found| found.order) {
        // Another request with this key may have come first, with other terms.
        Some(order) => same(&terms, stored::Known::Open(order), HttpResponse::Created()),
        None => Err(Problem::new(Code::Unknown, unknown(order_id, key.as_deref()))),
    }
}

/// What to do about an order of which nobody knows whether it was placed. Only with a key is asking again the same order.
fn unknown(order_id: OrderId, key: Option<&str>) -> String {
    let next = if key.is_some() {
        format!("look at it, or ask again with the same {KEY}")
    } else {
        format!(
            "it may still be placed: look at it (GET /api/v1/orders/{order_id}) and at your orders (GET /api/v1/orders?status=all); without {KEY} another request is another order"
        )
    };
    format!("order {order_id} was asked for and no answer came in time; {next}")
}

/// What risk would say to an order now. Nothing is placed.
#[utoipa::path(tag = "orders", request_body = NewOrder, responses((status = 200, description = "The answer", body = Preview), Refusals))]
#[post("/orders/preview")]
async fn preview_order(_: Trader, edge: web::Data<Edge>, new: web::Json<NewOrder>) -> Answer<Preview> {
    let found = edge.runtime.preview(new.into_inner().request()?).await.ok_or_else(|| Problem::silent("orders"))?;
    let refusal = found.verdict.err();
    Ok(web::Json(Preview {
        allowed: refusal.is_none(),
        reason_code: views::maybe(refusal.as_ref().map(|refusal| refusal.reason)),
        reason: refusal.map(|refusal| refusal.text),
        price: views::maybe(found.price),
        notional: views::maybe(found.notional),
        position: views::text(found.position),
        position_after: views::maybe(found.position_after),
        free_quote: views::maybe(found.free_quote),
        priced_at: views::maybe(found.priced_at),
    }))
}

/// One order, as it stands.
#[utoipa::path(tag = "orders", responses((status = 200, description = "The answer", body = views::Order), Refusals))]
#[get("/orders/{order_id}")]
async fn read_order(_: Reader, edge: web::Data<Edge>, order_id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let order_id = id(&order_id)?;
    let known = stored::order(&edge, order_id).await?;
    let known = known.ok_or_else(|| not_found(order_id))?;
    Ok(known.answer(&mut HttpResponse::Ok()))
}

/// What happened to one order, the oldest first: rows of `order_events`.
#[utoipa::path(tag = "orders", responses((status = 200, description = "The answer", body = Vec<Object>), Refusals))]
#[get("/orders/{order_id}/events")]
async fn read_events(_: Reader, edge: web::Data<Edge>, order_id: web::Path<String>) -> Answer<Vec<stored::Row>> {
    let order_id = id(&order_id)?;
    let events = stored::events(&edge, order_id).await?;
    if events.is_empty() { Err(not_found(order_id)) } else { Ok(web::Json(events)) }
}

/// Changes an open order.
#[utoipa::path(tag = "orders", request_body = NewTerms, responses(
    (status = 202, body = views::Order, description = "The venue is asked, unless risk refuses: then it stands as it was"),
    Refusals,
))]
#[patch("/orders/{order_id}")]
async fn replace_order(
    trader: Trader,
    edge: web::Data<Edge>,
    order_id: web::Path<String>,
    terms: web::Json<NewTerms>,
) -> Result<HttpResponse, Problem> {
    let order_id = id(&order_id)?;
    let NewTerms { quantity, price, stop_price, why } = terms.into_inner();
    if quantity.is_none() && price.is_none() && stop_price.is_none() {
        return Err(Problem::new(Code::Invalid, "nothing is to change; give quantity, price or stop_price"));
    }
    open_order(&edge, order_id).await?;
    edge.note(&trader.0, "order.replace", order_id, &words::cut(why)).await?;
    let replacement = Replacement { quantity, price, stop_price };
    changed(&edge, order_id, Command::Replace { order_id, replacement }).await
}

/// Cancels an open order.
#[utoipa::path(tag = "orders", params(Why), responses((status = 202, description = "The answer", body = views::Order), Refusals))]
#[delete("/orders/{order_id}")]
async fn cancel_order(
    trader: Trader,
    edge: web::Data<Edge>,
    order_id: web::Path<String>,
    why: web::Query<Why>,
) -> Result<HttpResponse, Problem> {
    let order_id = id(&order_id)?;
    let open = edge.runtime.orders().await.ok_or_else(|| Problem::silent("orders"))?.open;
    let Some(order) = open.into_iter().find(|order| order.order_id == order_id) else {
        open_order(&edge, order_id).await?;
        return Err(Problem::silent("orders"));
    };
    // Nothing that waits for a disk comes before it.
    if !edge.runtime.command(Command::Cancel { order_id }).await {
        return Err(Problem::silent("orders"));
    }
    let journaled = edge.has_noted(&trader.0, "order.cancel", order_id, &why.why()).await;
    let found = if journaled { edge.runtime.find_order(order_id).await.and_then(|found| found.order) } else { None };
    let order = found.map_or_else(|| views::Order::from(&order), |order| views::Order::from(&*order));
    Ok(HttpResponse::Accepted().insert_header(("merganser-journaled", journaled.to_string())).json(order))
}

/// How many were open, and whether the ledger holds that they are to be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Canceled {
    /// Open orders that are cancelled.
    pub orders: usize,
    /// False while the ledger's disk is full: the cancels go out in any case.
    pub journaled: bool,
}

/// Cancels all open orders.
#[utoipa::path(tag = "orders", params(Why), responses((status = 202, description = "The answer", body = Canceled), Refusals))]
#[delete("/orders")]
async fn cancel_orders(trader: Trader, edge: web::Data<Edge>, why: web::Query<Why>) -> Result<HttpResponse, Problem> {
    let open = edge.runtime.orders().await.map_or(0, |orders| orders.open.len());
    if !edge.runtime.command(Command::CancelAll).await {
        return Err(Problem::silent("orders"));
    }
    let journaled = edge.has_noted(&trader.0, "order.cancel_all", "", &why.why()).await;
    Ok(HttpResponse::Accepted().json(Canceled { orders: open, journaled }))
}

async fn changed(edge: &Edge, order_id: OrderId, command: Command) -> Result<HttpResponse, Problem> {
    if !edge.runtime.command(command).await {
        return Err(Problem::silent("orders"));
    }
    let found = edge.runtime.find_order(order_id).await.ok_or_else(|| Problem::silent("orders"))?;
    let order = found.order.ok_or_else(|| not_found(order_id))?;
    Ok(HttpResponse::Accepted().json(views::Order::from(&*order)))
}

/// An order that can still be changed.
async fn open_order(edge: &Edge, order_id: OrderId) -> Result<(), Problem> {
    match stored::order(edge, order_id).await? {
        Some(stored::Known::Open(order)) if order.status.is_open() => Ok(()),
        Some(known) => {
            Err(Problem::new(Code::Conflict, format!("order {order_id} is {} and not open", known.status())))
        }
        None => Err(not_found(order_id)),
    }
}

fn id(text: &str) -> Result<OrderId, Problem> {
    text.parse().map_err(|_| Problem::new(Code::NotFound, format!("`{text}` is no order id; expected a UUID")))
}

fn not_found(order_id: OrderId) -> Problem {
    Problem::new(Code::NotFound, format!("there is no order {order_id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_gave_a_key_is_told_to_ask_again() {
        let order_id: OrderId = "6f1b8c1e-3c39-5b0e-9f1f-0a2d4c6e8b10".parse().unwrap();
        let (with, without) = (unknown(order_id, Some("k-1")), unknown(order_id, None));
        assert!(with.contains("ask again with the same Idempotency-Key"), "{with}");
        assert!(!without.contains("ask again") && without.contains("GET /api/v1/orders?status=all"), "{without}");
    }
}
