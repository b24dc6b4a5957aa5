//! Actors: the tree, and what each of them heard.

use actors::traffic::ActorStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{maybe, text};

/// An actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Actor)]
pub struct Actor {
    /// Its name; that of its strategy or feed, where there are several of a kind.
    pub name: String,
    /// What it is: `root`, `market`, `orders`, `positions`, `venue`, `strategy`, `feed` …
    pub kind: String,
    /// The name of the actor that replaces it when it fails; null of the root.
    pub parent: Option<String>,
    /// `starting`, `running` or `ended`.
    pub state: String,
    /// How often it was replaced.
    pub restarts: u32,
    /// When it began; null before it has.
    pub started_at: Option<String>,
    /// Messages that it handled since.
    pub handled: u64,
    /// Messages of others that wait for it.
    pub waiting: u64,
    /// The name of its last message.
    pub last_message: Option<String>,
    /// When it took that.
    pub last_at: Option<String>,
}

impl Actor {
    /// As it is shown.
    pub fn of(status: &ActorStatus) -> Self {
        Self {
            name: status.name.clone(),
            kind: text(status.kind),
            parent: (status.kind != ROOT).then(|| text(ROOT)),
            state: text(status.state),
            restarts: status.restarts,
            started_at: maybe(status.started_at),
            handled: status.handled,
            waiting: status.waiting,
            last_message: maybe(status.last_message),
            last_at: maybe(status.last_at),
        }
    }
}

const ROOT: &str = "root";
