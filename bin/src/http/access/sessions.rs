//! Browsers that have logged in: a random name in a cookie that no script can read, and who that is, in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actors::clock::Clock;
use messages::{UtcNanos, caps};

use super::{Who, tokens};

/// The cookie's name.
pub const COOKIE: &str = "merganser_session";

/// How long a browser stays logged in: a trading day.
pub const SESSION_LASTS: Duration = Duration::from_secs(12 * 3_600);

/// Who is logged in, by the hash of the cookie.
pub struct Sessions {
    open: Mutex<BTreeMap<[u8; 32], (Who, UtcNanos)>>,
    wall: Clock,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { open: Mutex::default(), wall: Clock::wall() }
    }
}

impl Sessions {
    /// Opens one for `who`. Returns what the cookie holds.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn open(&self, who: Who) -> anyhow::Result<String> {
        let name = tokens::make()?.secret;
        let now = self.wall.now();
        let mut open = self.all();
        open.retain(|_, (_, ends)| *ends > now);
        let of_token = || open.iter().filter(|(_, (other, _))| other.name == who.name);
        if of_token().count() >= caps::SESSIONS
            && let Some(oldest) = of_token().min_by_key(|(_, (_, ends))| *ends).map(|(hash, _)| *hash)
        {
            open.remove(&oldest);
        }
        let who = Who { by_cookie: true, ..who };
        open.insert(messages::ids::hash(name.as_bytes()), (who, now.after(SESSION_LASTS)));
        Ok(name)
    }

    /// Who has this cookie.
    pub fn find(&self, name: &str) -> Option<Who> {
        let found = self.all().get(&messages::ids::hash(name.as_bytes())).cloned();
        found.filter(|(_, ends)| *ends > self.wall.now()).map(|(who, _)| who)
    }

    /// Closes one.
    pub fn close(&self, name: &str) {
        self.all().remove(&messages::ids::hash(name.as_bytes()));
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], (Who, UtcNanos)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use config::Scope;

    use super::*;

    #[test]
    fn sessions_are_bounded_and_end() {
        let sessions = Sessions::default();
        let who = |name: &str| Who { name: name.to_owned(), scope: Scope::Read, by_cookie: false };
        let other = sessions.open(who("other")).unwrap();
        let names: Vec<String> = (0..=caps::SESSIONS).map(|_| sessions.open(who("a")).unwrap()).collect();
        assert_eq!(sessions.find(&names[0]), None, "the oldest made room");
        assert_eq!(sessions.find(&names[1]), Some(Who { by_cookie: true, ..who("a") }));
        assert!(sessions.find(&other).is_some(), "of another token");
        sessions.close(&names[1]);
        assert_eq!(sessions.find(&names[1]), None);
    }
}
