//! Merganser: a trading runtime in one binary.
//!
//! A user's own binary is a dozen lines: make an [`App`], add strategies, call [`App::main`].

mod client;
mod commands;
mod feeds;
mod http;
mod keys;
mod live;
mod outcome;
mod output;
mod report;
mod stopped;
mod stream;
pub mod telemetry;
mod venues;

use std::process::ExitCode;

pub use actors::strategies::api;
use actors::strategies::api::Strategy;
use actors::strategies::registry::Registry;
use actors::venues::Venues;
pub use actors::venues::paper::models as paper;
pub use actors::venues::{Connector, FromVenue, Say};
use clap::Parser;
pub use messages;
use messages::Instrument;
use messages::venues::Capabilities;
use serde::de::DeserializeOwned;

/// The program: its commands, over the strategies and venues that it knows.
pub struct App {
    plugins: Plugins,
}

/// What a binary adds to the program.
pub(crate) struct Plugins {
    /// Strategies by name.
    pub strategies: Registry,
    /// Venues outside of the process by name.
    pub venues: Venues,
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl App {
    /// With the strategies and the venues that come with Merganser.
    #[must_use]
    pub fn new() -> Self {
        Self { plugins: Plugins { strategies: Registry::shipped(), venues: venues::shipped() } }
    }

    /// Adds a strategy under a name. `make` gets its instruments and its typed parameters, and may refuse
    /// them in words.
    ///
    /// # Panics
    /// When the name is no strategy name or is taken: a mistake in the program.
    #[must_use]
    pub fn strategy<P, S>(
        mut self,
        name: &str,
        make: impl Fn(Vec<Instrument>, P) -> Result<S, String> + Send + Sync + 'static,
    ) -> Self
    where
        P: DeserializeOwned,
        S: Strategy + 'static,
    {
        self.plugins.strategies.add(name, make);
        self
    }

    /// Adds a venue under a name, for `venues.orders_to`. `make` gets its typed parameters each time that the
    /// venue is to be reached, and once before a run, which it refuses in words by an error.
    ///
    /// # Panics
    /// When the name is taken: a mistake in the program.
    #[must_use]
    pub fn venue<P, C>(
        mut self,
        name: &str,
        capabilities: Capabilities,
        make: impl Fn(P) -> Result<C, String> + Send + Sync + 'static,
    ) -> Self
    where
        P: DeserializeOwned + Clone + Send + Sync + 'static,
        C: Connector + 'static,
    {
        self.plugins.venues.add(name, capabilities, make);
        self
    }

    /// Adds models of the paper venue: `add` gets those that come with Merganser and adds its own under their names, for
    /// `paper.fills`, `paper.fees`, `paper.to_venue`, `paper.to_us` and `paper.slippage`.
    ///
    /// # Panics
    /// When a name is taken: a mistake in the program.
    #[must_use]
    pub fn models(mut self, add: impl FnOnce(&mut paper::Models)) -> Self {
        add(self.plugins.venues.models_mut());
        self
    }

    /// Reads the command line and does what it says. Exit codes: 0 ok, 1 a finding or refusal, 2 wrong usage.
    #[must_use]
    pub fn main(self) -> ExitCode {
        let line = commands::Line::parse();
        match commands::execute(line, self.plugins) {
            Ok(code) => code,
            Err(error) if error.chain().any(is_broken_pipe) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(1)
            }
        }
    }
}

/// Who reads the answer has seen enough of it (`| head`).
fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    let io = cause.downcast_ref::<std::io::Error>();
    io.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
