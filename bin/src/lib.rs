//! Merganser: a trading runtime in one binary.
//!
//! A user's own binary is a dozen lines: make an [`App`], add strategies, call [`App::main`].

mod client;
mod commands;
mod http;
mod live;
mod output;
mod report;
mod stopped;

use std::process::ExitCode;

pub use actors::strategies::api;
use actors::strategies::api::Strategy;
use actors::strategies::registry::Registry;
use clap::Parser;
pub use messages;
use messages::Instrument;
use serde::de::DeserializeOwned;

/// The program: its commands, over a registry of strategies.
pub struct App {
    registry: Registry,
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl App {
    /// With the strategies that come with Merganser.
    #[must_use]
    pub fn new() -> Self {
        Self { registry: Registry::shipped() }
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
        self.registry.add(name, make);
        self
    }

    /// Reads the command line and does what it says. Exit codes: 0 ok, 1 a finding or refusal, 2 wrong usage.
    #[must_use]
    pub fn main(self) -> ExitCode {
        let line = commands::Line::parse();
        output::start_logs(line.verbose);
        match commands::execute(line, self.registry) {
            Ok(code) => code,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(1)
            }
        }
    }
}
