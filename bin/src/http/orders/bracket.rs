//! A bracket of a person: an entry and the orders that close it, in one request.

use actix_web::{HttpRequest, HttpResponse, post, web};
use messages::OrderId;
use messages::orders::{Command, OrderRequest};

use super::{NewBracket, key, unknown};
use crate::http::access::{Trader, Who};
use crate::http::edge::{Edge, to_the_end};
use crate::http::problem::{Code, Problem};
use crate::http::{Refusals, stored, views};

/// Places an entry with the orders that close it: all are taken, or all are denied. The answer begins with the entry.
#[utoipa::path(tag = "orders", request_body = NewBracket, params(("Idempotency-Key" = Option<String>, Header, description = "The same key gives the same orders.", max_length = 128)), responses(
    (status = 201, body = Vec<views::Order>, description = "They stand in the ledger; the entry is on its way unless they were denied"),
    (status = 200, body = Vec<views::Order>, description = "The orders that this key made before"),
    Refusals,
))]
#[post("/orders/bracket")]
pub async fn submit_bracket(
    trader: Trader,
    edge: web::Data<Edge>,
    request: HttpRequest,
    new: web::Json<NewBracket>,
) -> Result<HttpResponse, Problem> {
    let (entry, exits) = new.into_inner().request()?;
    let key = key::of(&request)?;
    to_the_end(async move {
        let id = match key.as_deref() {
            Some(key) => OrderId::of_key(edge.settings.account.name, key),
            None => edge.next_order_id(),
        };
        place(&trader.0, &edge, exits.bracket(id, entry), key.as_deref()).await
    })
    .await
}

async fn place(
    who: &Who,
    edge: &Edge,
    orders: Vec<(OrderId, OrderRequest)>,
    key: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let Some((id, entry)) = orders.first() else { return Err(Problem::new(Code::Invalid, "a list without orders")) };
    if key.is_some() && stored::order(edge, *id).await?.is_some() {
        return placed(edge, &orders, key, HttpResponse::Ok()).await;
    }
    edge.note(who, "order.bracket", id, &entry.note).await?;
    // One that was not heard in time may still be, later: it is not known then, and must not be sent under another id.
    if !edge.runtime.command(Command::SubmitList { orders: orders.clone() }).await {
        return Err(Problem::new(Code::Unknown, unknown(*id, key)));
    }
    placed(edge, &orders, key, HttpResponse::Created()).await
}

/// The orders as they stand now; what a key made before must be the same.
async fn placed(
    edge: &Edge,
    orders: &[(OrderId, OrderRequest)],
    key: Option<&str>,
    mut answer: actix_web::HttpResponseBuilder,
) -> Result<HttpResponse, Problem> {
    let mut found = Vec::new();
    for (id, asked) in orders {
        let known = stored::order(edge, *id).await?.ok_or_else(|| Problem::new(Code::Unknown, unknown(*id, key)))?;
        key::check(asked, &known)?;
        found.push(known.json()?);
    }
    Ok(answer.json(found))
}
