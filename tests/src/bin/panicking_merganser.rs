//! Merganser with one more strategy: `jumpy`, which panics each time that it has heard so many quotes.

use merganser::api::{Context, Quote, Strategy, Wants};
use merganser::messages::Instrument;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jumpy {
    /// Quotes that it bears.
    quotes: u32,
    #[serde(skip)]
    instruments: Vec<Instrument>,
    #[serde(skip)]
    heard: u32,
}

impl Strategy for Jumpy {
    fn wants(&self) -> Wants {
        Wants { instruments: self.instruments.clone(), quotes: true, ..Wants::default() }
    }

    fn on_quote(&mut self, _: &Quote, context: &mut Context<'_>) {
        self.heard += 1;
        if self.heard == 1 {
            context.log("all is quiet");
        }
        assert!(self.heard < self.quotes, "one quote too many");
    }
}

fn main() -> std::process::ExitCode {
    merganser::App::new()
        .strategy("jumpy", |instruments, parameters: Jumpy| Ok(Jumpy { instruments, ..parameters }))
        .main()
}
