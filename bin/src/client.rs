//! The command line's way to a running instance: found by the lock file, reached on loopback, with the
//! token that only its owner can read.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use config::Settings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use storage::datadir;
use ureq::http::Response;
use ureq::{Body, RequestBuilder};

use crate::http::NOTE;
use crate::http::edge::FRESH_WITHIN;
use crate::http::problem::Problem;

/// How long an answer may take; a question that may run for long has this beside its own time, for files from the
/// cold store, which no limit of the database knows.
const WITHIN: Duration = Duration::from_secs(120);

/// How long the answer to a question may take that runs for at most `execute`.
pub fn within(settings: &Settings, execute: Duration) -> Duration {
    let waits = settings.duckdb.acquire_timeout.saturating_add(FRESH_WITHIN);
    execute.saturating_add(waits).saturating_add(WITHIN)
}

/// A running instance.
pub struct Running {
    address: String,
    token: String,
}

/// An answer as it came.
pub struct Reply {
    /// What it says.
    pub body: Vec<u8>,
    /// What is to be known of it.
    pub note: Option<String>,
}

impl Reply {
    fn text(self) -> anyhow::Result<String> {
        String::from_utf8(self.body).context("the answer is no text")
    }

    fn parsed<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.body).context("the answer is of another version of merganser")
    }
}

/// Finds the instance that runs on `root`; `None` when nobody does.
///
/// # Errors
/// Somebody does, and does not answer commands (yet).
pub fn find(root: &Path) -> anyhow::Result<Option<Running>> {
    let Some(owner) = datadir::owner(root) else { return Ok(None) };
    let (Some(address), Some(token_path)) = (owner.address, owner.token_path) else {
        bail!(
            "process {} uses {} and does not answer commands; try again, or wait until it ends",
            owner.pid,
            root.display()
        );
    };
    let token = std::fs::read_to_string(&token_path).with_context(|| {
        format!("the token {} cannot be read; are you the user who runs merganser?", token_path.display())
    })?;
    Ok(Some(Running { address, token: token.trim().to_owned() }))
}

impl Running {
    /// Sends a request and returns the answer's text.
    ///
    /// # Errors
    /// The instance does not answer, or refuses in its own words.
    pub fn post(&self, path: &str, body: &impl Serialize) -> anyhow::Result<String> {
        self.ask(path, body, Some(WITHIN))?.text()
    }

    /// Sends a request whose answer may take as long as it takes.
    ///
    /// # Errors
    /// The instance does not answer, or refuses in its own words.
    pub fn post_and_wait(&self, path: &str, body: &impl Serialize) -> anyhow::Result<String> {
        self.ask(path, body, None)?.text()
    }

    /// Sends a question and returns the answer, which may be a file.
    ///
    /// # Errors
    /// The instance does not answer, or refuses in its own words.
    pub fn ask(&self, path: &str, body: &impl Serialize, within: Option<Duration>) -> anyhow::Result<Reply> {
        self.reply(self.signed(agent(within).post(self.url(path))).send_json(body))
    }

    /// Sends a request whose answer comes line by line, for as long as it takes. Empty lines say nothing.
    ///
    /// # Errors
    /// The instance does not answer, refuses in its own words, or `hear` does not go on.
    pub fn post_and_hear(
        &self,
        path: &str,
        body: &impl Serialize,
        mut hear: impl FnMut(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let response = self.signed(agent(None).post(self.url(path))).send_json(body);
        if response.as_ref().is_ok_and(|r| r.status().is_success()) {
            let mut response = response?;
            for line in BufReader::new(response.body_mut().as_reader()).lines() {
                let line = line.context("the answer broke off")?;
                if !line.is_empty() {
                    hear(&line)?;
                }
            }
            return Ok(());
        }
        self.reply(response).map(drop)
    }

    /// Asks for something.
    ///
    /// # Errors
    /// The instance does not answer, or refuses in its own words.
    pub fn get(&self, path: &str) -> anyhow::Result<String> {
        self.reply(self.signed(agent(Some(WITHIN)).get(self.url(path))).call())?.text()
    }

    /// Asks for something of a known shape.
    ///
    /// # Errors
    /// As [`Self::get`]; or the instance is of another version.
    pub fn read<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.read_with(path, &[])
    }

    /// The same, with a query.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_with<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<T> {
        let request = agent(Some(WITHIN)).get(self.url(path)).query_pairs(query.iter().map(|(k, v)| (*k, v.as_str())));
        self.reply(self.signed(request).call())?.parsed()
    }

    /// Says something that is done once, however often it is said with the same key.
    ///
    /// # Errors
    /// As [`Self::say`].
    pub fn say_once<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize, key: &str) -> anyhow::Result<T> {
        let request = agent(Some(WITHIN)).post(self.url(path)).header("Idempotency-Key", key);
        self.reply(self.signed(request).send_json(body))?.parsed()
    }

    /// Says something, and returns the answer of a known shape.
    ///
    /// # Errors
    /// As [`Self::post`]; or the instance is of another version.
    pub fn say<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        self.ask(path, body, Some(WITHIN))?.parsed()
    }

    /// Takes something away, and returns the answer of a known shape.
    ///
    /// # Errors
    /// As [`Self::say`].
    pub fn delete<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.reply(self.signed(agent(Some(WITHIN)).delete(self.url(path))).call())?.parsed()
    }

    /// A link that logs a browser in: what stands behind `#` is sent nowhere.
    pub fn dashboard(&self) -> String {
        format!("{}/#token={}", self.base(), self.token)
    }

    /// Where it is.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    fn signed<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        request.header("Authorization", format!("Bearer {}", self.token))
    }

    fn reply(&self, response: Result<Response<Body>, ureq::Error>) -> anyhow::Result<Reply> {
        let mut response = response.with_context(|| format!("the instance at {} does not answer", self.address))?;
        let status = response.status();
        let note = response.headers().get(NOTE).and_then(|note| note.to_str().ok()).map(str::to_owned);
        let body = response.body_mut().with_config().limit(1 << 30).read_to_vec().context("the answer broke off")?;
        if !status.is_success() {
            match serde_json::from_slice::<Problem>(&body) {
                Ok(problem) => bail!("{}", problem.detail),
                Err(_) => bail!("{status}: {}", String::from_utf8_lossy(&body).trim()),
            }
        }
        Ok(Reply { body, note })
    }
}

fn agent(within: Option<Duration>) -> ureq::Agent {
    let config = ureq::Agent::config_builder().timeout_global(within).http_status_as_error(false);
    config.proxy(None).build().into()
}
