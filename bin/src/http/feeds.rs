//! The live feeds: how they stand, and which symbols they watch.

use actix_web::{HttpRequest, HttpResponse, web};
use messages::Symbol;
use serde::{Deserialize, Serialize};

use super::{Edge, refusal};

/// Symbols that one request may name.
const MOST: usize = 1_000;

/// A change of what a feed watches.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// Watched as well.
    #[serde(default)]
    pub add: Vec<Symbol>,
    /// Watched no longer.
    #[serde(default)]
    pub remove: Vec<Symbol>,
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/api/v1/feeds", web::get().to(list)).route("/api/v1/feeds/{name}/symbols", web::post().to(change));
}

async fn list(request: HttpRequest, edge: web::Data<Edge>) -> HttpResponse {
    if let Some(refused) = refusal(&request, &edge) {
        return refused;
    }
    HttpResponse::Ok().json(edge.runtime.feeds().await)
}

async fn change(
    request: HttpRequest,
    edge: web::Data<Edge>,
    name: web::Path<String>,
    change: web::Json<ChangeRequest>,
) -> HttpResponse {
    if let Some(refused) = refusal(&request, &edge) {
        return refused;
    }
    let ChangeRequest { add, remove } = change.into_inner();
    if add.len() + remove.len() > MOST {
        return HttpResponse::BadRequest().body(format!("more than {MOST} symbols at once"));
    }
    let said = say(&add, &remove);
    match edge.runtime.change_feed(&name, add, remove).await {
        Ok(()) => HttpResponse::Ok().body(format!("{name} {said}, until merganser stops\n")),
        Err(why) => HttpResponse::BadRequest().body(why),
    }
}

fn say(add: &[Symbol], remove: &[Symbol]) -> String {
    let list = |symbols: &[Symbol]| symbols.iter().map(Symbol::to_string).collect::<Vec<_>>().join(", ");
    match (add, remove) {
        ([], remove) => format!("watches {} no longer", list(remove)),
        (add, []) => format!("is asked to watch {} as well", list(add)),
        (add, remove) => format!("is asked to watch {} and {} no longer", list(add), list(remove)),
    }
}
