//! The live feeds: how they stand, and which symbols they watch.

use actix_web::{get, post, web};
use actors::ports::FeedStatus;
use messages::Symbol;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Refusals;
use super::access::{Reader, Trader};
use super::edge::Edge;
use super::problem::{Answer, Code, Problem};
use super::trading::Done;

/// Symbols that one request may name.
const MOST: usize = 1_000;

/// A change of what a feed watches.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FeedSymbols)]
pub struct ChangeRequest {
    /// Watched as well.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub add: Vec<Symbol>,
    /// Watched no longer.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub remove: Vec<Symbol>,
}

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_feeds).service(change_feed);
}

/// Every live feed: state, links, symbols, counters, lag. The simulated market and recordings are none.
#[utoipa::path(tag = "feeds", responses((status = 200, description = "The answer", body = Vec<Object>), Refusals))]
#[get("/feeds")]
async fn read_feeds(_: Reader, edge: web::Data<Edge>) -> Answer<Vec<FeedStatus>> {
    Ok(web::Json(edge.runtime.feeds().await))
}

/// Watches symbols, and others no longer, until merganser stops.
#[utoipa::path(tag = "feeds", request_body = ChangeRequest, responses((status = 200, description = "The answer", body = Done), Refusals))]
#[post("/feeds/{name}/symbols")]
async fn change_feed(
    trader: Trader,
    edge: web::Data<Edge>,
    name: web::Path<String>,
    change: web::Json<ChangeRequest>,
) -> Answer<Done> {
    let ChangeRequest { add, remove } = change.into_inner();
    if add.len() + remove.len() > MOST {
        return Err(Problem::new(Code::Invalid, format!("more than {MOST} symbols at once")));
    }
    if !edge.runtime.feed_names().any(|known| known == name.as_str()) {
        return Err(Problem::new(
            Code::NotFound,
            format!("no live feed `{name}` runs here; see feeds.run in the settings"),
        ));
    }
    let said = say(&add, &remove);
    edge.note(&trader.0, "feed.symbols", &name, &said).await?;
    edge.runtime.change_feed(&name, add, remove).await.map_err(|why| Problem::new(Code::Invalid, why))?;
    Ok(web::Json(Done { done: format!("{name} {said}, until merganser stops") }))
}

fn say(add: &[Symbol], remove: &[Symbol]) -> String {
    let list = |symbols: &[Symbol]| symbols.iter().map(Symbol::to_string).collect::<Vec<_>>().join(", ");
    match (add, remove) {
        ([], remove) => format!("watches {} no longer", list(remove)),
        (add, []) => format!("is asked to watch {} as well", list(add)),
        (add, remove) => format!("is asked to watch {} and {} no longer", list(add), list(remove)),
    }
}
